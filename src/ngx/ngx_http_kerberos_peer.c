
/* SPDX-License-Identifier: MIT
 *
 * The journey of a request: which peer for each attempt, and what became of
 * it.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


static ngx_http_kerberos_ctx_t *ngx_http_kerberos_open_ctx(
    ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_get_peer(ngx_peer_connection_t *pc,
    void *data);
static ngx_int_t ngx_http_kerberos_no_peer(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
static ngx_int_t ngx_http_kerberos_set_peer(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
static void ngx_http_kerberos_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static void ngx_http_kerberos_finalize(ngx_http_request_t *r, ngx_int_t rc);
static void ngx_http_kerberos_release(void *data);
static void ngx_http_kerberos_log_notices(ngx_http_request_t *r,
    kerberos_process *process, kerberos_notices *notices);


ngx_int_t
ngx_http_kerberos_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    uint32_t                        service;
    ngx_int_t                       rc;
    ngx_str_t                       value;
    ngx_uint_t                      peers;
    kerberos_text                   key;
    ngx_http_upstream_t            *u;
    ngx_http_kerberos_ctx_t        *ctx;
    ngx_http_kerberos_srv_conf_t   *kscf;

    u = r->upstream;

    ctx = ngx_http_kerberos_open_ctx(r);
    if (ctx == NULL) {
        return NGX_ERROR;
    }

    /* the request to the peer is written */

    ngx_http_kerberos_restore_request(r, ctx);

    if (ctx->handler == NULL
        && us == ctx->kmcf->registry
        && ngx_http_kerberos_follow_parent(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    kscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_kerberos_module);

    if (ctx->process == NULL) {
        /* this worker could not attach: balance plainly what can be */
        return kscf->round_robin(r, us);
    }

    ngx_http_kerberos_adopt(ctx->kmcf);

    rc = ngx_http_kerberos_find_service(r, us, ctx, &service);

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (rc != NGX_OK) {
        ngx_http_kerberos_finish(r, rc, &us->host);
        return NGX_ERROR;
    }

    key = kerberos_service_key(ctx->process, service);

    if (ngx_http_kerberos_evaluate(r, key, &value) != NGX_OK) {
        return NGX_ERROR;
    }

    key.data = (char *) value.data;
    key.len = value.len;

    kerberos_open(ctx->process, service, ngx_http_kerberos_replayable(r),
                  key, &ctx->state);

    ctx->opened = 1;

    rc = ngx_http_kerberos_check_scheme(ctx);

    if (rc != NGX_OK) {
        ngx_http_kerberos_finish(r, rc, &us->host);
        return NGX_ERROR;
    }

    ctx->finalize = u->finalize_request;
    u->finalize_request = ngx_http_kerberos_finalize;

    peers = kerberos_service_peers(ctx->process, service);

    ctx->pool = kscf->pool.foreign ? NULL : &kscf->pool;

    u->peer.data = ctx;
    u->peer.get = ngx_http_kerberos_get_peer;
    u->peer.free = ngx_http_kerberos_free_peer;
    u->peer.tries = ngx_max(1, ngx_min(peers, KERBEROS_ATTEMPTS_MAX));

#if (NGX_SSL || NGX_COMPAT)
    u->peer.set_session = ngx_http_kerberos_set_session;
    u->peer.save_session = ngx_http_kerberos_save_session;
#endif

    return NGX_OK;
}


/* the one that the route was found with, or another */

static ngx_http_kerberos_ctx_t *
ngx_http_kerberos_open_ctx(ngx_http_request_t *r)
{
    ngx_http_kerberos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kerberos_module);

    if (ctx && !ctx->opened && ctx->handler) {
        return ctx;
    }

    return ngx_http_kerberos_create_ctx(r);
}


ngx_http_kerberos_ctx_t *
ngx_http_kerberos_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_kerberos_ctx_t  *ctx;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_kerberos_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_kerberos_ctx_t));

    cln->handler = ngx_http_kerberos_release;

    ctx->request = r;
    ctx->kmcf = ngx_http_get_module_main_conf(r, ngx_http_kerberos_module);
    ctx->process = ctx->kmcf->process;

    ngx_http_set_ctx(r, ctx, ngx_http_kerberos_module);

    return ctx;
}


/* the last service of this request, also after an internal redirect */

ngx_http_kerberos_ctx_t *
ngx_http_kerberos_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_kerberos_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_kerberos_module);

    if (ctx || !(r->internal || r->filter_finalize)) {
        return ctx;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_kerberos_release) {
            ctx = cln->data;

            if (ctx->request == r) {
                return ctx;
            }
        }
    }

    return NULL;
}


/* whether the request has been somewhere where no route was for it */

ngx_uint_t
ngx_http_kerberos_was_unmatched(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t       *cln;
    ngx_http_kerberos_ctx_t  *ctx;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler == ngx_http_kerberos_release) {
            ctx = cln->data;

            if (ctx->request == r && ctx->unmatched) {
                return 1;
            }
        }
    }

    return 0;
}


static ngx_int_t
ngx_http_kerberos_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_kerberos_ctx_t  *ctx = data;

    kerberos_notices  notices;

    ngx_log_debug2(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "kerberos get peer, service: %V, try: %ui",
                   &ctx->service_name, pc->tries);

    pc->cached = 0;
    pc->connection = NULL;

    ctx->finalized = 0;

    kerberos_pick_peer(ctx->process, &ctx->state, ngx_current_msec,
                       &ctx->pick, &notices);

    ngx_http_kerberos_log_notices(ctx->request, ctx->process, &notices);

    if (!ctx->pick.picked) {
        return ngx_http_kerberos_no_peer(ctx, pc);
    }

    ctx->held = 1;
    ctx->attempts++;

    if (ngx_http_kerberos_set_terms(ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ctx->pick.replay_within
        && ngx_http_kerberos_begin_probe(ctx, pc) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_kerberos_set_peer(ctx, pc);
}


static ngx_int_t
ngx_http_kerberos_no_peer(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc)
{
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;

    pc->name = &u->upstream->host;

    if (ctx->attempts) {
        /* peers were asked, and failed: that is what the client hears */
        return NGX_BUSY;
    }

    ctx->rejected = 1;

#if (NGX_HTTP_CACHE)

    if (u->cache_status == NGX_HTTP_CACHE_EXPIRED
        && (u->conf->cache_use_stale & NGX_HTTP_UPSTREAM_FT_NOLIVE))
    {
        return NGX_BUSY;
    }

#endif

    ngx_http_kerberos_finish(r, NGX_HTTP_SERVICE_UNAVAILABLE, pc->name);

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_kerberos_set_peer(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc)
{
    ngx_int_t            rc;
    ngx_str_t           *name;
    kerberos_pick       *pick;
    ngx_http_request_t  *r;

    r = ctx->request;

    pick = &ctx->pick;

    /*
     * $upstream_addr reads the names of all attempts when all is over, and
     * their generation may be gone by then
     */

    name = ngx_palloc(r->pool, sizeof(ngx_str_t));
    if (name == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_kerberos_copy_text(r->pool, name, pick->address) != NGX_OK) {
        return NGX_ERROR;
    }

    ctx->peer = *name;

    if (pick->id.data != pick->address.data
        && ngx_http_kerberos_copy_text(r->pool, &ctx->peer, pick->id)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(&ctx->sockaddr, pick->sockaddr, pick->sockaddr_len);

    pc->name = name;
    pc->sockaddr = &ctx->sockaddr.sockaddr;
    pc->socklen = pick->sockaddr_len;

    rc = ngx_http_kerberos_take_idle(ctx, pc);

#if (NGX_HTTP_SSL)

    /*
     * nginx's keepalive, where it keeps in our place, finds connections by
     * address alone.  Services of the registry share its cache, and two of
     * them on one address may differ in their TLS names, or one from what it
     * was before: a tail that connect() ignores tells them apart.
     */

    if (ctx->pool == NULL && ctx->registry && r->upstream->ssl
        && pc->socklen + NGX_HTTP_KERBEROS_DIGEST <= sizeof(ngx_sockaddr_t))
    {
        if (!ctx->identified) {
            return NGX_ERROR;
        }

        ngx_http_kerberos_digest_identity(&ctx->identity,
                                          (u_char *) &ctx->sockaddr
                                          + pc->socklen);

        pc->socklen += NGX_HTTP_KERBEROS_DIGEST;
    }

#endif

    return rc;
}


static void
ngx_http_kerberos_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_kerberos_ctx_t  *ctx = data;

    kerberos_notices   notices;
    kerberos_evidence  evidence;

    ngx_memzero(&evidence, sizeof(kerberos_evidence));

    evidence.finalized = ctx->finalized;
    evidence.finalize = ctx->finalize_rc;

    ngx_http_kerberos_collect_evidence(ctx->request, pc, state, &evidence);

    ctx->held = 0;
    ctx->outcome = kerberos_report(ctx->process, &ctx->state, &evidence,
                                   ngx_current_msec, &notices);

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, pc->log, 0,
                   "kerberos free peer, service: %V, state: %ui, "
                   "finalize: %d, outcome: %d",
                   &ctx->service_name, state, evidence.finalize,
                   ctx->outcome);

    ngx_http_kerberos_log_notices(ctx->request, ctx->process, &notices);

    ngx_http_kerberos_keep_idle(ctx, pc, state);

    if (pc->tries) {
        pc->tries--;
    }

    /* let nginx answer with how it failed, rather than with "no live" */

    if ((state & NGX_PEER_FAILED)
        && !kerberos_has_other(ctx->process, &ctx->state))
    {
        pc->tries = 0;
    }
}


/* runs right before peer.free(), and knows how the request ended */

static void
ngx_http_kerberos_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_kerberos_ctx_t  *ctx;

    ctx = ngx_http_kerberos_get_ctx(r);

    if (ctx == NULL) {
        return;
    }

    ctx->finalized = 1;
    ctx->finalize_rc = rc;

    ctx->finalize(r, rc);
}


/* whatever happened, nothing stays held */

static void
ngx_http_kerberos_release(void *data)
{
    ngx_http_kerberos_ctx_t  *ctx = data;

    kerberos_notices   notices;
    kerberos_evidence  evidence;

    if (ctx->held) {
        ngx_memzero(&evidence, sizeof(kerberos_evidence));

        (void) kerberos_report(ctx->process, &ctx->state, &evidence,
                               ngx_current_msec, &notices);

        ngx_http_kerberos_log_notices(ctx->request, ctx->process, &notices);

        kerberos_count_fault(ctx->process);
    }

#if (NGX_HTTP_SSL)
    ngx_http_kerberos_drop_trust(ctx);
#endif

    if (ctx->opened) {
        kerberos_close(ctx->process, &ctx->state);
    }
}


static void
ngx_http_kerberos_log_notices(ngx_http_request_t *r,
    kerberos_process *process, kerberos_notices *notices)
{
    int                        warning;
    char                       line[KERBEROS_LINE_MAX];
    size_t                     len;
    uint32_t                   i;
    ngx_uint_t                 level;
    ngx_http_core_loc_conf_t  *clcf;

    for (i = 0; i < notices->count; i++) {

        len = kerberos_notice_line(notices, i, line, sizeof(line), &warning);

        /* not the connection's log: the client has no part in it */

        clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

        level = warning ? NGX_LOG_WARN : NGX_LOG_NOTICE;

        ngx_log_error(level, clcf->error_log, 0, "%*s", len, line);
    }

    kerberos_told(process, notices);
}
