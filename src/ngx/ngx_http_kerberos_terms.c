
/* SPDX-License-Identifier: MIT
 *
 * The terms of an attempt.  nginx reads them from u->conf, which all requests
 * of a location share: an attempt with terms of its own gets a copy, with what
 * its service says, and one more where it is a probe.
 */

#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


static void ngx_http_kerberos_set_limits(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms);
static void ngx_http_kerberos_set_timeouts(ngx_http_upstream_conf_t *conf,
    kerberos_terms *terms);


/* u->conf, to be changed for this attempt; NULL: no memory */

ngx_http_upstream_conf_t *
ngx_http_kerberos_own_conf(ngx_http_kerberos_ctx_t *ctx)
{
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = ctx->request->upstream;

    conf = ngx_palloc(ctx->request->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    *conf = *u->conf;
    u->conf = conf;

    return conf;
}


/* before each attempt: the request may be on another generation by now */

ngx_int_t
ngx_http_kerberos_set_terms(ngx_http_kerberos_ctx_t *ctx)
{
    ngx_uint_t                 timeouts, tls;
    kerberos_terms             terms;
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = ctx->request->upstream;

    if (ctx->conf == NULL) {
        ctx->conf = u->conf;
    }

    u->conf = ctx->conf;
    ctx->usual = ctx->conf;

    if (!kerberos_get_terms(ctx->process, &ctx->state, &terms)) {
        return NGX_OK;
    }

    ngx_http_kerberos_set_limits(ctx, &terms);

    timeouts = terms.connect != -1 || terms.send != -1 || terms.read != -1;
    tls = ctx->registry && ngx_http_kerberos_wants_tls(ctx, &terms);

    if (!timeouts && !tls) {
        return NGX_OK;
    }

    conf = ngx_http_kerberos_own_conf(ctx);
    if (conf == NULL) {
        return NGX_ERROR;
    }

    ctx->usual = conf;

    ngx_http_kerberos_set_timeouts(conf, &terms);

    return tls ? ngx_http_kerberos_set_tls(ctx, conf, &terms) : NGX_OK;
}


/* the service's word goes before that of the block, unless nginx keeps */

static void
ngx_http_kerberos_set_limits(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms)
{
    ngx_http_kerberos_limits_t  *limits;

    if (ctx->pool == NULL) {
        return;
    }

    limits = &ctx->limits;
    *limits = ctx->pool->limits;

    if (terms->kept.connections != -1) {
        limits->max = terms->kept.connections;
    }

    if (terms->kept.idle != -1) {
        limits->idle = terms->kept.idle;
    }

    if (terms->kept.requests != -1) {
        limits->requests = terms->kept.requests;
    }

    /* that of the block is for all of its services */

    limits->total = terms->kept.total == -1 ? 0 : terms->kept.total;
}


static void
ngx_http_kerberos_set_timeouts(ngx_http_upstream_conf_t *conf,
    kerberos_terms *terms)
{
    if (terms->connect != -1) {
        conf->connect_timeout = terms->connect;
    }

    if (terms->send != -1) {
        conf->send_timeout = terms->send;
    }

    if (terms->read != -1) {
        conf->read_timeout = terms->read;
    }
}
