
/* SPDX-License-Identifier: MIT
 *
 * Texts with variables that may come while we run.  nginx compiles such texts
 * where it reads its configuration, and gives each variable a place in every
 * request; there is no place for what comes later, so these are looked up by
 * name.
 */

#include "ngx/ngx_http_kerberos.h"


static u_char *ngx_http_kerberos_next_variable(u_char *p, u_char *last,
    ngx_str_t *name);
static kerberos_text ngx_http_kerberos_unknown(u_char *buf, size_t size,
    ngx_str_t *name);
static ngx_uint_t ngx_http_kerberos_is_variable(
    ngx_http_core_main_conf_t *cmcf, ngx_str_t *name);


ngx_int_t
ngx_http_kerberos_evaluate(ngx_http_request_t *r, kerberos_text text,
    ngx_str_t *value)
{
    u_char      *p, *last, *dollar, *end, *start;
    size_t       len;
    ngx_str_t    name, part;

    ngx_str_set(value, "");

    p = (u_char *) text.data;
    last = p + text.len;

    while (p < last) {

        dollar = ngx_http_kerberos_next_variable(p, last, &name);

        end = dollar ? name.data + name.len : last;
        end += (dollar && dollar[1] == '{');

        if (dollar == NULL) {
            ngx_str_set(&part, "");
            dollar = last;

        } else if (ngx_http_kerberos_variable_value(r, &name, &part)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }

        /* most texts are one variable and nothing else */

        if (dollar == p && value->len == 0) {
            *value = part;
            p = end;
            continue;
        }

        len = value->len + (dollar - p) + part.len;

        start = ngx_pnalloc(r->pool, len);
        if (start == NULL) {
            return NGX_ERROR;
        }

        value->data = ngx_cpymem(start, value->data, value->len);
        value->data = ngx_cpymem(value->data, p, dollar - p);
        ngx_memcpy(value->data, part.data, part.len);

        value->data = start;
        value->len = len;

        p = end;
    }

    return NGX_OK;
}


/*
 * nginx leaves this one out of the table in which variables are found by name:
 * it knows it where it reads its configuration.  Runs before that table is
 * built
 */

void
ngx_http_kerberos_name_variables(ngx_conf_t *cf)
{
    ngx_uint_t                  i;
    ngx_hash_key_t             *key;
    ngx_http_variable_t        *variable;
    ngx_http_core_main_conf_t  *cmcf;

    static ngx_str_t  name = ngx_string("proxy_add_x_forwarded_for");

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    key = cmcf->variables_keys->keys.elts;

    for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

        if (key[i].key.len == name.len
            && ngx_strncmp(key[i].key.data, name.data, name.len) == 0)
        {
            variable = key[i].value;
            variable->flags &= ~NGX_HTTP_VAR_NOHASH;
        }
    }
}


/*
 * Whether nginx has the variables by which services hash and routes set
 * headers.  A thread may ask: it reads what is fixed since the start
 */

ngx_int_t
ngx_http_kerberos_check_variables(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_config *config, kerberos_on_message on_message, void *context)
{
    size_t                      i;
    u_char                     *p, *last;
    u_char                      said[256];
    ngx_int_t                   rc;
    ngx_str_t                   name;
    kerberos_text               text, why;
    ngx_http_conf_ctx_t        *ctx;
    ngx_http_core_main_conf_t  *cmcf;

    ctx = (ngx_http_conf_ctx_t *) ngx_get_conf(kmcf->cycle->conf_ctx,
                                               ngx_http_module);
    cmcf = ctx->main_conf[ngx_http_core_module.ctx_index];

    rc = NGX_OK;

    for (i = 0; i < kerberos_config_services(config); i++) {

        if (!kerberos_config_in_registry(config, i)) {
            continue;
        }

        text = kerberos_config_key(config, i);

        p = (u_char *) text.data;
        last = p + text.len;

        while (ngx_http_kerberos_next_variable(p, last, &name)) {

            p = name.data + name.len;

            if (!ngx_http_kerberos_is_variable(cmcf, &name)) {
                why = ngx_http_kerberos_unknown(said, sizeof(said), &name);
                (void) kerberos_config_refuse_key(config, i, why, on_message,
                                                  context);
                rc = NGX_ERROR;
            }
        }
    }

    for (i = 0; i < kerberos_config_header_variables(config); i++) {

        text = kerberos_config_header_variable(config, i);

        name.data = (u_char *) text.data;
        name.len = text.len;

        if (!ngx_http_kerberos_is_variable(cmcf, &name)) {
            why = ngx_http_kerberos_unknown(said, sizeof(said), &name);
            (void) kerberos_config_refuse_header_variable(config, i, why,
                                                          on_message, context);
            rc = NGX_ERROR;
        }
    }

    return rc;
}


static kerberos_text
ngx_http_kerberos_unknown(u_char *buf, size_t size, ngx_str_t *name)
{
    kerberos_text  why;

    why.data = (char *) buf;
    why.len = ngx_snprintf(buf, size, "unknown \"%V\" variable", name) - buf;

    return why;
}


static ngx_uint_t
ngx_http_kerberos_is_variable(ngx_http_core_main_conf_t *cmcf, ngx_str_t *name)
{
    u_char                lower[64];
    ngx_uint_t            i, hash;
    ngx_hash_key_t       *key;
    ngx_http_variable_t  *prefix, *variable;

    if (name->len == 1 && name->data[0] >= '1' && name->data[0] <= '9') {
        return 1;
    }

    if (name->len > sizeof(lower)) {
        return 0;
    }

    hash = ngx_hash_strlow(lower, name->data, name->len);

    if (cmcf->variables_keys) {

        /* the hash is still to be made of them */

        key = cmcf->variables_keys->keys.elts;

        for (i = 0; i < cmcf->variables_keys->keys.nelts; i++) {

            variable = key[i].value;

            if (name->len == key[i].key.len
                && ngx_strncmp(lower, key[i].key.data, name->len) == 0)
            {
                return !(variable->flags & NGX_HTTP_VAR_NOHASH);
            }
        }

    } else if (ngx_hash_find(&cmcf->variables_hash, hash, lower, name->len)) {
        return 1;
    }

    prefix = cmcf->prefix_variables.elts;

    for (i = 0; i < cmcf->prefix_variables.nelts; i++) {

        if (name->len >= prefix[i].name.len
            && ngx_strncmp(lower, prefix[i].name.data, prefix[i].name.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_http_kerberos_copy_text(ngx_pool_t *pool, ngx_str_t *copy,
    kerberos_text text)
{
    copy->len = text.len;
    copy->data = ngx_pnalloc(pool, text.len);

    if (copy->data == NULL) {
        return NGX_ERROR;
    }

    if (text.len) {
        ngx_memcpy(copy->data, text.data, text.len);
    }

    return NGX_OK;
}


/* a copy of it; where there is no memory, it is left out */

void
ngx_http_kerberos_push_text(ngx_array_t *texts, kerberos_text text)
{
    ngx_str_t  *copy;

    copy = ngx_array_push(texts);

    if (copy
        && ngx_http_kerberos_copy_text(texts->pool, copy, text) != NGX_OK)
    {
        texts->nelts--;
    }
}


/* where "$name" or "${name}" begins; NULL: nowhere */

static u_char *
ngx_http_kerberos_next_variable(u_char *p, u_char *last, ngx_str_t *name)
{
    u_char      *begin;
    ngx_uint_t   braced;

    for ( /* void */ ; p < last; p++) {

        if (*p != '$') {
            continue;
        }

        braced = (p + 1 < last && p[1] == '{');
        begin = p + 1 + braced;

        name->data = begin;

        while (begin < last
               && ((*begin >= 'a' && *begin <= 'z')
                   || (*begin >= 'A' && *begin <= 'Z')
                   || (*begin >= '0' && *begin <= '9')
                   || *begin == '_'))
        {
            begin++;
        }

        name->len = begin - name->data;

        if (name->len && (!braced || (begin < last && *begin == '}'))) {
            return p;
        }
    }

    return NULL;
}


/* what is not there is empty, as in nginx's own texts */

ngx_int_t
ngx_http_kerberos_variable_value(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char                     *lower;
    ngx_str_t                   key;
    ngx_uint_t                  hash;
#if (NGX_PCRE)
    ngx_uint_t                  n;
#endif
    ngx_http_variable_value_t  *vv;

    ngx_str_set(value, "");

#if (NGX_PCRE)

    if (name->len == 1 && name->data[0] >= '1' && name->data[0] <= '9') {

        n = 2 * (name->data[0] - '0');

        if (n < r->ncaptures && r->captures[n] >= 0) {
            value->data = r->captures_data + r->captures[n];
            value->len = r->captures[n + 1] - r->captures[n];
        }

        return NGX_OK;
    }

#endif

    lower = ngx_pnalloc(r->pool, name->len);
    if (lower == NULL) {
        return NGX_ERROR;
    }

    hash = ngx_hash_strlow(lower, name->data, name->len);

    key.data = lower;
    key.len = name->len;

    vv = ngx_http_get_variable(r, &key, hash);

    if (vv == NULL) {
        return NGX_ERROR;
    }

    if (!vv->not_found && vv->len) {
        value->data = vv->data;
        value->len = vv->len;
    }

    return NGX_OK;
}
