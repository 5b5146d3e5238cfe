
/* SPDX-License-Identifier: MIT
 *
 * The authorities by which services have their peers verified.  Their files are
 * read with the registry, and their text is part of a generation: so all
 * workers trust the same, whatever becomes of a file.  A worker parses it where
 * it is first needed.
 */

#include "ngx/ngx_http_kerberos_registry.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"

#include <ngx_md5.h>


/* messages about a file tell where the registry names it */

typedef struct {
    kerberos_config      *config;
    size_t                number;
    kerberos_on_message   tell;
    void                 *context;
} ngx_http_kerberos_file_t;


static ngx_int_t ngx_http_kerberos_read_trusted(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_http_kerberos_file_t *file,
    kerberos_text *text);
static void ngx_http_kerberos_tell_of_file(void *context, kerberos_text line);


#if (NGX_HTTP_SSL)

struct ngx_http_kerberos_trust_s {
    ngx_queue_t                      link;           /* in kmcf->trusts */
    uint64_t                         digest[2];
    X509_STORE                      *store;
    ngx_uint_t                       users;          /* attempts */
    ngx_uint_t                       needed;         /* since it was swept */
};


static ngx_http_kerberos_trust_t *ngx_http_kerberos_create_trust(
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_terms *terms,
    ngx_log_t *log);
static void ngx_http_kerberos_free_trust(ngx_http_kerberos_trust_t *trust);
static X509_STORE *ngx_http_kerberos_parse_trusted(kerberos_text *text);

#endif


/* may run in a thread, as all that reads the registry */

ngx_int_t
ngx_http_kerberos_read_files(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context)
{
    size_t                     i;
    ngx_int_t                  rc;
    uint64_t                   digest[2];
    ngx_md5_t                  md5;
    kerberos_text              text;
    ngx_http_kerberos_file_t   file;

    rc = NGX_OK;
    file.config = config;
    file.tell = on_message;
    file.context = context;

    for (i = 0; i < kerberos_config_files(config); i++) {

        file.number = i;

        if (ngx_http_kerberos_read_trusted(pool, kmcf, &file, &text)
            != NGX_OK)
        {
            rc = NGX_ERROR;
            continue;
        }

        ngx_md5_init(&md5);
        ngx_md5_update(&md5, text.data, text.len);
        ngx_md5_final((u_char *) digest, &md5);

        if (kerberos_config_tell_file(config, i, text, digest)
            != KERBEROS_OK)
        {
            return NGX_ERROR;
        }
    }

    return rc;
}


static ngx_int_t
ngx_http_kerberos_read_trusted(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_http_kerberos_file_t *file,
    kerberos_text *text)
{
    ngx_str_t         name;
    ngx_array_t       sources;
    kerberos_text     given, wrong;
    kerberos_source  *source;
#if (NGX_HTTP_SSL)
    X509_STORE       *store;
#endif

    given = kerberos_config_file(file->config, file->number);

    name.len = given.len;
    name.data = ngx_pnalloc(pool, name.len + 1);

    if (name.data == NULL
        || ngx_array_init(&sources, pool, 1, sizeof(kerberos_source))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_cpystrn(name.data, (u_char *) given.data, name.len + 1);

    if (ngx_get_full_name(pool, &kmcf->cycle->conf_prefix, &name) != NGX_OK
        || ngx_http_kerberos_gather_file(pool, &name, &sources,
                                         ngx_http_kerberos_tell_of_file, file)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    source = sources.elts;
    *text = source->text;

#if (NGX_HTTP_SSL)

    store = ngx_http_kerberos_parse_trusted(text);

    if (store) {
        X509_STORE_free(store);
        return NGX_OK;
    }

    wrong.data = "is not one or more certificates in PEM";

#else

    wrong.data = "cannot be used: nginx was built without TLS";

#endif

    wrong.len = ngx_strlen(wrong.data);

    ngx_http_kerberos_tell_of_file(file, wrong);

    return NGX_ERROR;
}


static void
ngx_http_kerberos_tell_of_file(void *context, kerberos_text line)
{
    ngx_http_kerberos_file_t *file = context;

    u_char         text[NGX_MAX_ERROR_STR];
    kerberos_text  name, why;

    name = kerberos_config_file(file->config, file->number);

    why.data = (char *) text;
    why.len = ngx_snprintf(text, sizeof(text),
                           "trusted_certificate \"%*s\": %*s",
                           name.len, name.data, line.len, line.data)
              - text;

    (void) kerberos_config_refuse_file(file->config, file->number, why,
                                       file->tell, file->context);
}


#if (NGX_HTTP_SSL)

/* for the attempt that is about to begin */

ngx_int_t
ngx_http_kerberos_take_trust(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms)
{
    ngx_queue_t                *q, *trusts;
    ngx_http_kerberos_trust_t  *trust;

    trusts = &ctx->kmcf->trusts;

    for (q = ngx_queue_head(trusts);
         q != ngx_queue_sentinel(trusts);
         q = ngx_queue_next(q))
    {
        trust = ngx_queue_data(q, ngx_http_kerberos_trust_t, link);

        if (ngx_memcmp(trust->digest, terms->digest, sizeof(trust->digest))
            == 0)
        {
            goto found;
        }
    }

    trust = ngx_http_kerberos_create_trust(ctx->kmcf, terms,
                                           ctx->request->connection->log);
    if (trust == NULL) {
        return NGX_ERROR;
    }

found:

    trust->users++;
    trust->needed = 1;
    ctx->trust = trust;

    return NGX_OK;
}


void
ngx_http_kerberos_drop_trust(ngx_http_kerberos_ctx_t *ctx)
{
    if (ctx->trust) {
        ctx->trust->users--;
        ctx->trust = NULL;
    }
}


/* the store of nginx's context does not count then */

ngx_int_t
ngx_http_kerberos_use_trust(ngx_http_kerberos_trust_t *trust,
    ngx_connection_t *c)
{
    if (SSL_set1_verify_cert_store(c->ssl->connection, trust->store) == 1) {
        return NGX_OK;
    }

    ngx_ssl_error(NGX_LOG_ERR, c->log, 0,
                  "SSL_set1_verify_cert_store() failed");
    return NGX_ERROR;
}


uint64_t *
ngx_http_kerberos_trust_digest(ngx_http_kerberos_trust_t *trust)
{
    return trust->digest;
}


static ngx_http_kerberos_trust_t *
ngx_http_kerberos_create_trust(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_terms *terms, ngx_log_t *log)
{
    ngx_http_kerberos_trust_t  *trust;

    trust = ngx_calloc(sizeof(ngx_http_kerberos_trust_t), log);
    if (trust == NULL) {
        return NULL;
    }

    ngx_memcpy(trust->digest, terms->digest, sizeof(trust->digest));

    trust->store = ngx_http_kerberos_parse_trusted(&terms->trusted);

    if (trust->store == NULL) {
        ngx_ssl_error(NGX_LOG_ERR, log, 0,
                      "no memory for trusted certificates");
        ngx_free(trust);
        return NULL;
    }

    ngx_queue_insert_head(&kmcf->trusts, &trust->link);

    return trust;
}


/* with a new generation: what nobody needed on the one before */

void
ngx_http_kerberos_sweep_trusts(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t                *q, *next;
    ngx_http_kerberos_trust_t  *trust;

    for (q = ngx_queue_head(&kmcf->trusts);
         q != ngx_queue_sentinel(&kmcf->trusts);
         q = next)
    {
        next = ngx_queue_next(q);

        trust = ngx_queue_data(q, ngx_http_kerberos_trust_t, link);

        if (trust->users == 0 && !trust->needed) {
            ngx_http_kerberos_free_trust(trust);

        } else {
            trust->needed = 0;
        }
    }
}


void
ngx_http_kerberos_free_trusts(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t  *q;

    while (!ngx_queue_empty(&kmcf->trusts)) {
        q = ngx_queue_head(&kmcf->trusts);
        ngx_http_kerberos_free_trust(
            ngx_queue_data(q, ngx_http_kerberos_trust_t, link));
    }
}


static void
ngx_http_kerberos_free_trust(ngx_http_kerberos_trust_t *trust)
{
    ngx_queue_remove(&trust->link);
    X509_STORE_free(trust->store);
    ngx_free(trust);
}


/* NULL: it is something else, or none, or there is no memory */

static X509_STORE *
ngx_http_kerberos_parse_trusted(kerberos_text *text)
{
    BIO         *bio;
    X509        *x509;
    u_long       error;
    ngx_uint_t   n;
    X509_STORE  *store;

    bio = BIO_new_mem_buf((void *) text->data, (int) text->len);
    store = X509_STORE_new();

    if (bio == NULL || store == NULL) {
        goto failed;
    }

    for (n = 0; /* void */ ; n++) {

        x509 = PEM_read_bio_X509(bio, NULL, NULL, NULL);

        if (x509 == NULL) {
            break;
        }

        /* one that is there already is as good */

        if (X509_STORE_add_cert(store, x509) != 1
            && ERR_GET_REASON(ERR_peek_last_error())
               != X509_R_CERT_ALREADY_IN_HASH_TABLE)
        {
            X509_free(x509);
            goto failed;
        }

        X509_free(x509);
    }

    error = ERR_peek_last_error();

    if (n == 0
        || ERR_GET_LIB(error) != ERR_LIB_PEM
        || ERR_GET_REASON(error) != PEM_R_NO_START_LINE)
    {
        goto failed;
    }

    ERR_clear_error();
    BIO_free(bio);

    return store;

failed:

    ERR_clear_error();
    BIO_free(bio);
    X509_STORE_free(store);

    return NULL;
}

#endif
