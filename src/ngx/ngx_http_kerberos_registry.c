
/* SPDX-License-Identifier: MIT
 *
 * The files of services: reading them, resolving the names in them, and
 * telling everything that is wrong with them at once.
 */

#include "ngx/ngx_http_kerberos.h"


#define NGX_HTTP_KERBEROS_FILE_MAX  (16 * 1024 * 1024)


typedef struct {
    ngx_log_t   *log;
    ngx_str_t   *file;
} ngx_http_kerberos_file_t;


static ngx_int_t ngx_http_kerberos_read_registry(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_str_t *file);
static ngx_int_t ngx_http_kerberos_read_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *text);
static void ngx_http_kerberos_on_problem(void *data, int line, int column,
    kerberos_text text);
static ngx_int_t ngx_http_kerberos_resolve(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_str_t *file, size_t first);


char *
ngx_http_kerberos_registry(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_main_conf_t  *kmcf = conf;

    ngx_str_t   *value, *file, name;
    ngx_uint_t   i;

    if (kmcf->registries) {
        return "is duplicate";
    }

    kmcf->used = 1;

    kmcf->registries = ngx_array_create(cf->pool, cf->args->nelts,
                                        sizeof(ngx_str_t));
    if (kmcf->registries == NULL) {
        return NGX_CONF_ERROR;
    }

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        file = ngx_array_push(kmcf->registries);
        if (file == NULL) {
            return NGX_CONF_ERROR;
        }

        *file = value[i];

        if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    ngx_str_set(&name, "kerberos");

    kmcf->registry = ngx_http_kerberos_add_upstream(cf, &name);
    if (kmcf->registry == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_kerberos_serve_upstream(cf, kmcf->registry,
                   ngx_http_conf_upstream_srv_conf(kmcf->registry,
                                                   ngx_http_kerberos_module))
           == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_int_t
ngx_http_kerberos_read_registries(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_str_t   *file;
    ngx_uint_t   i;

    if (kmcf->registries == NULL) {
        return NGX_OK;
    }

    file = kmcf->registries->elts;

    for (i = 0; i < kmcf->registries->nelts; i++) {
        if (ngx_http_kerberos_read_registry(cf, kmcf, &file[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_read_registry(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_str_t *file)
{
    size_t                    first;
    ngx_str_t                 text;
    kerberos_text             yaml;
    kerberos_result           result;
    ngx_http_kerberos_file_t  where;

    if (ngx_http_kerberos_read_file(cf, file, &text) != NGX_OK) {
        return NGX_ERROR;
    }

    yaml.data = (char *) text.data;
    yaml.len = text.len;

    where.log = cf->log;
    where.file = file;

    first = kerberos_config_targets(kmcf->config);

    result = kerberos_config_read(kmcf->config, yaml, &kmcf->breaker,
                                  ngx_http_kerberos_on_problem, &where);

    ngx_free(text.data);

    switch (result) {

    case KERBEROS_OK:
        return ngx_http_kerberos_resolve(cf, kmcf, file, first);

    case KERBEROS_REFUSED:
        return NGX_ERROR;

    default:
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "could not read \"%V\": %s", file,
                      result == KERBEROS_NO_MEMORY ? "no memory"
                                                   : "internal fault");
        return NGX_ERROR;
    }
}


static ngx_int_t
ngx_http_kerberos_read_file(ngx_conf_t *cf, ngx_str_t *name, ngx_str_t *text)
{
    off_t        size;
    ssize_t      n;
    ngx_int_t    rc;
    ngx_file_t   file;

    rc = NGX_ERROR;
    text->data = NULL;

    ngx_memzero(&file, sizeof(ngx_file_t));

    file.name = *name;
    file.log = cf->log;
    file.fd = ngx_open_file(name->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (file.fd == NGX_INVALID_FILE) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    if (ngx_fd_info(file.fd, &file.info) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           ngx_fd_info_n " \"%V\" failed", name);
        goto done;
    }

    size = ngx_file_size(&file.info);

    if (!ngx_is_file(&file.info) || size > NGX_HTTP_KERBEROS_FILE_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" is not a file of at most %dm", name,
                           NGX_HTTP_KERBEROS_FILE_MAX / 1024 / 1024);
        goto done;
    }

    text->data = ngx_alloc((size_t) size + 1, cf->log);
    if (text->data == NULL) {
        goto done;
    }

    n = ngx_read_file(&file, text->data, (size_t) size, 0);

    if (n != (ssize_t) size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, n == NGX_ERROR ? ngx_errno : 0,
                           "could not read all of \"%V\"", name);
        ngx_free(text->data);
        goto done;
    }

    text->len = n;
    rc = NGX_OK;

done:

    if (ngx_close_file(file.fd) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ALERT, cf->log, ngx_errno,
                      ngx_close_file_n " \"%V\" failed", name);
    }

    return rc;
}


static void
ngx_http_kerberos_on_problem(void *data, int line, int column,
    kerberos_text text)
{
    ngx_http_kerberos_file_t  *where = data;

    ngx_log_error(NGX_LOG_EMERG, where->log, 0, "%V:%d:%d: %*s",
                  where->file, line, column, text.len, text.data);
}


static ngx_int_t
ngx_http_kerberos_resolve(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_str_t *file, size_t first)
{
    size_t            i;
    ngx_int_t         rc;
    ngx_url_t         u;
    ngx_uint_t        n;
    kerberos_text     name;
    kerberos_target   target;

    rc = NGX_OK;

    for (i = first; i < kerberos_config_targets(kmcf->config); i++) {

        target = kerberos_config_target(kmcf->config, i);

        ngx_memzero(&u, sizeof(ngx_url_t));

        u.url.data = (u_char *) target.target.data;
        u.url.len = target.target.len;

        if (ngx_parse_url(cf->pool, &u) != NGX_OK) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%V:%d:%d: %s \"%V\"",
                          file, target.line, target.column,
                          u.err ? u.err : "invalid address", &u.url);
            rc = NGX_ERROR;
            continue;
        }

        for (n = 0; n < u.naddrs; n++) {
            name.data = (char *) u.addrs[n].name.data;
            name.len = u.addrs[n].name.len;

            if (kerberos_config_resolve(kmcf->config, i, u.addrs[n].sockaddr,
                                        u.addrs[n].socklen, name)
                != KERBEROS_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return rc;
}
