
/* SPDX-License-Identifier: MIT
 *
 * TLS sessions, kept per peer and worker, so that the next connection to a
 * peer need not shake hands in full.  A session carries what was said in that:
 * the name, the client's certificate, whether the peer's was good.  So it is
 * resumed only where all of this would be the same.
 */

#include "ngx/ngx_http_kerberos.h"


#if (NGX_HTTP_SSL)

struct ngx_http_kerberos_session_s {
    ngx_ssl_session_t               *session;
    u_char                           identity[NGX_HTTP_KERBEROS_DIGEST];
};

#endif


ngx_int_t
ngx_http_kerberos_init_sessions(ngx_http_kerberos_main_conf_t *kmcf)
{
    kmcf->sessions = NULL;

#if (NGX_HTTP_SSL)

    if (kerberos_peers(kmcf->process) == 0) {
        return NGX_OK;
    }

    kmcf->sessions = ngx_calloc(kerberos_peers(kmcf->process)
                                * sizeof(ngx_http_kerberos_session_t),
                                ngx_cycle->log);
    if (kmcf->sessions == NULL) {
        return NGX_ERROR;
    }

#endif

    return NGX_OK;
}


void
ngx_http_kerberos_free_sessions(ngx_http_kerberos_main_conf_t *kmcf)
{
#if (NGX_HTTP_SSL)

    uint32_t  i;

    if (kmcf->sessions == NULL) {
        return;
    }

    for (i = 0; i < kerberos_peers(kmcf->process); i++) {
        if (kmcf->sessions[i].session) {
            ngx_ssl_free_session(kmcf->sessions[i].session);
        }
    }

    ngx_free(kmcf->sessions);

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

    if (ctx->kmcf->sessions == NULL || !ctx->identified) {
        return NGX_OK;
    }

    kept = &ctx->kmcf->sessions[ctx->pick.peer];

    if (kept->session == NULL) {
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

    if (ctx->kmcf->sessions == NULL || !ctx->identified) {
        return;
    }

    kept = &ctx->kmcf->sessions[ctx->pick.peer];

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
