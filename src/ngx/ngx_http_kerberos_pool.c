
/* SPDX-License-Identifier: MIT
 *
 * How many idle connections an upstream block keeps in a worker, and for how
 * long: all of them in the order of return, and one timer for the oldest.
 */

#include "ngx/ngx_http_kerberos.h"


static ngx_int_t ngx_http_kerberos_set_keepalive(ngx_conf_t *cf,
    ngx_http_kerberos_pool_t *pool, ngx_str_t *parameter);
static void ngx_http_kerberos_expire(ngx_event_t *ev);
static ngx_http_kerberos_idle_t *ngx_http_kerberos_oldest(
    ngx_http_kerberos_pool_t *pool);


char *
ngx_http_kerberos_keepalive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_srv_conf_t  *kscf = conf;

    ngx_int_t                      n;
    ngx_str_t                     *value;
    ngx_uint_t                     i;
    ngx_http_upstream_srv_conf_t  *us;

    if (kscf->keepalive_set) {
        return "is duplicate";
    }

    kscf->keepalive_set = 1;

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        n = 0;

    } else {
        n = ngx_atoi(value[1].data, value[1].len);

        if (n == NGX_ERROR || n == 0 || n > 65535) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\" directive",
                               &value[1], &cmd->name);
            return NGX_CONF_ERROR;
        }
    }

    kscf->pool.max = n;

    if (n == 0 && cf->args->nelts > 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\"", &value[2]);
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {
        if (ngx_http_kerberos_set_keepalive(cf, &kscf->pool, &value[i])
            != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    us = ngx_http_conf_get_module_srv_conf(cf, ngx_http_upstream_module);

    if (ngx_http_kerberos_serve_upstream(cf, us, kscf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kerberos_set_keepalive(ngx_conf_t *cf, ngx_http_kerberos_pool_t *pool,
    ngx_str_t *parameter)
{
    ngx_int_t    n;
    ngx_str_t    value;
    ngx_uint_t   i, *field;

    static struct {
        ngx_str_t   name;
        size_t      offset;
        ngx_uint_t  time;
    } known[] = {
        { ngx_string("idle="),
          offsetof(ngx_http_kerberos_pool_t, idle), 1 },
        { ngx_string("requests="),
          offsetof(ngx_http_kerberos_pool_t, requests), 0 },
        { ngx_string("total="),
          offsetof(ngx_http_kerberos_pool_t, total), 0 }
    };

    for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {

        if (ngx_strncmp(parameter->data, known[i].name.data, known[i].name.len)
            != 0)
        {
            continue;
        }

        field = (ngx_uint_t *) ((char *) pool + known[i].offset);

        if (*field != NGX_CONF_UNSET_UINT) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "parameter \"%*s\" is duplicate",
                               known[i].name.len - 1, known[i].name.data);
            return NGX_ERROR;
        }

        value.data = parameter->data + known[i].name.len;
        value.len = parameter->len - known[i].name.len;

        n = known[i].time ? ngx_parse_time(&value, 0)
                          : ngx_atoi(value.data, value.len);

        if (n == NGX_ERROR || n == 0) {
            break;
        }

        *field = n;

        return NGX_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\"", parameter);

    return NGX_ERROR;
}


void
ngx_http_kerberos_init_pool(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_pool_t *pool)
{
    ngx_conf_init_uint_value(pool->max, 32);
    ngx_conf_init_uint_value(pool->requests, 1000);
    ngx_conf_init_uint_value(pool->total, 0);
    ngx_conf_init_msec_value(pool->idle, 60000);
    ngx_conf_init_msec_value(pool->time, 3600000);

    if (pool->max == 0) {
        return;
    }

    pool->kmcf = kmcf;

    ngx_queue_init(&pool->kept);
    ngx_queue_insert_tail(&kmcf->pools, &pool->link);

    ngx_http_kerberos_set_event(&pool->expiry, &pool->connection, pool,
                                ngx_http_kerberos_expire);
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

        if (pool->expiry.timer_set) {
            ngx_del_timer(&pool->expiry);
        }
    }
}


/* the oldest makes room where there is one too many */

void
ngx_http_kerberos_enter_pool(ngx_http_kerberos_idle_t *idle)
{
    ngx_uint_t                 total;
    ngx_http_kerberos_pool_t  *pool;

    pool = idle->pool;

    idle->since = ngx_current_msec;
    pool->count++;
    ngx_queue_insert_head(&pool->kept, &idle->in_pool);

    if (!pool->expiry.timer_set) {
        pool->expiry.log = pool->kmcf->cycle->log;
        ngx_add_timer(&pool->expiry, pool->idle);
    }

    total = pool->total ? pool->total : ngx_max(1, ngx_cycle->connection_n / 2);

    if (pool->count > total) {
        ngx_http_kerberos_close_idle(ngx_http_kerberos_oldest(pool));
    }
}


void
ngx_http_kerberos_leave_pool(ngx_http_kerberos_idle_t *idle)
{
    idle->pool->count--;
    ngx_queue_remove(&idle->in_pool);
}


static void
ngx_http_kerberos_expire(ngx_event_t *ev)
{
    ngx_connection_t          *c;
    ngx_msec_int_t             left;
    ngx_http_kerberos_idle_t  *oldest;
    ngx_http_kerberos_pool_t  *pool;

    c = ev->data;
    pool = c->data;

    while (pool->count) {
        oldest = ngx_http_kerberos_oldest(pool);
        left = oldest->since + pool->idle - ngx_current_msec;

        if (left > 0) {
            ngx_add_timer(ev, left);
            return;
        }

        ngx_http_kerberos_close_idle(oldest);
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


/* one that is no reason for a process to stay */

void
ngx_http_kerberos_set_event(ngx_event_t *ev, ngx_connection_t *c, void *data,
    ngx_event_handler_pt handler)
{
    c->fd = (ngx_socket_t) -1;
    c->data = data;

    ev->data = c;
    ev->handler = handler;
    ev->cancelable = 1;
}
