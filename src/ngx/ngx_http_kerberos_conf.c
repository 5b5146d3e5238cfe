
/* SPDX-License-Identifier: MIT
 *
 * The directives that set something.
 */

#include "ngx/ngx_http_kerberos.h"


typedef char *(*ngx_http_kerberos_set_pt)(ngx_conf_t *cf,
    kerberos_settings *breaker);


static char *ngx_http_kerberos_set(ngx_conf_t *cf,
    ngx_http_kerberos_srv_conf_t *kscf, ngx_uint_t *main_set,
    ngx_uint_t *block_set, ngx_http_kerberos_set_pt handler);
static char *ngx_http_kerberos_set_breaker(ngx_conf_t *cf,
    kerberos_settings *breaker);
static char *ngx_http_kerberos_set_failure_on(ngx_conf_t *cf,
    kerberos_settings *breaker);


char *
ngx_http_kerberos_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_main_conf_t  *kmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (kmcf->zone_size != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid zone size \"%V\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    if (size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "zone \"kerberos\" is too small: at least %uzk "
                           "is needed", 8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    kmcf->zone_size = size;

    return NGX_CONF_OK;
}


char *
ngx_http_kerberos_breaker(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_srv_conf_t   *kscf = conf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    return ngx_http_kerberos_set(cf, kscf, &kmcf->breaker_set,
                                 &kscf->breaker_set,
                                 ngx_http_kerberos_set_breaker);
}


/* once for all blocks, or once in a block, which thereby becomes a service */

static char *
ngx_http_kerberos_set(ngx_conf_t *cf, ngx_http_kerberos_srv_conf_t *kscf,
    ngx_uint_t *main_set, ngx_uint_t *block_set,
    ngx_http_kerberos_set_pt handler)
{
    ngx_uint_t                     *set;
    ngx_http_upstream_srv_conf_t   *us;
    ngx_http_kerberos_main_conf_t  *kmcf;

    set = (cf->cmd_type == NGX_HTTP_MAIN_CONF) ? main_set : block_set;

    if (*set) {
        return "is duplicate";
    }

    *set = 1;

    if (cf->cmd_type == NGX_HTTP_MAIN_CONF) {
        kmcf = ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_kerberos_module);
        return handler(cf, &kmcf->breaker);
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (ngx_http_kerberos_serve_upstream(cf, us, kscf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return handler(cf, &kscf->breaker);
}


static char *
ngx_http_kerberos_set_breaker(ngx_conf_t *cf, kerberos_settings *breaker)
{
    u_char            *p, *last;
    char               allowed[256];
    ngx_str_t         *value;
    ngx_uint_t         i;
    kerberos_text      name, text;
    kerberos_verdict   verdict;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "off") == 0) {
        kerberos_settings_enable(breaker, 0);
        return NGX_CONF_OK;
    }

    /* parameters mean it on, also below an "off" */

    kerberos_settings_enable(breaker, 1);

    for (i = 1; i < cf->args->nelts; i++) {
        last = value[i].data + value[i].len;

        p = ngx_strlchr(value[i].data, last, '=');

        if (p == NULL) {
            p = last;
        }

        name.data = (char *) value[i].data;
        name.len = p - value[i].data;
        text.data = (char *) p + (p < last);
        text.len = last - (u_char *) text.data;

        verdict = kerberos_settings_set(breaker, name, text, allowed,
                                        sizeof(allowed));

        switch (verdict) {

        case KERBEROS_TAKEN:
            continue;

        case KERBEROS_DUPLICATE:
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "parameter \"%*s\" is duplicate",
                               name.len, name.data);
            return NGX_CONF_ERROR;

        default:
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" (%s)",
                               &value[i], allowed);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_kerberos_failure_on(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_srv_conf_t   *kscf = conf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    return ngx_http_kerberos_set(cf, kscf, &kmcf->failure_on_set,
                                 &kscf->failure_on_set,
                                 ngx_http_kerberos_set_failure_on);
}


static char *
ngx_http_kerberos_set_failure_on(ngx_conf_t *cf, kerberos_settings *breaker)
{
    char               allowed[256];
    ngx_str_t         *value;
    ngx_uint_t         i;
    kerberos_text      word;
    kerberos_verdict   verdict;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {
        word.data = (char *) value[i].data;
        word.len = value[i].len;

        verdict = kerberos_settings_add_failure(breaker, word, allowed,
                                                sizeof(allowed));

        if (verdict == KERBEROS_TAKEN) {
            continue;
        }

        if (verdict == KERBEROS_DUPLICATE) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "parameter \"%V\" is duplicate", &value[i]);
            return NGX_CONF_ERROR;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" (%s)",
                           &value[i], allowed);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_kerberos_balance(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_srv_conf_t  *kscf = conf;

    char                           problem[512];
    ngx_str_t                     *value;
    ngx_uint_t                     i, words;
    ngx_http_upstream_srv_conf_t  *us;

    if (kscf->balance) {
        return "is duplicate";
    }

    value = cf->args->elts;
    words = cf->args->nelts - 1;

    kscf->balance = ngx_palloc(cf->pool, words * sizeof(kerberos_text));
    if (kscf->balance == NULL) {
        return NGX_CONF_ERROR;
    }

    kscf->balance_words = words;

    for (i = 0; i < words; i++) {
        kscf->balance[i].data = (char *) value[i + 1].data;
        kscf->balance[i].len = value[i + 1].len;
    }

    if (kerberos_balance_wrong(kscf->balance, words, problem,
                               sizeof(problem)))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%s", problem);
        return NGX_CONF_ERROR;
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (ngx_http_kerberos_serve_upstream(cf, us, kscf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_kerberos_service(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_loc_conf_t  *klcf = conf;

    ngx_str_t                          *value;
    ngx_http_complex_value_t          **service;
    ngx_http_upstream_srv_conf_t       *us;
    ngx_http_kerberos_srv_conf_t       *kscf;
    ngx_http_kerberos_main_conf_t      *kmcf;
    ngx_http_compile_complex_value_t    ccv;

    us = NULL;
    kscf = NULL;
    service = &klcf->service;

    if (cf->cmd_type == NGX_HTTP_UPS_CONF) {
        us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);
        kscf = ngx_http_conf_get_module_srv_conf(cf,
                                                 ngx_http_kerberos_module);
        service = &kscf->service;
    }

    if (*service) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    *service = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
    if (*service == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));

    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = *service;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);
    kmcf->service_used = 1;

    if (us == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_kerberos_add_placeholder(cf, us) != NGX_OK
        || ngx_http_kerberos_serve_upstream(cf, us, kscf) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
