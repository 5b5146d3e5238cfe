
/* SPDX-License-Identifier: MIT
 *
 * The services of files and variables: making a configuration of their texts,
 * and telling all that is wrong with it at once.
 *
 * What reads needs neither nginx's configuration nor its log, so that it can
 * run in a thread of a worker: it takes a pool of the caller's own, whose log
 * is silent, and tells by a callback.
 */

#include "ngx/ngx_http_kerberos_registry.h"
#include "ngx/ngx_http_kerberos_tls.h"


static ngx_int_t ngx_http_kerberos_snapshot(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);
static ngx_array_t *ngx_http_kerberos_old_snapshot(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_kerberos_load_registries(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool);
static ngx_int_t ngx_http_kerberos_keep_variables(ngx_conf_t *cf,
    kerberos_config *config);
static void ngx_http_kerberos_conf_message(void *context, kerberos_text line);


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

        if (ngx_http_kerberos_is_variables(file)) {
            continue;
        }

        if (ngx_conf_full_name(cf->cycle, file, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_kerberos_snapshot(cf, kmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
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


ngx_uint_t
ngx_http_kerberos_is_variables(ngx_str_t *name)
{
    return name->len == 4 && ngx_strncmp(name->data, "env:", 4) == 0;
}


/*
 * The environment as the master has it: workers have theirs cleared.  The
 * texts are those of the process, which outlive every configuration.
 */

static ngx_int_t
ngx_http_kerberos_snapshot(ngx_conf_t *cf, ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_uint_t      n;
    ngx_array_t    *old;
    kerberos_text  *text;

    old = ngx_http_kerberos_old_snapshot(cf->cycle);

    for (n = 0; old == NULL && environ[n]; n++) { /* void */ }

    kmcf->environment = ngx_array_create(cf->pool, old ? old->nelts + 1 : n + 1,
                                         sizeof(kerberos_text));
    if (kmcf->environment == NULL) {
        return NGX_ERROR;
    }

    if (old) {
        ngx_memcpy(kmcf->environment->elts, old->elts,
                   old->nelts * sizeof(kerberos_text));
        kmcf->environment->nelts = old->nelts;
        return NGX_OK;
    }

    for (n = 0; environ[n]; n++) {
        text = ngx_array_push(kmcf->environment);
        if (text == NULL) {
            return NGX_ERROR;
        }

        text->data = environ[n];
        text->len = ngx_strlen(environ[n]);
    }

    return NGX_OK;
}


/*
 * Without a master, the process that reloads is one that has cleared its
 * environment.  The configuration before may have had another copy of us.
 */

static ngx_array_t *
ngx_http_kerberos_old_snapshot(ngx_cycle_t *cycle)
{
    ngx_uint_t                      m;
    ngx_cycle_t                    *old;
    ngx_http_kerberos_main_conf_t  *kmcf;

    old = cycle->old_cycle;

    if (ngx_process != NGX_PROCESS_SINGLE || ngx_is_init_cycle(old)) {
        return NULL;
    }

    for (m = 0; old->modules[m]; m++) {

        if (old->modules[m] == &ngx_http_kerberos_module) {
            kmcf = ngx_http_cycle_get_module_main_conf(old,
                                                  ngx_http_kerberos_module);
            return kmcf ? kmcf->environment : NULL;
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_kerberos_read_registries(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_int_t       rc;
    ngx_str_t       line;
    ngx_pool_t     *pool;
    kerberos_text   idle;

    if (kmcf->registries == NULL) {
        return NGX_OK;
    }

    ngx_http_kerberos_find_resolver(cf, kmcf);

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, cf->log);
    if (pool == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_http_kerberos_load_registries(cf, kmcf, pool);

    ngx_destroy_pool(pool);

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    idle = kerberos_config_idle(kmcf->config);

    if (idle.len) {
        line.data = (u_char *) idle.data;
        line.len = idle.len;

        ngx_log_error(NGX_LOG_WARN, cf->log, 0, "kerberos_registry: %V", &line);
    }

    return ngx_http_kerberos_keep_variables(cf, kmcf->config);
}


static ngx_int_t
ngx_http_kerberos_load_registries(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool)
{
    ngx_int_t                      rc;
    ngx_uint_t                     unread, rescue;
    ngx_array_t                    sources;
    ngx_http_kerberos_problems_t   problems;

    rescue = kmcf->state && ngx_http_kerberos_is_start(cf);

    problems.cf = cf;
    problems.level = rescue ? NGX_LOG_ERR : NGX_LOG_EMERG;

    if (ngx_array_init(&problems.lines, pool, 4, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&sources, pool, 4, sizeof(kerberos_source))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    rc = ngx_http_kerberos_gather(pool, kmcf, &sources,
                                  ngx_http_kerberos_conf_message, &problems);

    unread = problems.lines.nelts;

    ngx_http_kerberos_digest_sources(&kmcf->edition, &sources);

    if (ngx_http_kerberos_read_sources(pool, kmcf, kmcf->config, &sources,
                                       ngx_http_kerberos_log_message,
                                       &problems)
        != NGX_OK)
    {
        rc = NGX_ERROR;
    }

    if (rc != NGX_OK) {
        return rescue ? ngx_http_kerberos_read_last_good(cf, kmcf, pool,
                                                         &problems, unread)
                      : NGX_ERROR;
    }

    if (kmcf->state && !ngx_test_config) {
        kmcf->state->sources = ngx_http_kerberos_begin_archive(kmcf->state,
                                                               &sources,
                                                               cf->log);
    }

    return NGX_OK;
}


/*
 * nginx passes no variable to a new binary but those that "env" names: it
 * shall find again what was found here.
 */

static ngx_int_t
ngx_http_kerberos_keep_variables(ngx_conf_t *cf, kerberos_config *config)
{
    size_t            i;
    ngx_str_t        *name;
    kerberos_text     variable;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cf->cycle->conf_ctx,
                                           ngx_core_module);

    for (i = 0; i < kerberos_config_variables(config); i++) {

        variable = kerberos_config_variable(config, i);

        name = ngx_array_push(&ccf->env);
        if (name == NULL) {
            return NGX_ERROR;
        }

        name->len = variable.len;
        name->data = ngx_pnalloc(cf->pool, variable.len);
        if (name->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(name->data, variable.data, variable.len);
    }

    return NGX_OK;
}


/* the services of what was gathered, with addresses and certificates */

ngx_int_t
ngx_http_kerberos_read_sources(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    ngx_array_t *sources, kerberos_on_message on_message, void *context)
{
    ngx_int_t                   rc;
    kerberos_result             result;
    ngx_http_kerberos_teller_t  teller;

    /* a thread that is at work, and does not wait for anybody, is waited for */

    if (!ngx_http_kerberos_enter(&kmcf->leader.work)) {
        return NGX_ERROR;
    }

    result = kerberos_config_read(config, sources->elts, sources->nelts,
                                  kmcf->environment->elts,
                                  kmcf->environment->nelts, &kmcf->breaker,
                                  on_message, context);

    ngx_http_kerberos_leave(&kmcf->leader.work);

    switch (result) {

    case KERBEROS_OK:
        rc = ngx_http_kerberos_resolve(pool, kmcf, config, on_message,
                                       context);

        if (ngx_http_kerberos_read_files(pool, kmcf, config, on_message,
                                         context)
            != NGX_OK)
        {
            rc = NGX_ERROR;
        }

        if (ngx_http_kerberos_check_variables(kmcf, config, on_message,
                                              context)
            != NGX_OK)
        {
            rc = NGX_ERROR;
        }

        return rc;

    case KERBEROS_REFUSED:
        return NGX_ERROR;

    default:
        teller.tell = on_message;
        teller.context = context;

        ngx_http_kerberos_tell(&teller, "could not read the registry: %s",
                               result == KERBEROS_NO_MEMORY ? "no memory"
                                                            : "internal fault");
        return NGX_ERROR;
    }
}


/* in nginx's own wording */

void
ngx_http_kerberos_tell_failed(ngx_http_kerberos_teller_t *teller,
    const char *what, ngx_str_t *name, ngx_err_t err)
{
    u_char  *last;
    u_char   text[NGX_MAX_ERROR_STR];

    last = ngx_strerror(err, text, sizeof(text));

    ngx_http_kerberos_tell(teller, "%s \"%V\" failed (%d: %*s)", what, name,
                           (int) err, (size_t) (last - text), text);
}


void
ngx_http_kerberos_tell(ngx_http_kerberos_teller_t *teller, const char *fmt,
    ...)
{
    u_char         *last;
    va_list         args;
    kerberos_text   line;
    u_char          text[NGX_MAX_ERROR_STR];

    va_start(args, fmt);
    last = ngx_vslprintf(text, text + sizeof(text), fmt, args);
    va_end(args);

    line.data = (char *) text;
    line.len = last - text;

    teller->tell(teller->context, line);
}


/* what is no place in a file is of the directive */

static void
ngx_http_kerberos_conf_message(void *context, kerberos_text line)
{
    ngx_http_kerberos_problems_t *problems = context;

    ngx_conf_log_error(problems->level, problems->cf, 0, "%*s", line.len,
                       line.data);

    ngx_http_kerberos_push_text(&problems->lines, line);
}


void
ngx_http_kerberos_log_message(void *context, kerberos_text line)
{
    ngx_http_kerberos_problems_t *problems = context;

    ngx_log_error(problems->level, problems->cf->log, 0, "%*s", line.len,
                  line.data);

    ngx_http_kerberos_push_text(&problems->lines, line);
}
