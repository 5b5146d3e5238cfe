
/* SPDX-License-Identifier: MIT
 *
 * Variables: the last service of a request, and its last attempt.
 */

#include "ngx/ngx_http_kerberos_request.h"


typedef ngx_int_t (*ngx_http_kerberos_value_pt)(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);


typedef struct {
    ngx_str_t                   name;
    ngx_http_kerberos_value_pt  value;
} ngx_http_kerberos_variable_t;


static ngx_int_t ngx_http_kerberos_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_kerberos_route_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_service_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_peer_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_breaker_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_attempts_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_outcome_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_retry_after_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value);
static ngx_int_t ngx_http_kerberos_number(ngx_http_request_t *r,
    ngx_str_t *value, ngx_int_t number);


static ngx_http_kerberos_variable_t  ngx_http_kerberos_variables[] = {
    { ngx_string("kerberos_service"), ngx_http_kerberos_service_value },
    { ngx_string("kerberos_route"), ngx_http_kerberos_route_value },
    { ngx_string("kerberos_peer"), ngx_http_kerberos_peer_value },
    { ngx_string("kerberos_breaker"), ngx_http_kerberos_breaker_value },
    { ngx_string("kerberos_attempts"), ngx_http_kerberos_attempts_value },
    { ngx_string("kerberos_outcome"), ngx_http_kerberos_outcome_value },
    { ngx_string("kerberos_retry_after"),
      ngx_http_kerberos_retry_after_value },
    { ngx_null_string, NULL }
};


ngx_int_t
ngx_http_kerberos_add_variables(ngx_conf_t *cf)
{
    ngx_http_variable_t           *var;
    ngx_http_kerberos_variable_t  *v;

    for (v = ngx_http_kerberos_variables; v->name.len; v++) {

        var = ngx_http_add_variable(cf, &v->name, NGX_HTTP_VAR_NOCACHEABLE);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = ngx_http_kerberos_variable;
        var->data = (uintptr_t) v;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_kerberos_variable_t  *variable;

    ngx_int_t                 rc;
    ngx_str_t                 value;
    ngx_http_kerberos_ctx_t  *ctx;

    variable = (ngx_http_kerberos_variable_t *) data;

    ctx = ngx_http_kerberos_get_ctx(r);

    rc = ctx ? variable->value(r, ctx, &value) : NGX_DECLINED;

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc == NGX_DECLINED || value.len == 0) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;
    v->len = value.len;
    v->data = value.data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_service_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    *value = ctx->service_name;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_route_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    *value = ctx->route;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_peer_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx->attempts == 0) {
        return NGX_DECLINED;
    }

    *value = ctx->peer;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_breaker_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx->attempts == 0 && !ctx->rejected) {
        return NGX_DECLINED;
    }

    switch (ctx->pick.met) {

    case KERBEROS_CLOSED:
        ngx_str_set(value, "CLOSED");
        break;

    case KERBEROS_HALF_OPEN:
        ngx_str_set(value, "HALF_OPEN");
        break;

    default:
        ngx_str_set(value, "OPEN");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_attempts_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    return ngx_http_kerberos_number(r, value, ctx->attempts);
}


static ngx_int_t
ngx_http_kerberos_outcome_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    if (ctx->attempts == 0 || ctx->held) {
        return NGX_DECLINED;
    }

    switch (ctx->outcome) {

    case KERBEROS_SUCCESS:
        ngx_str_set(value, "success");
        break;

    case KERBEROS_FAILURE:
        ngx_str_set(value, "failure");
        break;

    default:
        ngx_str_set(value, "neutral");
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_retry_after_value(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_str_t *value)
{
    ngx_int_t  seconds;

    seconds = ngx_http_kerberos_retry_after(ctx);

    if (seconds == 0) {
        return NGX_DECLINED;
    }

    return ngx_http_kerberos_number(r, value, seconds);
}


static ngx_int_t
ngx_http_kerberos_number(ngx_http_request_t *r, ngx_str_t *value,
    ngx_int_t number)
{
    value->data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value->data == NULL) {
        return NGX_ERROR;
    }

    value->len = ngx_sprintf(value->data, "%i", number) - value->data;

    return NGX_OK;
}
