
/* SPDX-License-Identifier: MIT
 *
 * The status, read at a location.
 */

#include "ngx/ngx_http_kerberos.h"


static ngx_int_t ngx_http_kerberos_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_kerberos_send_document(ngx_http_request_t *r,
    kerberos_document *document);
static void ngx_http_kerberos_free_document(void *data);


char *
ngx_http_kerberos_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_str_t                      *value;
    ngx_http_core_loc_conf_t       *clcf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[1].data, "json") != 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive "
                           "(allowed: json)", &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);
    kmcf->used = 1;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (clcf->handler == ngx_http_kerberos_status_handler) {
        return "is duplicate";
    }

    clcf->handler = ngx_http_kerberos_status_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kerberos_status_handler(ngx_http_request_t *r)
{
    size_t                          used;
    ngx_int_t                       rc;
    ngx_time_t                     *tp;
    ngx_slab_pool_t                *shpool;
    kerberos_result                 result;
    kerberos_document              *document;
    ngx_pool_cleanup_t             *cln;
    ngx_http_kerberos_main_conf_t  *kmcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        return NGX_HTTP_NOT_ALLOWED;
    }

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    kmcf = ngx_http_get_module_main_conf(r, ngx_http_kerberos_module);

    if (kmcf->process == NULL) {
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    ngx_http_kerberos_adopt(kmcf);

    cln = ngx_pool_cleanup_add(r->pool, 0);
    if (cln == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    tp = ngx_timeofday();

    /* a word, read without the mutex */
    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;
    used = kmcf->shm_zone->shm.size - shpool->pfree * ngx_pagesize;

    result = kerberos_status_json(kmcf->process, ngx_current_msec,
                                  (int64_t) tp->sec * 1000 + tp->msec,
                                  ngx_pid, used, &document);

    if (result != KERBEROS_OK) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "could not write the status: %s",
                      result == KERBEROS_NO_MEMORY ? "no memory"
                                                   : "internal fault");
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    cln->handler = ngx_http_kerberos_free_document;
    cln->data = document;

    return ngx_http_kerberos_send_document(r, document);
}


static ngx_int_t
ngx_http_kerberos_send_document(ngx_http_request_t *r,
    kerberos_document *document)
{
    ngx_int_t      rc;
    ngx_buf_t     *b;
    ngx_chain_t    out;
    kerberos_text  text;

    text = kerberos_document_text(document);

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = text.len;

    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    b->pos = (u_char *) text.data;
    b->last = b->pos + text.len;
    b->memory = 1;
    b->last_buf = (r == r->main);
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


static void
ngx_http_kerberos_free_document(void *data)
{
    kerberos_document_free(data);
}
