
/* SPDX-License-Identifier: MIT
 *
 * Answers of our own: finishing a request without an upstream, and telling
 * when to come back.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_uint_t ngx_http_kerberos_wants_problem(ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_send_problem(ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_header_filter(ngx_http_request_t *r);


/* draft-ietf-httpapi-ratelimit-headers names the type, RFC 9457 the rest */

static u_char  ngx_http_kerberos_problem[] =
    "{\"type\":\"https://iana.org/assignments/http-problem-types"
    "#temporary-reduced-capacity\","
    "\"title\":\"Temporary Reduced Capacity\",\"status\":503,"
    "\"detail\":\"No peer of the service may take a request now.\"}" CRLF;


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

    if (status == NGX_HTTP_SERVICE_UNAVAILABLE
        && ngx_http_kerberos_wants_problem(r))
    {
        ngx_http_finalize_request(r, ngx_http_kerberos_send_problem(r));
        return;
    }

    ngx_http_finalize_request(r, status);
}


/* an error_page knows better */

static ngx_uint_t
ngx_http_kerberos_wants_problem(ngx_http_request_t *r)
{
    ngx_uint_t                     i;
    ngx_http_err_page_t           *page;
    ngx_http_core_loc_conf_t      *clcf;
    ngx_http_kerberos_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_kerberos_module);

    if (!klcf->problem_json || r != r->main) {
        return 0;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages == NULL || r->error_page) {
        return 1;
    }

    page = clcf->error_pages->elts;

    for (i = 0; i < clcf->error_pages->nelts; i++) {
        if (page[i].status == NGX_HTTP_SERVICE_UNAVAILABLE) {
            return 0;
        }
    }

    return 1;
}


static ngx_int_t
ngx_http_kerberos_send_problem(ngx_http_request_t *r)
{
    ngx_int_t    rc;
    ngx_buf_t   *b;
    ngx_chain_t  out;

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    r->headers_out.content_length_n = sizeof(ngx_http_kerberos_problem) - 1;
    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = ngx_http_kerberos_problem;
    b->last = b->pos + sizeof(ngx_http_kerberos_problem) - 1;
    b->memory = 1;
    b->last_buf = 1;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
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

    /* what comes from a cache did not get as far as a peer */

    if (ctx == ngx_http_get_module_ctx(r, ngx_http_kerberos_module)) {
        ngx_http_kerberos_restore_request(r, ctx);
    }

    if (ctx->held && ctx->pick.met == KERBEROS_HALF_OPEN) {
        ngx_http_kerberos_answer_probe(ctx);
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
