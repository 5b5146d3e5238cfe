
/* SPDX-License-Identifier: MIT
 *
 * Routes: which service of the registry takes a request whose location names
 * none, and what becomes of its path and headers on the way.  The upstream is
 * asked when the request to the peer is written already, so this comes right
 * before the location's own handler.  Then all is put back: error pages,
 * subrequests and logs go by what the client asked for.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_int_t ngx_http_kerberos_route_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_content_handler(ngx_http_request_t *r);
static ngx_http_kerberos_ctx_t *ngx_http_kerberos_parent_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_is_named(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kerberos_is_routed(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf);


/* modules that begin their location's configuration with an upstream's */

static char  *ngx_http_kerberos_upstream_modules[] = {
    "ngx_http_proxy_module",
    "ngx_http_grpc_module",
    "ngx_http_fastcgi_module",
    "ngx_http_uwsgi_module",
    "ngx_http_scgi_module",
    NULL
};


ngx_int_t
ngx_http_kerberos_init_routes(ngx_conf_t *cf)
{
    char                           **name;
    ngx_uint_t                       m, *index;
    ngx_module_t                    *module;
    ngx_http_handler_pt             *h;
    ngx_http_core_main_conf_t       *cmcf;
    ngx_http_kerberos_main_conf_t   *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    if (kmcf->registry == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&kmcf->upstream_modules, cf->pool, 5,
                       sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (m = 0; cf->cycle->modules[m]; m++) {
        module = cf->cycle->modules[m];

        for (name = ngx_http_kerberos_upstream_modules; *name; name++) {

            if (module->type != NGX_HTTP_MODULE
                || ngx_strcmp(module->name, *name) != 0)
            {
                continue;
            }

            index = ngx_array_push(&kmcf->upstream_modules);
            if (index == NULL) {
                return NGX_ERROR;
            }

            *index = module->ctx_index;
        }
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_kerberos_route_handler;

    return NGX_OK;
}


/* steps between the request and the location's handler */

static ngx_int_t
ngx_http_kerberos_route_handler(ngx_http_request_t *r)
{
    ngx_http_kerberos_ctx_t        *ctx;
    ngx_http_kerberos_loc_conf_t   *klcf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kerberos_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_kerberos_module);

    if (kmcf->process == NULL
        || r->content_handler == NULL
        || (klcf->service && klcf->service->lengths == NULL)
        || !ngx_http_kerberos_is_routed(r, kmcf))
    {
        return NGX_DECLINED;
    }

    ngx_http_kerberos_adopt(kmcf);

    if (!kerberos_has_routes(kmcf->process)) {
        return NGX_DECLINED;
    }

    ctx = ngx_http_kerberos_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->handler = r->content_handler;
    r->content_handler = ngx_http_kerberos_content_handler;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_kerberos_content_handler(ngx_http_request_t *r)
{
    ngx_int_t                 rc;
    kerberos_route            route;
    ngx_http_kerberos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kerberos_module);

    if (ctx == NULL) {
        ctx = ngx_http_kerberos_parent_ctx(r);

        return ctx ? ctx->handler(r) : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_kerberos_is_named(r);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc == NGX_DECLINED) {

        /* it may be long ago that the steps were taken */

        ngx_http_kerberos_adopt(ctx->kmcf);

        rc = ngx_http_kerberos_find_route(r, ctx, &route);

        if (rc != NGX_OK) {
            return rc;
        }

        if (ngx_http_kerberos_apply_route(r, ctx, &route) != NGX_OK) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = ctx->handler(r);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        ngx_http_kerberos_restore_request(r, ctx);
    }

    return rc;
}


/*
 * A subrequest that nginx makes as a copy, for a slice or to renew what is in
 * its cache, begins past our step: it goes where its parent goes.  Its request
 * to the peer is written already; where it was not in the parent's form at the
 * time, it is written again
 */

ngx_int_t
ngx_http_kerberos_follow_parent(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx)
{
    ngx_http_kerberos_ctx_t  *parent;

    parent = ngx_http_kerberos_parent_ctx(r);

    if (parent == NULL) {
        return NGX_OK;
    }

    ctx->routed = parent->routed;
    ctx->route = parent->route;

    return ngx_http_kerberos_send_form(r, ctx, parent->sent);
}


/* of a request that this one is a copy of */

static ngx_http_kerberos_ctx_t *
ngx_http_kerberos_parent_ctx(ngx_http_request_t *r)
{
    ngx_http_kerberos_ctx_t  *ctx;

    if (r->parent == NULL || r->parent->loc_conf != r->loc_conf) {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r->parent, ngx_http_kerberos_module);

    return (ctx && ctx->handler) ? ctx : NULL;
}


/* NGX_OK: "kerberos_service" names a service, NGX_DECLINED: none */

static ngx_int_t
ngx_http_kerberos_is_named(ngx_http_request_t *r)
{
    ngx_str_t                      value;
    ngx_http_kerberos_loc_conf_t  *klcf;

    klcf = ngx_http_get_module_loc_conf(r, ngx_http_kerberos_module);

    if (klcf->service == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_complex_value(r, klcf->service, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return value.len ? NGX_OK : NGX_DECLINED;
}


/* whether the location passes requests to the registry */

static ngx_uint_t
ngx_http_kerberos_is_routed(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_uint_t                 i, *index;
    ngx_http_upstream_conf_t  *conf;

    index = kmcf->upstream_modules.elts;

    for (i = 0; i < kmcf->upstream_modules.nelts; i++) {
        conf = r->loc_conf[index[i]];

        if (conf->upstream == kmcf->registry) {
            return 1;
        }
    }

    return 0;
}
