
/* SPDX-License-Identifier: MIT
 *
 * Connections that are kept for later requests: where they stand, for how long,
 * and what makes two of them interchangeable.
 */

#ifndef NGX_HTTP_KERBEROS_IDLE_H
#define NGX_HTTP_KERBEROS_IDLE_H


#include "ngx/ngx_http_kerberos.h"


#define NGX_HTTP_KERBEROS_DIGEST     16              /* of an identity */


/* those that wait for equally long */

typedef struct {
    ngx_queue_t                      link;           /* in store->lines */
    ngx_queue_t                      waiting;        /* newest first */
    ngx_msec_t                       idle;
    ngx_event_t                      expiry;
    ngx_connection_t                 connection;     /* for debug logs */
} ngx_http_kerberos_line_t;


/* what two connections to a peer must agree in to be interchangeable */

typedef struct {
    ngx_int_t                      (*protocol)(ngx_http_request_t *r);
    void                            *tls;
    uint64_t                         trusted[2];
    ngx_uint_t                       flags;
    size_t                           local;          /* lengths in the text, */
    size_t                           name;           /* in this order */
    size_t                           certificate;
    u_char                          *text;
} ngx_http_kerberos_identity_t;


/* idle connections that are interchangeable; it is never empty */

typedef struct {
    ngx_queue_t                      link;
    ngx_queue_t                      idle;           /* newest first */
    ngx_uint_t                       count;
} ngx_http_kerberos_shelf_t;


/* a connection that is kept, or was before: memory of its own pool */

typedef struct {
    ngx_connection_t                *connection;
    ngx_http_kerberos_pool_t        *pool;
    uint32_t                         peer;
    ngx_http_kerberos_identity_t     identity;

    ngx_http_kerberos_shelf_t       *shelf;
    ngx_queue_t                      on_shelf;
    ngx_queue_t                      in_pool;
    ngx_queue_t                      in_service;
    ngx_queue_t                      in_line;
    ngx_http_kerberos_line_t        *line;
    ngx_msec_t                       since;
} ngx_http_kerberos_idle_t;


/* the stocks of a service's peers, but for the empty ones */

typedef struct {
    ngx_queue_t                      link;           /* where not empty */
    ngx_queue_t                      stocks;
    ngx_queue_t                      kept;           /* newest first */
    ngx_uint_t                       count;
    uint32_t                         rank;           /* the service's */
    uint64_t                         changes;        /* when it was swept */
} ngx_http_kerberos_stocks_t;


/* all of a peer */

typedef struct {
    ngx_queue_t                      link;           /* where not empty */
    ngx_queue_t                      shelves;        /* last used first */
    ngx_uint_t                       count;
    uint32_t                         rank;           /* the peer's */
    ngx_http_kerberos_stocks_t      *stocks;         /* that it is one of */
} ngx_http_kerberos_stock_t;


struct ngx_http_kerberos_store_s {
    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_http_kerberos_ranks_t        peers;          /* stocks */
    ngx_http_kerberos_ranks_t        services;       /* stocks of them */
    ngx_queue_t                      busy;           /* those not empty */
    ngx_queue_t                      spare;          /* shelves */
    ngx_queue_t                      lines;

    ngx_msec_t                       swept;
    ngx_event_t                      sweep;
    ngx_connection_t                 connection;     /* for debug logs */
};


/* ngx_http_kerberos_idle.c: connections kept for later requests */

ngx_int_t ngx_http_kerberos_take_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
void ngx_http_kerberos_keep_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_uint_t state);
void ngx_http_kerberos_close_idle(ngx_http_kerberos_idle_t *idle);

/* ngx_http_kerberos_store.c: where they stand */

ngx_int_t ngx_http_kerberos_init_store(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_store(ngx_http_kerberos_main_conf_t *kmcf);
ngx_http_kerberos_idle_t *ngx_http_kerberos_draw(
    ngx_http_kerberos_store_t *store, ngx_http_kerberos_pool_t *pool,
    uint32_t peer, ngx_http_kerberos_identity_t *identity);
ngx_int_t ngx_http_kerberos_shelve(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_idle_t *idle, uint32_t service,
    ngx_http_kerberos_limits_t *limits);
void ngx_http_kerberos_unshelve(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_clear_stock(ngx_http_kerberos_stock_t *stock);
void ngx_http_kerberos_clear_peer(ngx_http_kerberos_store_t *store,
    uint32_t peer);

/* ngx_http_kerberos_pool.c: how many of a block, and for how long */

char *ngx_http_kerberos_keepalive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_kerberos_init_pool(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_pool_t *pool);
void ngx_http_kerberos_empty_pools(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_enter_pool(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_leave_pool(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_hold_total(ngx_http_kerberos_pool_t *pool);
void ngx_http_kerberos_relieve(ngx_http_kerberos_store_t *store,
    ngx_uint_t n);

/* ngx_http_kerberos_line.c: who has been idle for too long */

ngx_http_kerberos_line_t *ngx_http_kerberos_find_line(
    ngx_http_kerberos_store_t *store, ngx_msec_t idle);
void ngx_http_kerberos_enter_line(ngx_http_kerberos_idle_t *idle,
    ngx_http_kerberos_line_t *line);
void ngx_http_kerberos_leave_line(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_free_lines(ngx_http_kerberos_store_t *store);

/* ngx_http_kerberos_sweep.c: none to peers that are out */

void ngx_http_kerberos_heed_changes(ngx_http_kerberos_store_t *store,
    uint32_t service);
void ngx_http_kerberos_sweep_handler(ngx_event_t *ev);
void ngx_http_kerberos_sweep(ngx_http_kerberos_store_t *store);
void ngx_http_kerberos_sweep_all(ngx_http_kerberos_store_t *store);

/* ngx_http_kerberos_identity.c: what makes two connections interchangeable */

ngx_int_t ngx_http_kerberos_identify(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_kerberos_identity_t *identity);
ngx_uint_t ngx_http_kerberos_same_identity(ngx_http_kerberos_identity_t *one,
    ngx_http_kerberos_identity_t *two);
ngx_int_t ngx_http_kerberos_copy_identity(ngx_pool_t *pool,
    ngx_http_kerberos_identity_t *copy, ngx_http_kerberos_identity_t *of);
void ngx_http_kerberos_digest_identity(ngx_http_kerberos_identity_t *identity,
    u_char digest[NGX_HTTP_KERBEROS_DIGEST]);


#endif /* NGX_HTTP_KERBEROS_IDLE_H */
