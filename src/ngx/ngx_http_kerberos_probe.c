
/* SPDX-License-Identifier: MIT
 *
 * Probes that nobody sees fail: a request that can be sent again is, to
 * another peer, whatever "proxy_next_upstream" says about requests that are
 * no probes.
 */

#include "ngx/ngx_http_kerberos_request.h"


#define NGX_HTTP_KERBEROS_REPLAY_ON  (NGX_HTTP_UPSTREAM_FT_ERROR              \
                                      |NGX_HTTP_UPSTREAM_FT_TIMEOUT           \
                                      |NGX_HTTP_UPSTREAM_FT_INVALID_HEADER    \
                                      |NGX_HTTP_UPSTREAM_FT_HTTP_500          \
                                      |NGX_HTTP_UPSTREAM_FT_HTTP_502          \
                                      |NGX_HTTP_UPSTREAM_FT_HTTP_503          \
                                      |NGX_HTTP_UPSTREAM_FT_HTTP_504          \
                                      |NGX_HTTP_UPSTREAM_FT_HTTP_429)


/* by nginx's own rules for requests, and never against "off" */

ngx_uint_t
ngx_http_kerberos_replayable(ngx_http_request_t *r)
{
    ngx_uint_t  next;

    next = r->upstream->conf->next_upstream;

    if (r->request_body_no_buffering || (next & NGX_HTTP_UPSTREAM_FT_OFF)) {
        return 0;
    }

    return !(r->method & (NGX_HTTP_POST|NGX_HTTP_LOCK|NGX_HTTP_PATCH))
           || (next & NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT);
}


/* with a try of its own */

ngx_int_t
ngx_http_kerberos_begin_probe(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc)
{
    ngx_msec_t                 limit;
    ngx_http_upstream_conf_t  *conf;

    conf = ngx_http_kerberos_own_conf(ctx);
    if (conf == NULL) {
        return NGX_ERROR;
    }

    limit = ctx->pick.replay_within;

    conf->next_upstream |= NGX_HTTP_KERBEROS_REPLAY_ON;
    conf->connect_timeout = ngx_min(conf->connect_timeout, limit);
    conf->send_timeout = ngx_min(conf->send_timeout, limit);
    conf->read_timeout = ngx_min(conf->read_timeout, limit);

    pc->tries++;

    return NGX_OK;
}


/* from here on it may take its time, if it is as good as it seems */

void
ngx_http_kerberos_answer_probe(ngx_http_kerberos_ctx_t *ctx)
{
    kerberos_evidence     evidence;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    ngx_memzero(&evidence, sizeof(kerberos_evidence));

    evidence.finalized = 1;

    ngx_http_kerberos_collect_evidence(ctx->request, &u->peer, 0, &evidence);

    kerberos_answered(ctx->process, &ctx->state, &evidence, ngx_current_msec);

    u->conf = ctx->usual;
}
