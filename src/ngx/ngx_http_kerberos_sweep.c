
/* SPDX-License-Identifier: MIT
 *
 * Idle connections to peers that go out: closed soon after, by every worker,
 * and not in a request.
 */

#include "ngx/ngx_http_kerberos_idle.h"


/* so many ms are to pass between two sweeps that requests ask for */
#define NGX_HTTP_KERBEROS_REST  10


static void ngx_http_kerberos_sweep_service(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_stocks_t *stocks);


/* requests see at no cost that some peer of their service changed sides */

void
ngx_http_kerberos_heed_changes(ngx_http_kerberos_store_t *store,
    uint32_t service)
{
    ngx_http_kerberos_stocks_t  *stocks;

    stocks = ngx_http_kerberos_at_rank(&store->services, service);

    if (stocks == NULL
        || stocks->stocks.next == NULL
        || ngx_queue_empty(&stocks->stocks)
        || stocks->changes == kerberos_changes(store->kmcf->process, service)
        || store->sweep.posted
        || ngx_current_msec - store->swept < NGX_HTTP_KERBEROS_REST)
    {
        return;
    }

    ngx_post_event(&store->sweep, &ngx_posted_events);
}


void
ngx_http_kerberos_sweep_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_kerberos_sweep(c->data);
}


void
ngx_http_kerberos_sweep(ngx_http_kerberos_store_t *store)
{
    uint64_t                     changes;
    ngx_queue_t                 *q, *next;
    ngx_http_kerberos_stocks_t  *stocks;

    store->swept = ngx_current_msec;

    for (q = ngx_queue_head(&store->busy);
         q != ngx_queue_sentinel(&store->busy);
         q = next)
    {
        next = ngx_queue_next(q);

        stocks = ngx_queue_data(q, ngx_http_kerberos_stocks_t, link);

        changes = kerberos_changes(store->kmcf->process, stocks->rank);

        if (changes != stocks->changes) {
            stocks->changes = changes;
            ngx_http_kerberos_sweep_service(store, stocks);
        }
    }
}


/* peers may be gone without a change of who is in */

void
ngx_http_kerberos_sweep_all(ngx_http_kerberos_store_t *store)
{
    ngx_queue_t                 *q, *next;
    ngx_http_kerberos_stocks_t  *stocks;

    for (q = ngx_queue_head(&store->busy);
         q != ngx_queue_sentinel(&store->busy);
         q = next)
    {
        next = ngx_queue_next(q);

        stocks = ngx_queue_data(q, ngx_http_kerberos_stocks_t, link);

        ngx_http_kerberos_sweep_service(store, stocks);
    }
}


static void
ngx_http_kerberos_sweep_service(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_stocks_t *stocks)
{
    ngx_queue_t                *q, *next;
    ngx_http_kerberos_stock_t  *stock;

    for (q = ngx_queue_head(&stocks->stocks);
         q != ngx_queue_sentinel(&stocks->stocks);
         q = next)
    {
        next = ngx_queue_next(q);

        stock = ngx_queue_data(q, ngx_http_kerberos_stock_t, link);

        if (kerberos_peer_out(store->kmcf->process, stock->rank,
                              ngx_current_msec))
        {
            ngx_http_kerberos_clear_stock(stock);
        }
    }
}
