
/* SPDX-License-Identifier: MIT
 *
 * Variables that are made of a request's headers.  nginx keeps the value of a
 * variable for as long as the request lives; where a route sets headers, the
 * one for the peer and the one for everybody else are kept apart.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_uint_t ngx_http_kerberos_is_of_headers(ngx_str_t *name);


/* which they are: known when the configuration has been read */

ngx_int_t
ngx_http_kerberos_find_cached(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_uint_t                  i, *index;
    ngx_http_variable_t        *variable;
    ngx_http_core_main_conf_t  *cmcf;

    if (kmcf->registry == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(&kmcf->cached, cycle->pool, 4, sizeof(ngx_uint_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    cmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_core_module);

    variable = cmcf->variables.elts;

    for (i = 0; i < cmcf->variables.nelts; i++) {

        if (!ngx_http_kerberos_is_of_headers(&variable[i].name)) {
            continue;
        }

        index = ngx_array_push(&kmcf->cached);
        if (index == NULL) {
            return NGX_ERROR;
        }

        *index = i;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_kerberos_is_of_headers(ngx_str_t *name)
{
    ngx_str_t  *known;

    static ngx_str_t  names[] = {
        ngx_string("content_type"),
        ngx_string("proxy_add_x_forwarded_for"),
        ngx_string("remote_user"),
        ngx_null_string
    };

    if ((name->len > 5 && ngx_strncmp(name->data, "http_", 5) == 0)
        || (name->len > 7 && ngx_strncmp(name->data, "cookie_", 7) == 0))
    {
        return 1;
    }

    for (known = names; known->len; known++) {

        if (name->len == known->len
            && ngx_strncmp(name->data, known->data, name->len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* NULL: no memory */

ngx_http_variable_value_t *
ngx_http_kerberos_save_cached(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_uint_t                  i, *index;
    ngx_http_variable_value_t  *values;

    values = ngx_palloc(r->pool, kmcf->cached.nelts
                                 * sizeof(ngx_http_variable_value_t));
    if (values == NULL) {
        return NULL;
    }

    index = kmcf->cached.elts;

    for (i = 0; i < kmcf->cached.nelts; i++) {
        values[i] = r->variables[index[i]];
    }

    return values;
}


/* NULL: nothing is known of them */

void
ngx_http_kerberos_set_cached(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_http_variable_value_t *values)
{
    ngx_uint_t  i, *index;

    index = kmcf->cached.elts;

    for (i = 0; i < kmcf->cached.nelts; i++) {

        if (values) {
            r->variables[index[i]] = values[i];
            continue;
        }

        r->variables[index[i]].valid = 0;
        r->variables[index[i]].not_found = 0;
    }
}
