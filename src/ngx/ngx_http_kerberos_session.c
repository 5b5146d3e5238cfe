
/* SPDX-License-Identifier: MIT
 *
 * TLS sessions, kept per peer and worker, so that the next connection to a
 * peer need not shake hands in full.  A session carries what was said in that:
 * the name, the client's certificate, whether the peer's was good.  So it is
 * resumed only where all of this would be the same.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


#if (NGX_HTTP_SSL)

typedef struct {
    ngx_ssl_session_t               *session;
    u_char                           identity[NGX_HTTP_KERBEROS_DIGEST];
} ngx_http_kerberos_session_t;

#endif


/* none for peers that are no more: their ranks will be given to others */

void
ngx_http_kerberos_sweep_sessions(ngx_http_kerberos_main_conf_t *kmcf)
{
#if (NGX_HTTP_SSL)

    uint32_t                      i;
    ngx_http_kerberos_session_t  *kept;

    for (i = 0; i < ngx_http_kerberos_count_ranks(&kmcf->sessions); i++) {

        kept = ngx_http_kerberos_at_rank(&kmcf->sessions, i);

        if (kept && kept->session
            && !kerberos_has_peer(kmcf->process, i))
        {
            ngx_ssl_free_session(kept->session);
            kept->session = NULL;
        }
    }

#endif
}


void
ngx_http_kerberos_free_sessions(ngx_http_kerberos_main_conf_t *kmcf)
{
#if (NGX_HTTP_SSL)

    uint32_t                      i;
    ngx_http_kerberos_session_t  *kept;

    for (i = 0; i < ngx_http_kerberos_count_ranks(&kmcf->sessions); i++) {

        kept = ngx_http_kerberos_at_rank(&kmcf->sessions, i);

        if (kept && kept->session) {
            ngx_ssl_free_session(kept->session);
        }
    }

    ngx_http_kerberos_free_ranks(&kmcf->sessions);

#endif
}


#if (NGX_SSL || NGX_COMPAT)

ngx_int_t
ngx_http_kerberos_set_session(ngx_peer_connection_t *pc, void *data)
{
#if (NGX_HTTP_SSL)

    ngx_http_kerberos_ctx_t  *ctx = data;

    u_char                        identity[NGX_HTTP_KERBEROS_DIGEST];
    ngx_http_kerberos_session_t  *kept;

    if (ctx->trust
        && ngx_http_kerberos_use_trust(ctx->trust, pc->connection) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (!ctx->identified || !ctx->conf->ssl_session_reuse) {
        return NGX_OK;
    }

    kept = ngx_http_kerberos_at_rank(&ctx->kmcf->sessions, ctx->pick.peer);

    if (kept == NULL || kept->session == NULL) {
        return NGX_OK;
    }

    ngx_http_kerberos_digest_identity(&ctx->identity, identity);

    if (ngx_memcmp(kept->identity, identity, NGX_HTTP_KERBEROS_DIGEST) == 0) {
        return ngx_ssl_set_session(pc->connection, kept->session);
    }

#endif

    return NGX_OK;
}


void
ngx_http_kerberos_save_session(ngx_peer_connection_t *pc, void *data)
{
#if (NGX_HTTP_SSL)

    ngx_http_kerberos_ctx_t  *ctx = data;

    ngx_ssl_session_t            *session;
    ngx_http_kerberos_session_t  *kept;

    if (!ctx->identified
        || !ctx->conf->ssl_session_reuse
        || !kerberos_has_peer(ctx->process, ctx->pick.peer))
    {
        return;
    }

    ctx->kmcf->sessions.size = sizeof(ngx_http_kerberos_session_t);

    kept = ngx_http_kerberos_make_rank(&ctx->kmcf->sessions, ctx->pick.peer,
                                       ctx->kmcf->cycle->log);
    if (kept == NULL) {
        return;
    }

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    if (kept->session) {
        ngx_ssl_free_session(kept->session);
    }

    kept->session = session;
    ngx_http_kerberos_digest_identity(&ctx->identity, kept->identity);

#endif
}

#endif
