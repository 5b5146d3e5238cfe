
/* SPDX-License-Identifier: MIT
 *
 * Changing a header of the request before it goes to a peer.  nginx copies
 * from a list there, in which nothing can be taken away: it is made anew.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_int_t ngx_http_kerberos_copy_headers(ngx_http_request_t *r,
    ngx_table_elt_t *set, ngx_uint_t n);
static ngx_uint_t ngx_http_kerberos_is_replaced(ngx_table_elt_t *header,
    ngx_table_elt_t *set, ngx_uint_t n);
static ngx_int_t ngx_http_kerberos_point_at_header(ngx_http_request_t *r,
    ngx_table_elt_t *set, ngx_table_elt_t *header);
#if (nginx_version < 1023000)
static ngx_int_t ngx_http_kerberos_fill_array(ngx_http_request_t *r,
    ngx_array_t *lines, ngx_table_elt_t *header);
#endif


/* each replaces all of its name; an empty one takes them away */

ngx_int_t
ngx_http_kerberos_replace_headers(ngx_http_request_t *r,
    ngx_keyval_t *headers, ngx_uint_t n)
{
    ngx_uint_t        i;
    ngx_table_elt_t  *set, *header;

    set = ngx_pcalloc(r->pool, n * sizeof(ngx_table_elt_t));
    if (set == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        set[i].key = headers[i].key;
        set[i].value = headers[i].value;

        set[i].lowcase_key = ngx_pnalloc(r->pool, headers[i].key.len);
        if (set[i].lowcase_key == NULL) {
            return NGX_ERROR;
        }

        set[i].hash = ngx_hash_strlow(set[i].lowcase_key, headers[i].key.data,
                                      headers[i].key.len);
    }

    if (ngx_http_kerberos_copy_headers(r, set, n) != NGX_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {

        header = NULL;

        if (set[i].value.len) {
            header = ngx_list_push(&r->headers_in.headers);
            if (header == NULL) {
                return NGX_ERROR;
            }

            *header = set[i];
        }

        if (ngx_http_kerberos_point_at_header(r, &set[i], header) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* all but those; the old list stays, for others point into it */

static ngx_int_t
ngx_http_kerberos_copy_headers(ngx_http_request_t *r, ngx_table_elt_t *set,
    ngx_uint_t n)
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

        if (ngx_http_kerberos_is_replaced(&header[i], set, n)) {
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


static ngx_uint_t
ngx_http_kerberos_is_replaced(ngx_table_elt_t *header, ngx_table_elt_t *set,
    ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        if (header->key.len == set[i].key.len
            && ngx_strncmp(header->lowcase_key, set[i].lowcase_key,
                           set[i].key.len)
               == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* the pointers by which nginx itself finds some */

static ngx_int_t
ngx_http_kerberos_point_at_header(ngx_http_request_t *r, ngx_table_elt_t *set,
    ngx_table_elt_t *header)
{
    ngx_table_elt_t            **known;
    ngx_http_header_t           *hh;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_get_module_main_conf(r, ngx_http_core_module);

    hh = ngx_hash_find(&cmcf->headers_in_hash, set->hash, set->lowcase_key,
                       set->key.len);

    if (hh == NULL || hh->offset == 0) {
        return NGX_OK;
    }

#if (nginx_version < 1023000)

    if (hh->offset == offsetof(ngx_http_headers_in_t, cookies)) {
        return ngx_http_kerberos_fill_array(r, &r->headers_in.cookies,
                                            header);
    }

#if (NGX_HTTP_X_FORWARDED_FOR)

    if (hh->offset == offsetof(ngx_http_headers_in_t, x_forwarded_for)) {
        return ngx_http_kerberos_fill_array(r,
                                            &r->headers_in.x_forwarded_for,
                                            header);
    }

#endif

#endif

    known = (ngx_table_elt_t **) ((char *) &r->headers_in + hh->offset);
    *known = header;

    return NGX_OK;
}


#if (nginx_version < 1023000)

static ngx_int_t
ngx_http_kerberos_fill_array(ngx_http_request_t *r, ngx_array_t *lines,
    ngx_table_elt_t *header)
{
    ngx_table_elt_t  **line;

    ngx_memzero(lines, sizeof(ngx_array_t));

    if (header == NULL) {
        return NGX_OK;
    }

    if (ngx_array_init(lines, r->pool, 1, sizeof(ngx_table_elt_t *))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    line = ngx_array_push(lines);
    if (line == NULL) {
        return NGX_ERROR;
    }

    *line = header;

    return NGX_OK;
}

#endif
