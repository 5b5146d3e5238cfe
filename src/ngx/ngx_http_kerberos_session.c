
/* SPDX-License-Identifier: MIT
 *
 * TLS sessions, kept per peer and worker, so that the next connection to a
 * peer need not shake hands in full.
 */

#include "ngx/ngx_http_kerberos.h"


ngx_int_t
ngx_http_kerberos_init_sessions(ngx_http_kerberos_main_conf_t *kmcf)
{
    kmcf->sessions = NULL;

#if (NGX_HTTP_SSL)

    if (kerberos_peers(kmcf->process) == 0) {
        return NGX_OK;
    }

    kmcf->sessions = ngx_calloc(kerberos_peers(kmcf->process)
                                * sizeof(void *), ngx_cycle->log);
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
        if (kmcf->sessions[i]) {
            ngx_ssl_free_session(kmcf->sessions[i]);
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

    void  **sessions;

    sessions = ctx->kmcf->sessions;

    if (sessions && sessions[ctx->pick.peer]) {
        return ngx_ssl_set_session(pc->connection, sessions[ctx->pick.peer]);
    }

#endif

    return NGX_OK;
}


void
ngx_http_kerberos_save_session(ngx_peer_connection_t *pc, void *data)
{
#if (NGX_HTTP_SSL)

    ngx_http_kerberos_ctx_t  *ctx = data;

    void             **sessions;
    ngx_ssl_session_t  *session;

    sessions = ctx->kmcf->sessions;

    if (sessions == NULL) {
        return;
    }

    session = ngx_ssl_get_session(pc->connection);

    if (session == NULL) {
        return;
    }

    if (sessions[ctx->pick.peer]) {
        ngx_ssl_free_session(sessions[ctx->pick.peer]);
    }

    sessions[ctx->pick.peer] = session;

#endif
}

#endif
