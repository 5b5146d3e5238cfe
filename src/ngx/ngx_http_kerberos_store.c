
/* SPDX-License-Identifier: MIT
 *
 * Where a worker keeps its idle connections: each peer has shelves, one for
 * each block and identity, and what was put on one last is taken first.  Mostly
 * there is one shelf, and never one of many.
 */

#include "ngx/ngx_http_kerberos_idle.h"


/* as many as a peer may have, for clients may choose identities */
#define NGX_HTTP_KERBEROS_SHELVES  64


static ngx_http_kerberos_stock_t *ngx_http_kerberos_get_stock(
    ngx_http_kerberos_store_t *store, uint32_t peer, uint32_t service);
static ngx_http_kerberos_shelf_t *ngx_http_kerberos_find_shelf(
    ngx_http_kerberos_stock_t *stock, ngx_http_kerberos_pool_t *pool,
    ngx_http_kerberos_identity_t *identity);
static ngx_http_kerberos_shelf_t *ngx_http_kerberos_add_shelf(
    ngx_http_kerberos_store_t *store, ngx_http_kerberos_stock_t *stock);
static void ngx_http_kerberos_clear_shelf(ngx_http_kerberos_shelf_t *shelf);
static ngx_http_kerberos_idle_t *ngx_http_kerberos_beyond_max(
    ngx_http_kerberos_stock_t *stock, ngx_http_kerberos_pool_t *pool,
    ngx_uint_t max);
static void ngx_http_kerberos_hold_limits(ngx_http_kerberos_idle_t *idle,
    ngx_http_kerberos_stock_t *stock, ngx_http_kerberos_limits_t *limits);


/* where there is no memory for it, connections are closed after each request */

ngx_int_t
ngx_http_kerberos_init_store(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_store_t  *store;

    kmcf->store = NULL;

    if (ngx_queue_empty(&kmcf->pools)) {
        return NGX_OK;
    }

    store = ngx_calloc(sizeof(ngx_http_kerberos_store_t), kmcf->cycle->log);
    if (store == NULL) {
        return NGX_ERROR;
    }

    store->kmcf = kmcf;
    store->peers.size = sizeof(ngx_http_kerberos_stock_t);
    store->services.size = sizeof(ngx_http_kerberos_stocks_t);

    ngx_queue_init(&store->busy);
    ngx_queue_init(&store->spare);
    ngx_queue_init(&store->lines);

    ngx_http_kerberos_set_event(&store->sweep, &store->connection, store,
                                ngx_http_kerberos_sweep_handler);
    store->sweep.log = kmcf->cycle->log;

    kmcf->store = store;

    return NGX_OK;
}


void
ngx_http_kerberos_free_store(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t                *q;
    ngx_http_kerberos_store_t  *store;

    store = kmcf->store;

    if (store == NULL) {
        return;
    }

    ngx_http_kerberos_empty_pools(kmcf);
    ngx_http_kerberos_free_lines(store);

    if (store->sweep.posted) {
        ngx_delete_posted_event(&store->sweep);
    }

    while (!ngx_queue_empty(&store->spare)) {
        q = ngx_queue_head(&store->spare);
        ngx_queue_remove(q);
        ngx_free(ngx_queue_data(q, ngx_http_kerberos_shelf_t, link));
    }

    ngx_http_kerberos_free_ranks(&store->peers);
    ngx_http_kerberos_free_ranks(&store->services);
    ngx_free(store);

    /* requests that end from now on have nowhere to put theirs */
    kmcf->store = NULL;
}


/* the connection kept last of those that this request may use */

ngx_http_kerberos_idle_t *
ngx_http_kerberos_draw(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_pool_t *pool, uint32_t peer,
    ngx_http_kerberos_identity_t *identity)
{
    ngx_http_kerberos_idle_t   *idle;
    ngx_http_kerberos_shelf_t  *shelf;
    ngx_http_kerberos_stock_t  *stock;

    stock = ngx_http_kerberos_at_rank(&store->peers, peer);

    if (stock == NULL || stock->count == 0) {
        return NULL;
    }

    shelf = ngx_http_kerberos_find_shelf(stock, pool, identity);

    if (shelf == NULL) {
        return NULL;
    }

    idle = ngx_queue_data(ngx_queue_head(&shelf->idle),
                          ngx_http_kerberos_idle_t, on_shelf);

    ngx_http_kerberos_unshelve(idle);

    return idle;
}


ngx_int_t
ngx_http_kerberos_shelve(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_idle_t *idle, uint32_t service,
    ngx_http_kerberos_limits_t *limits)
{
    ngx_http_kerberos_line_t   *line;
    ngx_http_kerberos_shelf_t  *shelf;
    ngx_http_kerberos_stock_t  *stock;

    line = ngx_http_kerberos_find_line(store, limits->idle);
    stock = ngx_http_kerberos_get_stock(store, idle->peer, service);

    if (line == NULL || stock == NULL) {
        return NGX_ERROR;
    }

    shelf = ngx_http_kerberos_find_shelf(stock, idle->pool, &idle->identity);

    if (shelf == NULL) {
        shelf = ngx_http_kerberos_add_shelf(store, stock);
        if (shelf == NULL) {
            return NGX_ERROR;
        }
    }

    if (ngx_queue_head(&stock->shelves) != &shelf->link) {
        ngx_queue_remove(&shelf->link);
        ngx_queue_insert_head(&stock->shelves, &shelf->link);
    }

    idle->shelf = shelf;
    shelf->count++;
    ngx_queue_insert_head(&shelf->idle, &idle->on_shelf);

    kerberos_count_idle(store->kmcf->process, idle->peer, 1);

    idle->since = ngx_current_msec;

    stock->stocks->count++;
    ngx_queue_insert_head(&stock->stocks->kept, &idle->in_service);

    ngx_http_kerberos_enter_line(idle, line);
    ngx_http_kerberos_enter_pool(idle);
    ngx_http_kerberos_hold_limits(idle, stock, limits);

    return NGX_OK;
}


/* takes it from where it stands; the connection goes on */

void
ngx_http_kerberos_unshelve(ngx_http_kerberos_idle_t *idle)
{
    ngx_http_kerberos_shelf_t  *shelf;
    ngx_http_kerberos_stock_t  *stock;
    ngx_http_kerberos_store_t  *store;

    shelf = idle->shelf;
    store = idle->pool->kmcf->store;
    stock = ngx_http_kerberos_at_rank(&store->peers, idle->peer);

    ngx_http_kerberos_leave_pool(idle);
    ngx_http_kerberos_leave_line(idle);

    stock->stocks->count--;
    ngx_queue_remove(&idle->in_service);

    kerberos_count_idle(store->kmcf->process, idle->peer, -1);

    ngx_queue_remove(&idle->on_shelf);

    if (--shelf->count) {
        return;
    }

    ngx_queue_remove(&shelf->link);
    ngx_queue_insert_head(&store->spare, &shelf->link);

    if (--stock->count) {
        return;
    }

    ngx_queue_remove(&stock->link);

    if (ngx_queue_empty(&stock->stocks->stocks)) {
        ngx_queue_remove(&stock->stocks->link);
    }
}


static ngx_http_kerberos_stock_t *
ngx_http_kerberos_get_stock(ngx_http_kerberos_store_t *store, uint32_t peer,
    uint32_t service)
{
    ngx_log_t                   *log;
    ngx_http_kerberos_stock_t   *stock;
    ngx_http_kerberos_stocks_t  *stocks;

    log = store->kmcf->cycle->log;

    stock = ngx_http_kerberos_make_rank(&store->peers, peer, log);
    stocks = ngx_http_kerberos_make_rank(&store->services, service, log);

    if (stock == NULL || stocks == NULL) {
        return NULL;
    }

    if (stock->count) {
        return stock;
    }

    /* ranks are given again, to others */

    ngx_queue_init(&stock->shelves);
    stock->rank = peer;
    stock->stocks = stocks;

    if (stocks->stocks.next == NULL) {
        ngx_queue_init(&stocks->stocks);
        ngx_queue_init(&stocks->kept);
        stocks->rank = service;
    }

    return stock;
}


static ngx_http_kerberos_shelf_t *
ngx_http_kerberos_find_shelf(ngx_http_kerberos_stock_t *stock,
    ngx_http_kerberos_pool_t *pool, ngx_http_kerberos_identity_t *identity)
{
    ngx_queue_t                *q;
    ngx_http_kerberos_idle_t   *first;
    ngx_http_kerberos_shelf_t  *shelf;

    for (q = ngx_queue_head(&stock->shelves);
         q != ngx_queue_sentinel(&stock->shelves);
         q = ngx_queue_next(q))
    {
        shelf = ngx_queue_data(q, ngx_http_kerberos_shelf_t, link);

        /* all that stand on it agree */

        first = ngx_queue_data(ngx_queue_head(&shelf->idle),
                               ngx_http_kerberos_idle_t, on_shelf);

        if (first->pool == pool
            && ngx_http_kerberos_same_identity(&first->identity, identity))
        {
            return shelf;
        }
    }

    return NULL;
}


static ngx_http_kerberos_shelf_t *
ngx_http_kerberos_add_shelf(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_stock_t *stock)
{
    ngx_queue_t                *q;
    ngx_http_kerberos_shelf_t  *shelf;

    if (stock->count == NGX_HTTP_KERBEROS_SHELVES) {
        q = ngx_queue_last(&stock->shelves);
        ngx_http_kerberos_clear_shelf(
            ngx_queue_data(q, ngx_http_kerberos_shelf_t, link));
    }

    if (ngx_queue_empty(&store->spare)) {
        shelf = ngx_calloc(sizeof(ngx_http_kerberos_shelf_t),
                           store->kmcf->cycle->log);
        if (shelf == NULL) {
            return NULL;
        }

        ngx_queue_init(&shelf->idle);

    } else {
        q = ngx_queue_head(&store->spare);
        ngx_queue_remove(q);
        shelf = ngx_queue_data(q, ngx_http_kerberos_shelf_t, link);
    }

    if (stock->count++ == 0) {

        if (ngx_queue_empty(&stock->stocks->stocks)) {
            ngx_queue_insert_head(&store->busy, &stock->stocks->link);
        }

        ngx_queue_insert_head(&stock->stocks->stocks, &stock->link);
    }

    ngx_queue_insert_head(&stock->shelves, &shelf->link);

    return shelf;
}


void
ngx_http_kerberos_clear_stock(ngx_http_kerberos_stock_t *stock)
{
    ngx_queue_t  *q;

    while (stock->count) {
        q = ngx_queue_head(&stock->shelves);
        ngx_http_kerberos_clear_shelf(
            ngx_queue_data(q, ngx_http_kerberos_shelf_t, link));
    }
}


void
ngx_http_kerberos_clear_peer(ngx_http_kerberos_store_t *store, uint32_t peer)
{
    ngx_http_kerberos_stock_t  *stock;

    stock = ngx_http_kerberos_at_rank(&store->peers, peer);

    if (stock) {
        ngx_http_kerberos_clear_stock(stock);
    }
}


static void
ngx_http_kerberos_clear_shelf(ngx_http_kerberos_shelf_t *shelf)
{
    ngx_uint_t                 i;
    ngx_http_kerberos_idle_t  *idle;

    for (i = shelf->count; i; i--) {
        idle = ngx_queue_data(ngx_queue_head(&shelf->idle),
                              ngx_http_kerberos_idle_t, on_shelf);
        ngx_http_kerberos_close_idle(idle);
    }
}


/*
 * Closes the oldest where there are too many: of the peer, of its service, of
 * the block.  Limits may be lower than they were, but the one that has just
 * come is never the oldest while there is another.
 */

static void
ngx_http_kerberos_hold_limits(ngx_http_kerberos_idle_t *idle,
    ngx_http_kerberos_stock_t *stock, ngx_http_kerberos_limits_t *limits)
{
    ngx_http_kerberos_idle_t    *oldest;
    ngx_http_kerberos_pool_t    *pool;
    ngx_http_kerberos_stocks_t  *stocks;

    pool = idle->pool;
    stocks = stock->stocks;

    for ( ;; ) {
        oldest = ngx_http_kerberos_beyond_max(stock, pool, limits->max);

        if (oldest == NULL) {
            break;
        }

        ngx_http_kerberos_close_idle(oldest);
    }

    while (limits->total && stocks->count > limits->total) {
        oldest = ngx_queue_data(ngx_queue_last(&stocks->kept),
                                ngx_http_kerberos_idle_t, in_service);
        ngx_http_kerberos_close_idle(oldest);
    }

    ngx_http_kerberos_hold_total(pool);
}


/* NULL: there are no more than so many of that peer */

static ngx_http_kerberos_idle_t *
ngx_http_kerberos_beyond_max(ngx_http_kerberos_stock_t *stock,
    ngx_http_kerberos_pool_t *pool, ngx_uint_t max)
{
    ngx_uint_t                  count;
    ngx_queue_t                *q;
    ngx_http_kerberos_idle_t   *last, *oldest;
    ngx_http_kerberos_shelf_t  *shelf;

    count = 0;
    oldest = NULL;

    for (q = ngx_queue_head(&stock->shelves);
         q != ngx_queue_sentinel(&stock->shelves);
         q = ngx_queue_next(q))
    {
        shelf = ngx_queue_data(q, ngx_http_kerberos_shelf_t, link);
        last = ngx_queue_data(ngx_queue_last(&shelf->idle),
                              ngx_http_kerberos_idle_t, on_shelf);

        if (last->pool != pool) {
            continue;
        }

        count += shelf->count;

        /* of the same age is who stands behind */

        if (oldest == NULL
            || (ngx_msec_int_t) (last->since - oldest->since) <= 0)
        {
            oldest = last;
        }
    }

    return count > max ? oldest : NULL;
}
