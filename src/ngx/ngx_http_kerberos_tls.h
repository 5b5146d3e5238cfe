
/* SPDX-License-Identifier: MIT
 *
 * TLS to peers: whether it is spoken, whom services trust, and its sessions.
 */

#ifndef NGX_HTTP_KERBEROS_TLS_H
#define NGX_HTTP_KERBEROS_TLS_H


#include "ngx/ngx_http_kerberos.h"


/* ngx_http_kerberos_tls.c: whether TLS is spoken, and how */

#if (NGX_HTTP_SSL)
ngx_int_t ngx_http_kerberos_create_tls(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);
#endif
ngx_int_t ngx_http_kerberos_check_scheme(ngx_http_kerberos_ctx_t *ctx);
ngx_uint_t ngx_http_kerberos_wants_tls(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms);
ngx_int_t ngx_http_kerberos_set_tls(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_upstream_conf_t *conf, kerberos_terms *terms);

/* ngx_http_kerberos_trust.c: whom services trust */

ngx_int_t ngx_http_kerberos_read_files(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context);
#if (NGX_HTTP_SSL)
ngx_int_t ngx_http_kerberos_take_trust(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms);
void ngx_http_kerberos_drop_trust(ngx_http_kerberos_ctx_t *ctx);
ngx_int_t ngx_http_kerberos_use_trust(ngx_http_kerberos_trust_t *trust,
    ngx_connection_t *c);
uint64_t *ngx_http_kerberos_trust_digest(ngx_http_kerberos_trust_t *trust);
void ngx_http_kerberos_sweep_trusts(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_trusts(ngx_http_kerberos_main_conf_t *kmcf);
#endif

/* ngx_http_kerberos_session.c: TLS sessions, kept per peer */

#if (NGX_SSL || NGX_COMPAT)
ngx_int_t ngx_http_kerberos_set_session(ngx_peer_connection_t *pc,
    void *data);
void ngx_http_kerberos_save_session(ngx_peer_connection_t *pc, void *data);
#endif
void ngx_http_kerberos_sweep_sessions(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_sessions(ngx_http_kerberos_main_conf_t *kmcf);


#endif /* NGX_HTTP_KERBEROS_TLS_H */
