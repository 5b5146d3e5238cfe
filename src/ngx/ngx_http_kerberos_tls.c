
/* SPDX-License-Identifier: MIT
 *
 * TLS by the terms of a service: whether it is spoken at all, by which name,
 * and whom is trusted.  Protocols, ciphers and a certificate of our own are the
 * location's, where it speaks TLS itself.
 */

#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


static ngx_uint_t ngx_http_kerberos_takes_both(ngx_http_upstream_t *u);


#if (NGX_HTTP_SSL)

static ngx_str_t  ngx_http_kerberos_plain = ngx_string("http://");
static ngx_str_t  ngx_http_kerberos_secure = ngx_string("https://");


/* for locations that speak no TLS themselves */

ngx_int_t
ngx_http_kerberos_create_tls(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_ssl_t           *ssl;
    ngx_pool_cleanup_t  *cln;

    ssl = ngx_pcalloc(cf->pool, sizeof(ngx_ssl_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (ssl == NULL || cln == NULL) {
        return NGX_ERROR;
    }

    ssl->log = cf->log;

    if (ngx_ssl_create(ssl, NGX_SSL_TLSv1_2|NGX_SSL_TLSv1_3, NULL) != NGX_OK) {
        return NGX_ERROR;
    }

    cln->handler = ngx_ssl_cleanup_ctx;
    cln->data = ssl;

    kmcf->tls = ssl;

    return ngx_ssl_client_session_cache(cf, ssl, 1);
}

#endif


/* NGX_OK, or a status to finish the request with */

ngx_int_t
ngx_http_kerberos_check_scheme(ngx_http_kerberos_ctx_t *ctx)
{
    kerberos_terms        terms;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (!ctx->registry
        || !kerberos_get_terms(ctx->process, &ctx->state, &terms)
        || terms.tls == (int) u->ssl
        || ngx_http_kerberos_takes_both(u))
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "the peers of service \"%V\" %s TLS, and \"%V_pass\" here "
                  "%s", &ctx->service_name,
                  u->ssl ? "do not speak" : "speak", &u->conf->module,
                  u->ssl ? "does" : "does not");

    return NGX_HTTP_BAD_GATEWAY;
}


/*
 * A request of HTTP/1 is the same with TLS and without.  One of HTTP/2 has the
 * scheme in it, and has been written by now; others know nothing of TLS.
 */

static ngx_uint_t
ngx_http_kerberos_takes_both(ngx_http_upstream_t *u)
{
#if (NGX_HTTP_SSL)

    if (u->conf->module.len != 5
        || ngx_strncmp(u->conf->module.data, "proxy", 5) != 0)
    {
        return 0;
    }

#if (nginx_version >= 1029004)
    return u->ssl_alpn_protocol.len == 0;
#else
    return 1;
#endif

#else
    return 0;
#endif
}


/* switches TLS on or off, and tells whether that takes terms of its own */

ngx_uint_t
ngx_http_kerberos_wants_tls(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms)
{
#if (NGX_HTTP_SSL)

    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if (terms->tls != (int) u->ssl && ngx_http_kerberos_takes_both(u)) {
        u->ssl = terms->tls;
        u->schema = terms->tls ? ngx_http_kerberos_secure
                               : ngx_http_kerberos_plain;
    }

    ngx_http_kerberos_drop_trust(ctx);

    return u->ssl
           && (u->conf->ssl == NULL || u->conf->ssl->ctx == NULL
               || terms->verify != -1 || terms->name.len || terms->trusted.len);

#else
    return 0;
#endif
}


ngx_int_t
ngx_http_kerberos_set_tls(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_upstream_conf_t *conf, kerberos_terms *terms)
{
#if (NGX_HTTP_SSL)

    ngx_http_complex_value_t  *name;

    if (conf->ssl == NULL || conf->ssl->ctx == NULL) {
        conf->ssl = ctx->kmcf->tls;
    }

    if (terms->name.len) {

        name = ngx_pcalloc(ctx->request->pool,
                           sizeof(ngx_http_complex_value_t));
        if (name == NULL
            || ngx_http_kerberos_copy_text(ctx->request->pool, &name->value,
                                           terms->name)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        conf->ssl_name = name;
        conf->ssl_server_name = 1;
    }

    if (terms->verify != -1) {
        conf->ssl_verify = terms->verify;
    }

    if (terms->trusted.len == 0) {
        return NGX_OK;
    }

    /* nginx asks us for a session right before it shakes hands */

    conf->ssl_session_reuse = 1;

    return ngx_http_kerberos_take_trust(ctx, terms);

#else
    return NGX_OK;
#endif
}
