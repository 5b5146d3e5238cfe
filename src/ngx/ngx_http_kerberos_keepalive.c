
/* SPDX-License-Identifier: MIT
 *
 * nginx's own "keepalive" around us, wherever it stands in the block: then it
 * keeps the connections, and we do not.
 *
 * Since 1.29.7 it wraps the balancer when the configuration is complete, and
 * every block's unless told not to.  Before, it wrapped whatever it found where
 * it stood, so that a balancer named after it discarded it without a word.
 */

#include "ngx/ngx_http_kerberos_idle.h"


/* how its configuration begins in all versions */

typedef struct {
    ngx_uint_t                 max_cached;
    ngx_uint_t                 requests;
    ngx_msec_t                 time;
    ngx_msec_t                 timeout;
    ngx_queue_t                cache;
    ngx_queue_t                free;
#if (nginx_version < 1029007)
    ngx_http_upstream_init_pt  original_init_upstream;
#endif
} ngx_http_kerberos_keepalive_conf_t;


/* what its max_cached is where the directive is not there */

#if (nginx_version < 1029007)
#define NGX_HTTP_KERBEROS_NO_KEEPALIVE  0
#else
#define NGX_HTTP_KERBEROS_NO_KEEPALIVE  NGX_CONF_UNSET_UINT
#endif


#if (nginx_version < 1029007)
static ngx_int_t ngx_http_kerberos_repeat_keepalive(ngx_conf_t *cf,
    ngx_command_t *cmd, ngx_http_kerberos_keepalive_conf_t *kcf);
#endif
static ngx_int_t ngx_http_kerberos_refuse_method(ngx_conf_t *cf);
static ngx_module_t *ngx_http_kerberos_find_keepalive(ngx_conf_t *cf);


/* puts our init function into a block, inside a keepalive that is there */

ngx_int_t
ngx_http_kerberos_hook_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_init_pt init)
{
#if (nginx_version < 1029007)
    ngx_module_t                        *module;
    ngx_http_kerberos_keepalive_conf_t  *kcf;

    module = ngx_http_kerberos_find_keepalive(cf);

    if (module) {
        kcf = us->srv_conf[module->ctx_index];

        if (kcf->max_cached) {

            if (kcf->original_init_upstream
                != ngx_http_upstream_init_round_robin)
            {
                return ngx_http_kerberos_refuse_method(cf);
            }

            us->peer.init_upstream = init;

            return ngx_http_kerberos_repeat_keepalive(cf, module->commands,
                                                      kcf);
        }
    }
#endif

    if (us->peer.init_upstream) {
        return ngx_http_kerberos_refuse_method(cf);
    }

    us->peer.init_upstream = init;

    return NGX_OK;
}


/* nginx would have one of two methods win, with a warning at most */

static ngx_int_t
ngx_http_kerberos_refuse_method(ngx_conf_t *cf)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "another load balancing method is not allowed "
                       "together with \"kerberos_*\" directives (use "
                       "\"kerberos_balance\")");
    return NGX_ERROR;
}


#if (nginx_version < 1029007)

/* lets the directive take its turn again, now around us */

static ngx_int_t
ngx_http_kerberos_repeat_keepalive(ngx_conf_t *cf, ngx_command_t *cmd,
    ngx_http_kerberos_keepalive_conf_t *kcf)
{
    char         *rv;
    u_char        number[NGX_INT_T_LEN + 1];
    ngx_str_t    *value;
    ngx_array_t  *args, keepalive;

    if (ngx_array_init(&keepalive, cf->pool, 2, sizeof(ngx_str_t)) != NGX_OK) {
        return NGX_ERROR;
    }

    value = ngx_array_push_n(&keepalive, 2);

    value[0] = cmd->name;
    value[1].data = number;
    value[1].len = ngx_sprintf(number, "%ui%Z", kcf->max_cached) - 1 - number;

    kcf->max_cached = 0;

    args = cf->args;
    cf->args = &keepalive;

    rv = cmd->set(cf, cmd, kcf);

    cf->args = args;

    return rv == NGX_CONF_OK ? NGX_OK : NGX_ERROR;
}

#endif


/* when the block is complete: one of the two keeps its connections */

void
ngx_http_kerberos_settle_keepalive(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf)
{
    ngx_module_t                        *module;
    ngx_http_kerberos_pool_t            *pool;
    ngx_http_kerberos_main_conf_t       *kmcf;
    ngx_http_kerberos_keepalive_conf_t  *kcf;

    pool = &kscf->pool;
    module = ngx_http_kerberos_find_keepalive(cf);
    kcf = module ? us->srv_conf[module->ctx_index] : NULL;

    if (kcf && kcf->max_cached == NGX_HTTP_KERBEROS_NO_KEEPALIVE) {
        kcf->max_cached = 0;

    } else if (kcf && kcf->max_cached) {

        if (kscf->keepalive_set && pool->limits.max) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "\"kerberos_keepalive\" is ignored in upstream "
                          "\"%V\": it has nginx's own \"keepalive\" in %s:%ui",
                          &us->host, us->file_name, us->line);

        } else if (!kscf->keepalive_set) {
            ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                          "nginx's own \"keepalive\" keeps the connections of "
                          "upstream \"%V\", in place of "
                          "\"kerberos_keepalive\", in %s:%ui",
                          &us->host, us->file_name, us->line);
        }

        pool->foreign = 1;

    } else if (kcf && !kscf->keepalive_set) {

        /* "keepalive 0" */
        pool->limits.max = 0;
    }

    if (kcf) {

        /* what it was told without being there, it was told of connections */

        if (pool->limits.requests == NGX_CONF_UNSET_UINT) {
            pool->limits.requests = kcf->requests;
        }

        if (pool->limits.idle == NGX_CONF_UNSET_MSEC) {
            pool->limits.idle = kcf->timeout;
        }

        pool->time = kcf->time;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    ngx_http_kerberos_init_pool(kmcf, pool);
}


/* nginx may have been built without it */

static ngx_module_t *
ngx_http_kerberos_find_keepalive(ngx_conf_t *cf)
{
    ngx_uint_t     m;
    ngx_module_t  *module;

    for (m = 0; cf->cycle->modules[m]; m++) {
        module = cf->cycle->modules[m];

        if (ngx_strcmp(module->name, "ngx_http_upstream_keepalive_module")
            == 0
            && ngx_strcmp(module->commands->name.data, "keepalive") == 0)
        {
            return module;
        }
    }

    return NULL;
}
