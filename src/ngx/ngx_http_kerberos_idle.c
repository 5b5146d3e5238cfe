
/* SPDX-License-Identifier: MIT
 *
 * Connections to peers outlive the requests they were opened for: one is taken
 * in place of opening another, and kept where a request has left it clean.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_request.h"


static ngx_uint_t ngx_http_kerberos_clean(ngx_http_kerberos_ctx_t *ctx,
    ngx_connection_t *c, ngx_uint_t state);
static ngx_http_kerberos_idle_t *ngx_http_kerberos_create_idle(
    ngx_http_kerberos_ctx_t *ctx, ngx_connection_t *c);
static void ngx_http_kerberos_set_log(ngx_connection_t *c, ngx_log_t *log);
static void ngx_http_kerberos_read_idle(ngx_event_t *ev);
static void ngx_http_kerberos_write_idle(ngx_event_t *ev);
static void ngx_http_kerberos_close_connection(ngx_connection_t *c);


/* NGX_OK: a new one has to be opened */

ngx_int_t
ngx_http_kerberos_take_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc)
{
    ngx_connection_t           *c;
    ngx_http_kerberos_idle_t   *idle;
    ngx_http_kerberos_store_t  *store;

    ctx->idle = NULL;
    ctx->identified = 0;

    store = ctx->kmcf->store;

    /* who keeps no connections may keep TLS sessions */

    if (((ctx->pool && ctx->limits.max) || ctx->request->upstream->ssl)
        && ngx_http_kerberos_identify(ctx, &ctx->identity) == NGX_OK)
    {
        ctx->identified = 1;
    }

    if (ctx->pool == NULL || store == NULL) {
        return NGX_OK;
    }

    if (ctx->limits.max == 0) {
        /* it may have kept some until now */
        ngx_http_kerberos_clear_peer(store, ctx->pick.peer);
        return NGX_OK;
    }

    if (!ctx->identified) {
        return NGX_OK;
    }

    ngx_http_kerberos_heed_changes(store, ctx->service);

    /*
     * A probe tries whether the peer takes connections.  Where one that was
     * kept turned out dead, others of that peer are no better, nor may all
     * peers have been restarted at the expense of one request.
     */

    if (ctx->pick.met == KERBEROS_HALF_OPEN
        || ctx->stale > 1
        || (ctx->stale && ctx->stale_peer == ctx->pick.peer))
    {
        return NGX_OK;
    }

    idle = ngx_http_kerberos_draw(store, ctx->pool, ctx->pick.peer,
                                  &ctx->identity);

    if (idle == NULL) {
        ngx_http_kerberos_relieve(store, 1);
        return NGX_OK;
    }

    c = idle->connection;

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "kerberos get peer: using connection %p", c);

    c->idle = 0;
    c->sent = 0;
    c->data = NULL;
    ngx_http_kerberos_set_log(c, pc->log);

    ctx->idle = idle;

    pc->connection = c;
    pc->cached = 1;

    return NGX_DONE;
}


void
ngx_http_kerberos_keep_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_uint_t state)
{
    ngx_connection_t           *c;
    ngx_http_kerberos_idle_t   *idle;
    ngx_http_kerberos_store_t  *store;

    c = pc->connection;
    store = ctx->kmcf->store;

    if (pc->cached && (state & NGX_PEER_FAILED)) {
        ctx->stale++;
        ctx->stale_peer = ctx->pick.peer;
    }

    if (ctx->pool == NULL || ctx->limits.max == 0 || store == NULL
        || !ctx->identified)
    {
        return;
    }

    ngx_http_kerberos_heed_changes(store, ctx->service);

    if (c == NULL || !ngx_http_kerberos_clean(ctx, c, state)) {
        return;
    }

    idle = ctx->idle ? ctx->idle : ngx_http_kerberos_create_idle(ctx, c);

    /* nothing may fail, and nothing close it, once it is put away */

    if (idle == NULL || ngx_handle_read_event(c->read, 0) != NGX_OK) {
        return;
    }

    ngx_http_kerberos_relieve(store, 2);

    if (ngx_http_kerberos_shelve(store, idle, ctx->service, &ctx->limits)
        != NGX_OK)
    {
        return;
    }

    ngx_log_debug1(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "kerberos free peer: keeping connection %p", c);

    pc->connection = NULL;

    c->read->delayed = 0;

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->read->handler = ngx_http_kerberos_read_idle;
    c->write->handler = ngx_http_kerberos_write_idle;

    c->data = idle;
    c->idle = 1;
    ngx_http_kerberos_set_log(c, ngx_cycle->log);

    if (c->read->ready) {
        ngx_http_kerberos_read_idle(c->read);
    }
}


/* whether the next request finds it as if it was new */

static ngx_uint_t
ngx_http_kerberos_clean(ngx_http_kerberos_ctx_t *ctx, ngx_connection_t *c,
    ngx_uint_t state)
{
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;

    if ((state & NGX_PEER_FAILED)
        || c->read->eof
        || c->read->pending_eof
        || c->read->error
        || c->read->timedout
        || c->write->error
        || c->write->timedout)
    {
        return 0;
    }

    if (!u->keepalive || !u->request_body_sent) {
        return 0;
    }

    if (c->requests >= ctx->limits.requests
        || ngx_current_msec - c->start_time > ctx->pool->time)
    {
        return 0;
    }

    if (ngx_terminate || ngx_exiting) {
        return 0;
    }

    return !kerberos_peer_out(ctx->process, ctx->pick.peer, ngx_current_msec);
}


/* it lives and dies with the connection, and is made once for it */

static ngx_http_kerberos_idle_t *
ngx_http_kerberos_create_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_connection_t *c)
{
    ngx_http_kerberos_idle_t  *idle;

    idle = ngx_palloc(c->pool, sizeof(ngx_http_kerberos_idle_t));
    if (idle == NULL) {
        return NULL;
    }

    idle->connection = c;
    idle->pool = ctx->pool;
    idle->peer = ctx->pick.peer;

    if (ngx_http_kerberos_copy_identity(c->pool, &idle->identity,
                                        &ctx->identity)
        != NGX_OK)
    {
        return NULL;
    }

    return idle;
}


static void
ngx_http_kerberos_set_log(ngx_connection_t *c, ngx_log_t *log)
{
    c->log = log;
    c->pool->log = log;
    c->read->log = log;
    c->write->log = log;
}


/* the peer has closed it, or says what nobody asked for; or we end */

static void
ngx_http_kerberos_read_idle(ngx_event_t *ev)
{
    int                n;
    char               byte;
    ngx_connection_t  *c;

    c = ev->data;

    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0, "kerberos read idle");

    if (!c->close) {
        n = recv(c->fd, &byte, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(ev, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_http_kerberos_close_idle(c->data);
}


static void
ngx_http_kerberos_write_idle(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0, "kerberos write idle");
}


void
ngx_http_kerberos_close_idle(ngx_http_kerberos_idle_t *idle)
{
    ngx_http_kerberos_unshelve(idle);
    ngx_http_kerberos_close_connection(idle->connection);
}


static void
ngx_http_kerberos_close_connection(ngx_connection_t *c)
{
#if (NGX_HTTP_SSL)

    if (c->ssl) {
        c->ssl->no_wait_shutdown = 1;
        c->ssl->no_send_shutdown = 1;

        if (ngx_ssl_shutdown(c) == NGX_AGAIN) {
            c->ssl->handler = ngx_http_kerberos_close_connection;
            return;
        }
    }

#endif

    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}
