
/* SPDX-License-Identifier: MIT
 *
 * How many idle connections an upstream block keeps in a worker, and for how
 * long: all of them in the order of return, and one timer for the oldest.
 */

#include "ngx/ngx_http_kerberos.h"


static void ngx_http_kerberos_expire(ngx_event_t *ev);
static ngx_http_kerberos_idle_t *ngx_http_kerberos_oldest(
    ngx_http_kerberos_pool_t *pool);


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
