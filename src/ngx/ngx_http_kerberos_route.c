
/* SPDX-License-Identifier: MIT
 *
 * Routes: which service of the registry takes a request whose location names
 * none, and what becomes of its path and headers on the way.  The upstream is
 * asked when the request to the peer is written already, so this comes right
 * before the location's own handler.  Then all is put back: error pages,
 * subrequests and logs go by what the client asked for.
 */

#include "ngx/ngx_http_kerberos.h"


typedef struct {
    ngx_http_request_t              *request;
    ngx_str_t                        value;          /* of a header */
    ngx_uint_t                       failed;
} ngx_http_kerberos_pieces_t;


/* what a request looks like: as the client sent it, or as the peer gets it */

struct ngx_http_kerberos_form_s {
    ngx_str_t                        uri;
    ngx_str_t                        exten;
    ngx_http_headers_in_t            headers_in;
    unsigned                         valid_unparsed_uri:1;
    unsigned                         valid_location:1;
    unsigned                         quoted_uri:1;
};


static ngx_int_t ngx_http_kerberos_route_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_content_handler(ngx_http_request_t *r);
static ngx_http_kerberos_ctx_t *ngx_http_kerberos_parent_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_is_named(ngx_http_request_t *r);
static ngx_uint_t ngx_http_kerberos_is_routed(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf);
static ngx_int_t ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static ngx_http_kerberos_form_t *ngx_http_kerberos_form_of(
    ngx_http_request_t *r);
static void ngx_http_kerberos_set_form(ngx_http_request_t *r,
    ngx_http_kerberos_form_t *form);
static ngx_int_t ngx_http_kerberos_set_headers(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static ngx_int_t ngx_http_kerberos_change_path(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static void ngx_http_kerberos_on_piece(void *context, kerberos_piece kind,
    kerberos_text text);
static void ngx_http_kerberos_count_unmatched(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx);
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
    ngx_int_t                  rc;
    ngx_http_upstream_t       *u;
    ngx_http_kerberos_ctx_t   *parent;
    ngx_http_kerberos_form_t  *sent;

    parent = ngx_http_kerberos_parent_ctx(r);

    if (parent == NULL) {
        return NGX_OK;
    }

    ctx->routed = parent->routed;
    ctx->route = parent->route;

    sent = parent->sent;

    if (sent == NULL
        || (r->uri.data == sent->uri.data
            && r->headers_in.headers.part.elts
               == sent->headers_in.headers.part.elts))
    {
        return NGX_OK;
    }

    ctx->original = ngx_http_kerberos_form_of(r);
    if (ctx->original == NULL) {
        return NGX_ERROR;
    }

    ngx_http_kerberos_set_form(r, sent);

    u = r->upstream;

    u->request_bufs = r->request_body ? r->request_body->bufs : NULL;

    rc = u->create_request(r);

    ngx_http_kerberos_restore_request(r, ctx);

    return rc;
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
        ngx_http_kerberos_count_unmatched(r, ctx);

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


/* once a request, however many error pages it asks for in vain */

static void
ngx_http_kerberos_count_unmatched(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx)
{
    if (ngx_http_kerberos_was_unmatched(r)) {
        return;
    }

    ctx->unmatched = 1;

    kerberos_count_unmatched(ctx->process);
}


static ngx_int_t
ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    if (!route->rewrites && route->set_headers == 0) {
        return NGX_OK;
    }

    ctx->original = ngx_http_kerberos_form_of(r);
    if (ctx->original == NULL) {
        return NGX_ERROR;
    }

    /* values may be made of the path as it is */

    if (route->set_headers
        && ngx_http_kerberos_set_headers(r, ctx, route) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (route->rewrites
        && ngx_http_kerberos_change_path(r, ctx, route) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->sent = ngx_http_kerberos_form_of(r);

    return ctx->sent ? NGX_OK : NGX_ERROR;
}


/* back to what the client asked for, if anything has changed */

void
ngx_http_kerberos_restore_request(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx)
{
    if (ctx->original) {
        ngx_http_kerberos_set_form(r, ctx->original);
        ctx->original = NULL;
    }
}


static ngx_http_kerberos_form_t *
ngx_http_kerberos_form_of(ngx_http_request_t *r)
{
    ngx_http_kerberos_form_t  *form;

    form = ngx_palloc(r->pool, sizeof(ngx_http_kerberos_form_t));
    if (form == NULL) {
        return NULL;
    }

    form->uri = r->uri;
    form->exten = r->exten;
    form->headers_in = r->headers_in;
    form->valid_unparsed_uri = r->valid_unparsed_uri;
    form->valid_location = r->valid_location;
    form->quoted_uri = r->quoted_uri;

    return form;
}


static void
ngx_http_kerberos_set_form(ngx_http_request_t *r,
    ngx_http_kerberos_form_t *form)
{
    off_t       length;
    ngx_uint_t  chunked;

    r->uri = form->uri;
    r->exten = form->exten;
    r->valid_unparsed_uri = form->valid_unparsed_uri;
    r->valid_location = form->valid_location;
    r->quoted_uri = form->quoted_uri;

    /* what reading the body has told meanwhile stays */

    length = r->headers_in.content_length_n;
    chunked = r->headers_in.chunked;

    r->headers_in = form->headers_in;

    r->headers_in.content_length_n = length;
    r->headers_in.chunked = chunked;
}


/* all values are made of the client's headers, then they are set */

static ngx_int_t
ngx_http_kerberos_set_headers(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    uint32_t                     i;
    ngx_keyval_t                *headers;
    kerberos_text                text;
    ngx_http_kerberos_pieces_t   pieces;

    headers = ngx_palloc(r->pool, route->set_headers * sizeof(ngx_keyval_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < route->set_headers; i++) {

        ngx_memzero(&pieces, sizeof(ngx_http_kerberos_pieces_t));
        pieces.request = r;
        ngx_str_set(&pieces.value, "");

        text = kerberos_route_header(ctx->process, route, i,
                                     ngx_http_kerberos_on_piece, &pieces);

        if (pieces.failed
            || ngx_http_kerberos_copy_text(r->pool, &headers[i].key, text)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        headers[i].value = pieces.value;
    }

    return ngx_http_kerberos_replace_headers(r, headers, route->set_headers);
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
    r->valid_location = 0;
    r->quoted_uri = 1;

    ngx_http_set_exten(r);

    return NGX_OK;
}


/* a variable that is not there is empty; none may break a line */

static void
ngx_http_kerberos_on_piece(void *context, kerberos_piece kind,
    kerberos_text text)
{
    ngx_http_kerberos_pieces_t  *pieces = context;

    u_char     *p;
    size_t      i;
    ngx_str_t   name, part;

    part.data = (u_char *) text.data;
    part.len = text.len;

    name = part;

    if (kind == KERBEROS_PIECE_VARIABLE
        && ngx_http_kerberos_variable_value(pieces->request, &name, &part)
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

    if (part.len) {
        ngx_memcpy(p + pieces->value.len, part.data, part.len);
    }

    for (i = pieces->value.len; i < pieces->value.len + part.len; i++) {
        if ((p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f) {
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
