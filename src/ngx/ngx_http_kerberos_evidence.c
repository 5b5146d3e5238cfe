
/* SPDX-License-Identifier: MIT
 *
 * What nginx shows of an attempt that ends.  No verdict here: the core has
 * the table.
 */

#include "ngx/ngx_http_kerberos.h"


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
    evidence->header_sent = r->header_sent;
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
