
/* SPDX-License-Identifier: MIT
 *
 * Routes: which service of the registry takes a request whose location names
 * none, and what becomes of its path and headers on the way.  The upstream is
 * asked when the request to the peer is written already, so this comes
 * before, in a phase of its own.
 */

#include "ngx/ngx_http_kerberos.h"


typedef struct {
    ngx_http_request_t              *request;
    ngx_str_t                        value;          /* of a header */
    ngx_uint_t                       pieces;
    ngx_uint_t                       failed;
} ngx_http_kerberos_pieces_t;


static ngx_int_t ngx_http_kerberos_route_handler(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kerberos_is_routed(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf);
static ngx_int_t ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static ngx_int_t ngx_http_kerberos_change_path(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static void ngx_http_kerberos_on_piece(void *context, kerberos_piece kind,
    kerberos_text text);
static int ngx_http_kerberos_find_header(void *context, kerberos_text name,
    kerberos_text *value);
static int ngx_http_kerberos_find_argument(void *context, kerberos_text name,
    kerberos_text *value);


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

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PREACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_kerberos_route_handler;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_route_handler(ngx_http_request_t *r)
{
    ngx_int_t                       rc;
    kerberos_route                  route;
    ngx_http_kerberos_ctx_t        *ctx;
    ngx_http_kerberos_loc_conf_t   *klcf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kerberos_module);
    klcf = ngx_http_get_module_loc_conf(r, ngx_http_kerberos_module);

    if (kmcf->process == NULL || klcf->service
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

    rc = ngx_http_kerberos_find_route(r, ctx, &route);

    if (rc != NGX_OK) {
        return rc;
    }

    return ngx_http_kerberos_apply_route(r, ctx, &route);
}


/* whether the location passes requests to the registry */

static ngx_uint_t
ngx_http_kerberos_is_routed(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_uint_t                 i, *index;
    ngx_http_core_loc_conf_t  *clcf;
    ngx_http_upstream_conf_t  *conf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->handler == NULL) {
        return 0;
    }

    index = kmcf->upstream_modules.elts;

    for (i = 0; i < kmcf->upstream_modules.nelts; i++) {
        conf = r->loc_conf[index[i]];

        if (conf->upstream == kmcf->registry) {
            return 1;
        }
    }

    return 0;
}


/* NGX_OK, or a status to finish the request with */

ngx_int_t
ngx_http_kerberos_find_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    kerberos_text           name;
    kerberos_result         result;
    kerberos_route_request  shown;

    shown.method.data = (char *) r->method_name.data;
    shown.method.len = r->method_name.len;
    shown.host.data = (char *) r->headers_in.server.data;
    shown.host.len = r->headers_in.server.len;
    shown.path.data = (char *) r->uri.data;
    shown.path.len = r->uri.len;
    shown.header = ngx_http_kerberos_find_header;
    shown.argument = ngx_http_kerberos_find_argument;
    shown.context = r;

    result = kerberos_route_match(ctx->process, &shown, route);

    if (result == KERBEROS_REFUSED) {
        kerberos_count_unmatched(ctx->process);

        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "no route of the registry is for this request");
        return NGX_HTTP_NOT_FOUND;
    }

    if (result != KERBEROS_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* generations may change before the upstream asks */

    name = kerberos_service_name(ctx->process, route->service);

    if (ngx_http_kerberos_copy_text(r->pool, &ctx->routed, name) != NGX_OK
        || ngx_http_kerberos_copy_text(r->pool, &ctx->route, route->name)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    uint32_t                     i;
    ngx_str_t                    name;
    kerberos_text                text;
    ngx_http_kerberos_pieces_t   pieces;

    /* values may be made of the path as it is */

    for (i = 0; i < route->set_headers; i++) {

        ngx_memzero(&pieces, sizeof(ngx_http_kerberos_pieces_t));
        pieces.request = r;

        text = kerberos_route_header(ctx->process, route, i,
                                     ngx_http_kerberos_on_piece, &pieces);

        if (pieces.failed
            || ngx_http_kerberos_copy_text(r->pool, &name, text) != NGX_OK
            || ngx_http_kerberos_set_header(r, &name,
                                            pieces.pieces ? &pieces.value
                                                          : NULL)
               != NGX_OK)
        {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    if (route->rewrites
        && ngx_http_kerberos_change_path(r, ctx, route) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    return NGX_DECLINED;
}


/* what is sent is made of r->uri, and escaped again */

static ngx_int_t
ngx_http_kerberos_change_path(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    u_char         *p;
    kerberos_text   path;

    p = ngx_pnalloc(r->pool, route->path_length);
    if (p == NULL) {
        return NGX_ERROR;
    }

    path.data = (char *) r->uri.data;
    path.len = r->uri.len;

    kerberos_route_path(ctx->process, route, path, (char *) p);

    r->uri.data = p;
    r->uri.len = route->path_length;

    r->valid_unparsed_uri = 0;
    r->quoted_uri = 1;

    ngx_http_set_exten(r);

    return NGX_OK;
}


/* a variable that is not there is empty; one that breaks a line is not sent */

static void
ngx_http_kerberos_on_piece(void *context, kerberos_piece kind,
    kerberos_text text)
{
    ngx_http_kerberos_pieces_t  *pieces = context;

    u_char     *p;
    size_t      i;
    ngx_str_t   part;

    pieces->pieces++;

    part.data = (u_char *) text.data;
    part.len = text.len;

    if (kind == KERBEROS_PIECE_VARIABLE
        && ngx_http_kerberos_variable_value(pieces->request, &part, &part)
           != NGX_OK)
    {
        pieces->failed = 1;
        return;
    }

    p = ngx_pnalloc(pieces->request->pool, pieces->value.len + part.len);
    if (p == NULL) {
        pieces->failed = 1;
        return;
    }

    ngx_memcpy(p, pieces->value.data, pieces->value.len);
    ngx_memcpy(p + pieces->value.len, part.data, part.len);

    for (i = pieces->value.len; i < pieces->value.len + part.len; i++) {
        if (p[i] < 0x20 && p[i] != '\t') {
            p[i] = ' ';
        }
    }

    pieces->value.data = p;
    pieces->value.len += part.len;
}


/* several of one name are one, as for $http_name */

static int
ngx_http_kerberos_find_header(void *context, kerberos_text name,
    kerberos_text *value)
{
    ngx_http_request_t *r = context;

    u_char           *p;
    size_t            len;
    ngx_uint_t        i, found;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header;

    found = 0;
    value->data = "";
    value->len = 0;

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len != name.len
            || ngx_strncmp(header[i].lowcase_key, name.data, name.len) != 0)
        {
            continue;
        }

        if (found++ == 0) {
            value->data = (char *) header[i].value.data;
            value->len = header[i].value.len;
            continue;
        }

        len = value->len + 2 + header[i].value.len;

        p = ngx_pnalloc(r->pool, len);
        if (p == NULL) {
            break;
        }

        ngx_memcpy(p, value->data, value->len);
        ngx_memcpy(p + value->len, ", ", 2);
        ngx_memcpy(p + value->len + 2, header[i].value.data,
                   header[i].value.len);

        value->data = (char *) p;
        value->len = len;
    }

    return found ? 1 : 0;
}


static int
ngx_http_kerberos_find_argument(void *context, kerberos_text name,
    kerberos_text *value)
{
    ngx_http_request_t *r = context;

    ngx_str_t  found;

    if (ngx_http_arg(r, (u_char *) name.data, name.len, &found) != NGX_OK) {
        return 0;
    }

    value->data = (char *) found.data;
    value->len = found.len;

    return 1;
}
