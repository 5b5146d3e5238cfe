
/* SPDX-License-Identifier: MIT
 *
 * Which service a request is for: the block's own, or one of the registry
 * that configuration or client name.  And by which key it is hashed there.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_int_t ngx_http_kerberos_route_late(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx);
static void ngx_http_kerberos_log_unknown(ngx_http_request_t *r,
    kerberos_process *process, ngx_str_t *name);


/* NGX_OK, NGX_ERROR, or a status to finish the request with */

ngx_int_t
ngx_http_kerberos_find_service(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_ctx_t *ctx,
    uint32_t *number)
{
    uint32_t                       found;
    ngx_int_t                      rc;
    ngx_str_t                      value;
    kerberos_text                  name;
    ngx_http_complex_value_t      *service;
    ngx_http_kerberos_srv_conf_t  *kscf;
    ngx_http_kerberos_loc_conf_t  *klcf;

    kscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_kerberos_module);

    service = kscf->service;

    if (us == ctx->kmcf->registry) {
        klcf = ngx_http_get_module_loc_conf(r, ngx_http_kerberos_module);
        service = klcf->service;
        ctx->registry = 1;
    }

    value = us->host;

    if (service) {
        ctx->registry = 1;

        if (ngx_http_complex_value(r, service, &value) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (us == ctx->kmcf->registry && (service == NULL || value.len == 0)) {

        if (ctx->routed.len == 0) {
            rc = ngx_http_kerberos_route_late(r, ctx);

            if (rc != NGX_OK) {
                return rc;
            }
        }

        value = ctx->routed;
    }

    name.data = (char *) value.data;
    name.len = value.len;

    if (!kerberos_find(ctx->process,
                       ctx->registry ? KERBEROS_OF_REGISTRY
                                     : KERBEROS_OF_BLOCK,
                       name, &found))
    {
        ngx_http_kerberos_log_unknown(r, ctx->process, &value);
        return NGX_HTTP_NOT_FOUND;
    }

    *number = found;
    ctx->service = kerberos_service_rank(ctx->process, found);

    /* it outlives the generation in the log */

    name = kerberos_service_name(ctx->process, found);

    if (ngx_http_kerberos_copy_text(r->pool, &ctx->service_name, name)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* of a location whose proxy_pass shows only now where it goes */

static ngx_int_t
ngx_http_kerberos_route_late(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx)
{
    ngx_int_t       rc;
    kerberos_route  route;

    if (!kerberos_has_routes(ctx->process)) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "no \"kerberos_service\" for this request");
        return NGX_HTTP_NOT_FOUND;
    }

    rc = ngx_http_kerberos_find_route(r, ctx, &route);

    if (rc == NGX_OK && (route.rewrites || route.set_headers)) {
        ngx_log_error(NGX_LOG_WARN, r->connection->log, 0,
                      "route \"%V\" changes neither path nor headers where "
                      "\"proxy_pass\" has variables", &ctx->route);
    }

    return rc;
}


/* clients write these names: none may break a line or paint a terminal */

static void
ngx_http_kerberos_log_unknown(ngx_http_request_t *r,
    kerberos_process *process, ngx_str_t *name)
{
    char     known[1024];
    size_t   i, len, shown;
    u_char   text[128];

    shown = ngx_min(name->len, sizeof(text));

    for (i = 0; i < shown; i++) {
        text[i] = (name->data[i] < 0x20 || name->data[i] == 0x7f)
                  ? '?' : name->data[i];
    }

    len = kerberos_service_names(process, known, sizeof(known));

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "unknown service \"%*s%s\" (known: %*s)",
                  shown, text, shown < name->len ? "..." : "", len, known);
}


/*
 * Keys are evaluated by name, see ngx_http_kerberos_text.c; that nginx can
 * compile them tells that their variables exist
 */

ngx_int_t
ngx_http_kerberos_check_keys(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    size_t                             i;
    ngx_str_t                          value;
    kerberos_text                      key;
    ngx_http_complex_value_t           cv;
    ngx_http_compile_complex_value_t   ccv;

    for (i = 0; i < kerberos_config_services(kmcf->config); i++) {

        key = kerberos_config_key(kmcf->config, i);

        if (key.len == 0) {
            continue;
        }

        /* terminated by zero, though its length does not say so */

        value.data = (u_char *) key.data;
        value.len = key.len;

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

        ccv.cf = cf;
        ccv.value = &value;
        ccv.complex_value = &cv;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
