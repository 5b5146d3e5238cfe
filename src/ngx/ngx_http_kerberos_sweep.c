
/* SPDX-License-Identifier: MIT
 *
 * Idle connections to peers that go out: closed soon after, by every worker,
 * and not in a request.
 */

#include "ngx/ngx_http_kerberos.h"


/* so many ms are to pass between two sweeps that requests ask for */
#define NGX_HTTP_KERBEROS_REST  10


static void ngx_http_kerberos_sweep_service(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_stocks_t *stocks);


/* requests see at no cost that some peer of their service changed sides */

void
ngx_http_kerberos_heed_changes(ngx_http_kerberos_store_t *store,
    ngx_uint_t service)
{
    ngx_http_kerberos_stocks_t  *stocks;

    if (service >= store->nservices) {
        return;
    }

    stocks = &store->services[service];

    if (ngx_queue_empty(&stocks->stocks)
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
    ngx_uint_t                   i;
    ngx_http_kerberos_stocks_t  *stocks;

    store->swept = ngx_current_msec;

    for (i = 0; i < store->nservices; i++) {
        stocks = &store->services[i];

        if (ngx_queue_empty(&stocks->stocks)) {
            continue;
        }

        changes = kerberos_changes(store->kmcf->process, i);

        if (changes != stocks->changes) {
            stocks->changes = changes;
            ngx_http_kerberos_sweep_service(store, stocks);
        }
    }
}


static void
ngx_http_kerberos_sweep_service(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_stocks_t *stocks)
{
    uint32_t                    peer;
    ngx_queue_t                *q, *next;
    ngx_http_kerberos_stock_t  *stock;

    for (q = ngx_queue_head(&stocks->stocks);
         q != ngx_queue_sentinel(&stocks->stocks);
         q = next)
    {
        next = ngx_queue_next(q);

        stock = ngx_queue_data(q, ngx_http_kerberos_stock_t, link);
        peer = stock - store->peers;

        if (kerberos_peer_out(store->kmcf->process, peer, ngx_current_msec)) {
            ngx_http_kerberos_clear_stock(stock);
        }
    }
}
