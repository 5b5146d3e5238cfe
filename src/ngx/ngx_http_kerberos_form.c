
/* SPDX-License-Identifier: MIT
 *
 * What a route changes of a request on its way to the peer: its path, and the
 * headers it sets.  The upstream writes what it finds in the request, so this
 * is changed for as long as it writes, and then put back.
 */

#include "ngx/ngx_http_kerberos_request.h"


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
    ngx_http_variable_value_t       *cached;         /* made of them */
    unsigned                         valid_unparsed_uri:1;
    unsigned                         valid_location:1;
    unsigned                         quoted_uri:1;
};


static ngx_http_kerberos_form_t *ngx_http_kerberos_form_of(
    ngx_http_request_t *r, ngx_http_kerberos_ctx_t *ctx);
static void ngx_http_kerberos_set_form(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_http_kerberos_form_t *form);
static ngx_int_t ngx_http_kerberos_set_headers(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static ngx_int_t ngx_http_kerberos_change_path(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
static void ngx_http_kerberos_on_piece(void *context, kerberos_piece kind,
    kerberos_text text);


ngx_int_t
ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route)
{
    if (!route->rewrites && route->set_headers == 0) {
        return NGX_OK;
    }

    ctx->original = ngx_http_kerberos_form_of(r, ctx);
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

    ctx->sent = ngx_http_kerberos_form_of(r, ctx);

    return ctx->sent ? NGX_OK : NGX_ERROR;
}


/* what was written for the peer is written again where it had another form */

ngx_int_t
ngx_http_kerberos_send_form(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_http_kerberos_form_t *sent)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    if (sent == NULL
        || (r->uri.data == sent->uri.data
            && r->headers_in.headers.part.elts
               == sent->headers_in.headers.part.elts))
    {
        return NGX_OK;
    }

    ctx->original = ngx_http_kerberos_form_of(r, ctx);
    if (ctx->original == NULL) {
        return NGX_ERROR;
    }

    ngx_http_kerberos_set_form(r, ctx, sent);

    u = r->upstream;

    u->request_bufs = r->request_body ? r->request_body->bufs : NULL;

    rc = u->create_request(r);

    ngx_http_kerberos_restore_request(r, ctx);

    return rc;
}


/* back to what the client asked for, if anything has changed */

void
ngx_http_kerberos_restore_request(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx)
{
    if (ctx->original) {
        ngx_http_kerberos_set_form(r, ctx, ctx->original);
        ctx->original = NULL;
    }
}


static ngx_http_kerberos_form_t *
ngx_http_kerberos_form_of(ngx_http_request_t *r, ngx_http_kerberos_ctx_t *ctx)
{
    ngx_http_kerberos_form_t  *form;

    form = ngx_palloc(r->pool, sizeof(ngx_http_kerberos_form_t));
    if (form == NULL) {
        return NULL;
    }

    form->uri = r->uri;
    form->exten = r->exten;
    form->headers_in = r->headers_in;

    form->cached = ngx_http_kerberos_save_cached(r, ctx->kmcf);
    if (form->cached == NULL) {
        return NULL;
    }

    form->valid_unparsed_uri = r->valid_unparsed_uri;
    form->valid_location = r->valid_location;
    form->quoted_uri = r->quoted_uri;

    return form;
}


static void
ngx_http_kerberos_set_form(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_http_kerberos_form_t *form)
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

    ngx_http_kerberos_set_cached(r, ctx->kmcf, form->cached);
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

    ngx_http_kerberos_set_cached(r, ctx->kmcf, NULL);

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
