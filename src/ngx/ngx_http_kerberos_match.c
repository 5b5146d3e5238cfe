
/* SPDX-License-Identifier: MIT
 *
 * Which route of the registry a request is for: the table is shown its method,
 * host and path, and asks for the headers and arguments that its routes name.
 */

#include "ngx/ngx_http_kerberos_request.h"


static void ngx_http_kerberos_count_unmatched(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx);
static int ngx_http_kerberos_find_header(void *context, kerberos_text name,
    kerberos_text *value);
static int ngx_http_kerberos_find_argument(void *context, kerberos_text name,
    kerberos_text *value);


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
