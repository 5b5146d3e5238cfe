
/* SPDX-License-Identifier: MIT
 *
 * What nginx shows of an attempt that ends.  No verdict here: the core has
 * the table.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_int_t ngx_http_kerberos_grpc_status(ngx_http_upstream_t *u);
static ngx_table_elt_t *ngx_http_kerberos_find_header(ngx_list_t *headers,
    ngx_str_t *name);


static ngx_str_t  ngx_http_kerberos_retry_after_name =
    ngx_string("retry-after");
static ngx_str_t  ngx_http_kerberos_grpc_status_name =
    ngx_string("grpc-status");


void
ngx_http_kerberos_collect_evidence(ngx_http_request_t *r,
    ngx_peer_connection_t *pc, ngx_uint_t state, kerberos_evidence *evidence)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    evidence->freed = (state & NGX_PEER_FAILED) ? 4
                      : (state & NGX_PEER_NEXT) ? 2 : 0;

    evidence->status = u->headers_in.status_n;
    evidence->header_received = u->state
                                && u->state->header_time != (ngx_msec_t) -1;
    evidence->bytes_received = u->state && u->state->bytes_received != 0;
    evidence->duration = evidence->header_received
                         ? u->state->header_time
                         : ngx_current_msec - u->start_time;
    evidence->header_sent = r->header_sent;
    evidence->retry_after =
        evidence->status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_kerberos_find_header(&u->headers_in.headers,
                                         &ngx_http_kerberos_retry_after_name);
    evidence->grpc_status = ngx_http_kerberos_grpc_status(u);
    evidence->reused = pc->cached;
    evidence->upgraded = u->upgrade;
    evidence->client_gone = r->connection->error;

    /*
     * NULL where keepalive has put the connection away, which it does after
     * successes only, or where there never was one; then request_sent is
     * that of the attempt before
     */

    c = pc->connection;

    if (c == NULL) {
        return;
    }

    evidence->request_sent = u->request_sent;

#if (NGX_HTTP_SSL)
    evidence->tls = c->ssl != NULL;
#endif

    /* the timer of the write event is that of connecting, then of sending */

    evidence->connect_timed_out = c->write->timedout && !u->request_sent;
    evidence->read_timed_out = c->read->timedout
                               || (c->write->timedout && u->request_sent);
    evidence->read_eof = c->read->eof;
    evidence->read_error = c->read->error;
}


/* in the trailers, or in the header where nothing else came */

static ngx_int_t
ngx_http_kerberos_grpc_status(ngx_http_upstream_t *u)
{
    ngx_table_elt_t  *h;

    if (u->conf->module.len != 4
        || ngx_strncmp(u->conf->module.data, "grpc", 4) != 0)
    {
        return -1;
    }

    h = ngx_http_kerberos_find_header(&u->headers_in.trailers,
                                      &ngx_http_kerberos_grpc_status_name);

    if (h == NULL) {
        h = ngx_http_kerberos_find_header(&u->headers_in.headers,
                                          &ngx_http_kerberos_grpc_status_name);
    }

    return h ? ngx_atoi(h->value.data, h->value.len) : -1;
}


static ngx_table_elt_t *
ngx_http_kerberos_find_header(ngx_list_t *headers, ngx_str_t *name)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &headers->part; part; part = part->next) {

        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                return &h[i];
            }
        }
    }

    return NULL;
}
