
/* SPDX-License-Identifier: MIT
 *
 * What makes two connections to a peer interchangeable: a request may use one
 * that was opened for another only if its own would have been opened with the
 * same protocol, from the same address and with the same TLS identity.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"

#include <ngx_md5.h>


#define NGX_HTTP_KERBEROS_TRANSPARENT  1
#define NGX_HTTP_KERBEROS_VERIFIED     2
#define NGX_HTTP_KERBEROS_NAMED        4


#if (NGX_HTTP_SSL)
static ngx_int_t ngx_http_kerberos_identify_tls(ngx_http_request_t *r,
    ngx_http_kerberos_identity_t *identity, ngx_str_t *name,
    ngx_str_t *certificate);
#endif
static size_t ngx_http_kerberos_identity_len(
    ngx_http_kerberos_identity_t *identity);


/* plain connections that are not bound have no text, and need no memory */

ngx_int_t
ngx_http_kerberos_identify(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_kerberos_identity_t *identity)
{
    u_char                 *p;
    ngx_str_t               name, certificate;
    ngx_http_request_t     *r;
    ngx_http_upstream_t    *u;
    ngx_peer_connection_t  *pc;

    r = ctx->request;
    u = r->upstream;
    pc = &u->peer;

    ngx_memzero(identity, sizeof(ngx_http_kerberos_identity_t));
    ngx_str_set(&name, "");
    ngx_str_set(&certificate, "");

    /* each protocol writes its requests with a function of its own */

    identity->protocol = u->create_request;

#if (NGX_HTTP_SSL)

    if (u->ssl
        && ngx_http_kerberos_identify_tls(r, identity, &name, &certificate)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (u->ssl && ctx->trust) {
        ngx_memcpy(identity->trusted,
                   ngx_http_kerberos_trust_digest(ctx->trust),
                   sizeof(identity->trusted));
    }

#endif

    if (pc->local) {
        identity->local = pc->local->socklen;
        identity->flags |= pc->transparent ? NGX_HTTP_KERBEROS_TRANSPARENT : 0;
    }

    if (identity->local == 0 && name.len == 0 && certificate.len == 0) {
        return NGX_OK;
    }

    identity->name = name.len;
    identity->certificate = certificate.len;

    p = ngx_pnalloc(r->pool, ngx_http_kerberos_identity_len(identity));
    if (p == NULL) {
        return NGX_ERROR;
    }

    identity->text = p;

    if (identity->local) {
        p = ngx_cpymem(p, pc->local->sockaddr, identity->local);
    }

    p = ngx_cpymem(p, name.data, name.len);
    ngx_memcpy(p, certificate.data, certificate.len);

    return NGX_OK;
}


#if (NGX_HTTP_SSL)

/* as nginx will, should it open a connection */

static ngx_int_t
ngx_http_kerberos_identify_tls(ngx_http_request_t *r,
    ngx_http_kerberos_identity_t *identity, ngx_str_t *name,
    ngx_str_t *certificate)
{
    ngx_http_upstream_t       *u;
    ngx_http_complex_value_t  *cert, *key;

    u = r->upstream;

    /* protocols, ciphers and certificates stand in there */

    identity->tls = u->conf->ssl;

    identity->flags |= u->conf->ssl_verify ? NGX_HTTP_KERBEROS_VERIFIED : 0;
    identity->flags |= u->conf->ssl_server_name ? NGX_HTTP_KERBEROS_NAMED : 0;

    if (u->conf->ssl_verify || u->conf->ssl_server_name) {

        if (u->conf->ssl_name == NULL) {
            *name = u->ssl_name;

        } else if (ngx_http_complex_value(r, u->conf->ssl_name, name)
                   != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    /* whoever has a certificate has its key */

    cert = u->conf->ssl_certificate;
    key = u->conf->ssl_certificate_key;

    if (cert && cert->value.len && key && (cert->lengths || key->lengths)) {
        return ngx_http_complex_value(r, cert, certificate);
    }

    return NGX_OK;
}

#endif


ngx_uint_t
ngx_http_kerberos_same_identity(ngx_http_kerberos_identity_t *one,
    ngx_http_kerberos_identity_t *two)
{
    size_t  len;

    if (one->protocol != two->protocol
        || one->tls != two->tls
        || one->trusted[0] != two->trusted[0]
        || one->trusted[1] != two->trusted[1]
        || one->flags != two->flags
        || one->local != two->local
        || one->name != two->name
        || one->certificate != two->certificate)
    {
        return 0;
    }

    len = ngx_http_kerberos_identity_len(one);

    return len == 0 || ngx_memcmp(one->text, two->text, len) == 0;
}


ngx_int_t
ngx_http_kerberos_copy_identity(ngx_pool_t *pool,
    ngx_http_kerberos_identity_t *copy, ngx_http_kerberos_identity_t *of)
{
    size_t  len;

    *copy = *of;

    len = ngx_http_kerberos_identity_len(of);

    if (len == 0) {
        return NGX_OK;
    }

    copy->text = ngx_pnalloc(pool, len);
    if (copy->text == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(copy->text, of->text, len);

    return NGX_OK;
}


/* where there is no pool to copy it to */

void
ngx_http_kerberos_digest_identity(ngx_http_kerberos_identity_t *identity,
    u_char digest[NGX_HTTP_KERBEROS_DIGEST])
{
    ngx_md5_t                     md5;
    ngx_http_kerberos_identity_t  head;

    ngx_memcpy(&head, identity, sizeof(ngx_http_kerberos_identity_t));
    head.text = NULL;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, &head, sizeof(ngx_http_kerberos_identity_t));

    if (identity->text) {
        ngx_md5_update(&md5, identity->text,
                       ngx_http_kerberos_identity_len(identity));
    }

    ngx_md5_final(digest, &md5);
}


static size_t
ngx_http_kerberos_identity_len(ngx_http_kerberos_identity_t *identity)
{
    return identity->local + identity->name + identity->certificate;
}
