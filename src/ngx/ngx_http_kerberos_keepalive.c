
/* SPDX-License-Identifier: MIT
 *
 * nginx's own "keepalive" around us, wherever it stands in the block.
 *
 * Since 1.29.7 it wraps the balancer when the configuration is complete.
 * Before, it wrapped whatever it found where it stood, so that a balancer
 * named after it discarded it without a word.
 */

#include "ngx/ngx_http_kerberos.h"


#if (nginx_version < 1029007)

static ngx_module_t *ngx_http_kerberos_find_keepalive(ngx_conf_t *cf);

#endif


/* puts our init function into a block, inside a keepalive that is there */

ngx_int_t
ngx_http_kerberos_hook_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_init_pt init)
{
#if (nginx_version < 1029007)
    u_char         *last;
    u_char          number[NGX_INT_T_LEN + 1];
    ngx_str_t      *value;
    ngx_uint_t     *max_cached, cached;
    ngx_array_t    *args, keepalive;
    ngx_module_t   *module;
    ngx_command_t  *cmd;

    module = ngx_http_kerberos_find_keepalive(cf);

    if (module && us->peer.init_upstream) {

        /*
         * the first field of its configuration in all these versions; as
         * long as it is zero, the directive has not been there
         */

        max_cached = us->srv_conf[module->ctx_index];
        cached = *max_cached;
        cmd = module->commands;

        if (cached) {
            if (ngx_array_init(&keepalive, cf->pool, 2, sizeof(ngx_str_t))
                != NGX_OK)
            {
                return NGX_ERROR;
            }

            value = ngx_array_push_n(&keepalive, 2);

            last = ngx_sprintf(number, "%ui%Z", cached) - 1;

            value[0] = cmd->name;
            value[1].data = number;
            value[1].len = last - number;

            us->peer.init_upstream = init;

            /* let the directive take its turn again, now around us */

            *max_cached = 0;

            args = cf->args;
            cf->args = &keepalive;

            if (cmd->set(cf, cmd, max_cached) != NGX_CONF_OK) {
                cf->args = args;
                return NGX_ERROR;
            }

            cf->args = args;

            return NGX_OK;
        }
    }
#endif

    if (us->peer.init_upstream) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "load balancing method redefined");
    }

    us->peer.init_upstream = init;

    return NGX_OK;
}


#if (nginx_version < 1029007)

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

#endif
