
/* SPDX-License-Identifier: MIT
 *
 * The terms of an attempt.  nginx reads them from u->conf, which all requests
 * of a location share: an attempt with terms of its own gets a copy, with what
 * its service says, and one more where it is a probe.
 */

#include "ngx/ngx_http_kerberos.h"


static ngx_uint_t ngx_http_kerberos_says_timeouts(kerberos_terms *terms);
static void ngx_http_kerberos_set_timeout(ngx_msec_t *timeout, int64_t value);


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

    if (ngx_http_kerberos_says_timeouts(&terms)) {

        conf = ngx_http_kerberos_own_conf(ctx);
        if (conf == NULL) {
            return NGX_ERROR;
        }

        ngx_http_kerberos_set_timeout(&conf->connect_timeout, terms.connect);
        ngx_http_kerberos_set_timeout(&conf->send_timeout, terms.send);
        ngx_http_kerberos_set_timeout(&conf->read_timeout, terms.read);
    }

    ctx->usual = u->conf;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_kerberos_says_timeouts(kerberos_terms *terms)
{
    return terms->connect != -1 || terms->send != -1 || terms->read != -1;
}


static void
ngx_http_kerberos_set_timeout(ngx_msec_t *timeout, int64_t value)
{
    if (value != -1) {
        *timeout = value;
    }
}
