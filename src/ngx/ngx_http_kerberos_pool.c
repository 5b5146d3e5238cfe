
/* SPDX-License-Identifier: MIT
 *
 * How many idle connections an upstream block keeps in a worker: all of them
 * stand in the order of return.
 */

#include "ngx/ngx_http_kerberos_idle.h"


static char *ngx_http_kerberos_set_kept(ngx_conf_t *cf, kerberos_kept *kept,
    char *name, ngx_str_t *parameter);
static ngx_http_kerberos_idle_t *ngx_http_kerberos_oldest(
    ngx_http_kerberos_pool_t *pool);


char *
ngx_http_kerberos_keepalive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_srv_conf_t  *kscf = conf;

    char                          *rv;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    kerberos_kept                  kept;
    ngx_http_kerberos_limits_t    *limits;
    ngx_http_upstream_srv_conf_t  *us;

    if (kscf->keepalive_set) {
        return "is duplicate";
    }

    kscf->keepalive_set = 1;

    value = cf->args->elts;
    limits = &kscf->pool.limits;

    kerberos_kept_init(&kept);

    if (ngx_strcmp(value[1].data, "off") == 0) {
        kept.connections = 0;

        if (cf->args->nelts > 2) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[2]);
            return NGX_CONF_ERROR;
        }

    } else {
        rv = ngx_http_kerberos_set_kept(cf, &kept, "connections", &value[1]);

        for (i = 2; rv == NGX_CONF_OK && i < cf->args->nelts; i++) {
            rv = ngx_http_kerberos_set_kept(cf, &kept, NULL, &value[i]);
        }

        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    limits->max = kept.connections;

    if (kept.total != -1) {
        limits->total = kept.total;
    }

    if (kept.requests != -1) {
        limits->requests = kept.requests;
    }

    if (kept.idle != -1) {
        limits->idle = kept.idle;
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (ngx_http_kerberos_serve_upstream(cf, us, kscf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "name=value", or the value of a name */

static char *
ngx_http_kerberos_set_kept(ngx_conf_t *cf, kerberos_kept *kept, char *name,
    ngx_str_t *parameter)
{
    char               allowed[256];
    u_char            *p, *last;
    kerberos_text      key, value;
    kerberos_verdict   verdict;

    last = parameter->data + parameter->len;

    if (name) {
        key.data = name;
        key.len = ngx_strlen(name);
        p = parameter->data;

    } else {
        p = ngx_strlchr(parameter->data, last, '=');

        key.data = (char *) parameter->data;
        key.len = (p ? p : last) - parameter->data;
        p = p ? p + 1 : last;
    }

    value.data = (char *) p;
    value.len = last - p;

    verdict = kerberos_kept_set(kept, key, value, allowed, sizeof(allowed));

    switch (verdict) {

    case KERBEROS_TAKEN:
        return NGX_CONF_OK;

    case KERBEROS_DUPLICATE:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "parameter \"%*s\" is duplicate",
                           key.len, key.data);
        break;

    default:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid %s \"%V\" in \"kerberos_keepalive\" "
                           "directive (%s)", name ? "value" : "parameter",
                           parameter, allowed);
    }

    return NGX_CONF_ERROR;
}


void
ngx_http_kerberos_init_pool(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_pool_t *pool)
{
    ngx_conf_init_uint_value(pool->limits.max, 32);
    ngx_conf_init_uint_value(pool->limits.requests, 1000);
    ngx_conf_init_uint_value(pool->limits.total, 0);
    ngx_conf_init_msec_value(pool->limits.idle, 60000);
    ngx_conf_init_msec_value(pool->time, 3600000);

    if (pool->foreign) {
        return;
    }

    pool->kmcf = kmcf;

    ngx_queue_init(&pool->kept);
    ngx_queue_insert_tail(&kmcf->pools, &pool->link);
}


void
ngx_http_kerberos_empty_pools(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t               *q;
    ngx_http_kerberos_pool_t  *pool;

    for (q = ngx_queue_head(&kmcf->pools);
         q != ngx_queue_sentinel(&kmcf->pools);
         q = ngx_queue_next(q))
    {
        pool = ngx_queue_data(q, ngx_http_kerberos_pool_t, link);

        while (pool->count) {
            ngx_http_kerberos_close_idle(ngx_http_kerberos_oldest(pool));
        }
    }
}


void
ngx_http_kerberos_enter_pool(ngx_http_kerberos_idle_t *idle)
{
    idle->pool->count++;
    ngx_queue_insert_head(&idle->pool->kept, &idle->in_pool);
}


void
ngx_http_kerberos_leave_pool(ngx_http_kerberos_idle_t *idle)
{
    idle->pool->count--;
    ngx_queue_remove(&idle->in_pool);
}


/* the oldest makes room where there is one too many */

void
ngx_http_kerberos_hold_total(ngx_http_kerberos_pool_t *pool)
{
    ngx_uint_t  total;

    total = pool->limits.total;

    if (total == 0) {
        total = ngx_max(1, ngx_cycle->connection_n / 2);
    }

    if (pool->count > total) {
        ngx_http_kerberos_close_idle(ngx_http_kerberos_oldest(pool));
    }
}


/*
 * Where a worker runs short of connections, those in use matter more than
 * those that are idle: closes the oldest of all blocks
 */

void
ngx_http_kerberos_relieve(ngx_http_kerberos_store_t *store, ngx_uint_t n)
{
    ngx_queue_t               *q, *pools;
    ngx_http_kerberos_idle_t  *last, *oldest;
    ngx_http_kerberos_pool_t  *pool;

    pools = &store->kmcf->pools;

    while (n-- && ngx_cycle->free_connection_n < ngx_cycle->connection_n / 8) {

        oldest = NULL;

        for (q = ngx_queue_head(pools);
             q != ngx_queue_sentinel(pools);
             q = ngx_queue_next(q))
        {
            pool = ngx_queue_data(q, ngx_http_kerberos_pool_t, link);

            if (pool->count == 0) {
                continue;
            }

            last = ngx_http_kerberos_oldest(pool);

            if (oldest == NULL
                || (ngx_msec_int_t) (last->since - oldest->since) < 0)
            {
                oldest = last;
            }
        }

        if (oldest == NULL) {
            return;
        }

        ngx_http_kerberos_close_idle(oldest);
    }
}


static ngx_http_kerberos_idle_t *
ngx_http_kerberos_oldest(ngx_http_kerberos_pool_t *pool)
{
    return ngx_queue_data(ngx_queue_last(&pool->kept),
                          ngx_http_kerberos_idle_t, in_pool);
}
