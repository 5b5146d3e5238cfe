
/* SPDX-License-Identifier: MIT
 *
 * Answers of our own: finishing a request without an upstream, and telling
 * when to come back.
 */

#include "ngx/ngx_http_kerberos.h"


static ngx_int_t ngx_http_kerberos_header_filter(ngx_http_request_t *r);


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;


/*
 * Finishes the request from within peer.init or peer.get, whose caller must
 * then be told NGX_ERROR.  The upstream's own cleanup gives back what it
 * holds; the caller then finds the request already finished, and two of the
 * references are for these two.
 */

void
ngx_http_kerberos_finish(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *name)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->state) {
        u->state->status = status;
        u->state->peer = name;
    }

    r->main->count += 2;

    (*u->cleanup)(r);

    ngx_http_finalize_request(r, status);
}


ngx_int_t
ngx_http_kerberos_init_header_filter(ngx_conf_t *cf)
{
    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_kerberos_header_filter;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_header_filter(ngx_http_request_t *r)
{
    ngx_int_t                 seconds;
    ngx_table_elt_t          *h;
    ngx_http_kerberos_ctx_t  *ctx;

    ctx = ngx_http_kerberos_get_ctx(r);

    if (ctx == NULL) {
        return ngx_http_next_header_filter(r);
    }

    if (ctx->held) {
        kerberos_answered(ctx->process, &ctx->state);
    }

    /* an error_page may have found another answer, even another 503 */

    seconds = ngx_http_kerberos_retry_after(ctx);

    if (seconds && r->headers_out.status == NGX_HTTP_SERVICE_UNAVAILABLE
        && (r->upstream == NULL || r->upstream->headers_in.status_n == 0))
    {

        h = ngx_list_push(&r->headers_out.headers);
        if (h == NULL) {
            return NGX_ERROR;
        }

        h->hash = 1;
#if (nginx_version >= 1023000)
        h->next = NULL;
#endif
        ngx_str_set(&h->key, "Retry-After");

        h->value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
        if (h->value.data == NULL) {
            h->hash = 0;
            return NGX_ERROR;
        }

        h->value.len = ngx_sprintf(h->value.data, "%i", seconds)
                       - h->value.data;
    }

    return ngx_http_next_header_filter(r);
}


/* whole seconds until somebody may be had, 0 where nobody can tell */

ngx_int_t
ngx_http_kerberos_retry_after(ngx_http_kerberos_ctx_t *ctx)
{
    return ctx->rejected ? (ctx->pick.retry_after + 999) / 1000 : 0;
}
