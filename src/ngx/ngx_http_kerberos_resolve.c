
/* SPDX-License-Identifier: MIT
 *
 * Addresses of a registry's peers: what is one already, what the system
 * resolves once, and what nginx's resolver is going to be asked for.
 */

#include "ngx/ngx_http_kerberos_registry.h"


static ngx_int_t ngx_http_kerberos_resolve_target(ngx_pool_t *pool,
    kerberos_config *config, size_t number, kerberos_target *target,
    ngx_http_kerberos_teller_t *teller);


/* that of the http block; without one names are resolved once */

void
ngx_http_kerberos_find_resolver(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    /* nginx makes one that asks nobody where there is none */

    if (clcf->resolver == NULL || clcf->resolver->connections.nelts == 0) {
        return;
    }

    kmcf->resolver = clcf->resolver;
    kmcf->resolver_timeout = clcf->resolver_timeout;

    if (kmcf->resolver_timeout == NGX_CONF_UNSET_MSEC) {
        kmcf->resolver_timeout = 30000;
    }
}


/* names that are followed have no addresses yet */

ngx_int_t
ngx_http_kerberos_resolve(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context)
{
    size_t                      i;
    ngx_int_t                   rc, found;
    kerberos_target             target;
    ngx_http_kerberos_teller_t  teller;

    rc = NGX_OK;
    teller.tell = on_message;
    teller.context = context;

    for (i = 0; i < kerberos_config_targets(config); i++) {

        target = kerberos_config_target(config, i);

        if (target.kind != KERBEROS_ADDRESS && kmcf->resolver) {
            kerberos_config_follow(config, i);
            continue;
        }

        found = ngx_http_kerberos_resolve_target(pool, config, i, &target,
                                                 &teller);
        if (found == NGX_ABORT) {
            ngx_http_kerberos_tell(&teller, "no memory");
            return NGX_ERROR;
        }

        if (found != NGX_OK) {
            rc = NGX_ERROR;
        }
    }

    return rc;
}


/* NGX_ABORT: no memory */

static ngx_int_t
ngx_http_kerberos_resolve_target(ngx_pool_t *pool, kerberos_config *config,
    size_t number, kerberos_target *target, ngx_http_kerberos_teller_t *teller)
{
    u_char          text[NGX_MAX_ERROR_STR];
    ngx_url_t       u;
    ngx_uint_t      n;
    kerberos_text   name, why;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.url.data = (u_char *) target->target.data;
    u.url.len = target->target.len;

    why.data = (char *) text;

    if (target->kind == KERBEROS_SRV) {
        why.len = ngx_snprintf(text, sizeof(text), "SRV records need a "
                               "\"resolver\" in the http block of nginx.conf")
                  - text;

        (void) kerberos_config_refuse_target(config, number, why, teller->tell,
                                      teller->context);
        return NGX_DECLINED;
    }

    if (ngx_parse_url(pool, &u) != NGX_OK) {
        why.len = ngx_snprintf(text, sizeof(text), "%s \"%V\"",
                               u.err ? u.err : "invalid address", &u.url)
                  - text;

        (void) kerberos_config_refuse_target(config, number, why, teller->tell,
                                      teller->context);
        return NGX_DECLINED;
    }

    for (n = 0; n < u.naddrs; n++) {
        name.data = (char *) u.addrs[n].name.data;
        name.len = u.addrs[n].name.len;

        if (kerberos_config_resolve(config, number, u.addrs[n].sockaddr,
                                    u.addrs[n].socklen, name)
            != KERBEROS_OK)
        {
            return NGX_ABORT;
        }
    }

    return NGX_OK;
}
