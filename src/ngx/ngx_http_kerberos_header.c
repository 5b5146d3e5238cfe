
/* SPDX-License-Identifier: MIT
 *
 * Changing a header of the request before it goes to a peer.  nginx copies
 * from a list there, in which nothing can be taken away: it is made anew.
 */

#include "ngx/ngx_http_kerberos.h"


static ngx_int_t ngx_http_kerberos_copy_headers(ngx_http_request_t *r,
    u_char *lowcase, size_t len);
static void ngx_http_kerberos_point_at_header(ngx_http_request_t *r,
    ngx_uint_t hash, u_char *lowcase, size_t len, ngx_table_elt_t *header);


/* replaces all of that name by one; NULL: by none */

ngx_int_t
ngx_http_kerberos_set_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char           *lowcase;
    ngx_uint_t        hash;
    ngx_table_elt_t  *header;

    lowcase = ngx_pnalloc(r->pool, name->len);
    if (lowcase == NULL) {
        return NGX_ERROR;
    }

    hash = ngx_hash_strlow(lowcase, name->data, name->len);

    if (ngx_http_kerberos_copy_headers(r, lowcase, name->len) != NGX_OK) {
        return NGX_ERROR;
    }

    header = NULL;

    if (value) {
        header = ngx_list_push(&r->headers_in.headers);
        if (header == NULL) {
            return NGX_ERROR;
        }

        ngx_memzero(header, sizeof(ngx_table_elt_t));

        header->hash = hash;
        header->key = *name;
        header->lowcase_key = lowcase;
        header->value = *value;
    }

    ngx_http_kerberos_point_at_header(r, hash, lowcase, name->len, header);

    return NGX_OK;
}


/* all but those of a name; the old list stays, for others point into it */

static ngx_int_t
ngx_http_kerberos_copy_headers(ngx_http_request_t *r, u_char *lowcase,
    size_t len)
{
    ngx_list_t        headers;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *header, *copy;

    if (ngx_list_init(&headers, r->pool, 20, sizeof(ngx_table_elt_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    part = &r->headers_in.headers.part;
    header = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            header = part->elts;
            i = 0;
        }

        if (header[i].key.len == len
            && ngx_strncmp(header[i].lowcase_key, lowcase, len) == 0)
        {
            continue;
        }

        copy = ngx_list_push(&headers);
        if (copy == NULL) {
            return NGX_ERROR;
        }

        *copy = header[i];
    }

    r->headers_in.headers = headers;

    if (headers.last == &headers.part) {
        r->headers_in.headers.last = &r->headers_in.headers.part;
    }

    return NGX_OK;
}


/* the pointers by which nginx itself finds some; before 1.23 others are arrays,
   which go on showing what the client sent */

static void
ngx_http_kerberos_point_at_header(ngx_http_request_t *r, ngx_uint_t hash,
    u_char *lowcase, size_t len, ngx_table_elt_t *header)
{
    ngx_table_elt_t            **known;
    ngx_http_header_t           *hh;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, hash, lowcase, len);

    if (hh == NULL || hh->offset == 0) {
        return;
    }

#if (nginx_version < 1023000)

    if ((len == 6 && ngx_strncmp(lowcase, "cookie", len) == 0)
        || (len == 15 && ngx_strncmp(lowcase, "x-forwarded-for", len) == 0))
    {
        return;
    }

#endif

    known = (ngx_table_elt_t **) ((char *) &r->headers_in + hh->offset);
    *known = header;
}
