
/* SPDX-License-Identifier: MIT
 *
 * Why a registry was not taken over: the lines that say so as one text, which
 * is kept for the status, and by which it is known again.
 */

#include "ngx/ngx_http_kerberos_registry.h"

#include <ngx_md5.h>


/* the first of these lines, one below the other */

ngx_int_t
ngx_http_kerberos_join_lines(ngx_pool_t *pool, ngx_array_t *lines,
    ngx_uint_t n, ngx_str_t *text)
{
    u_char      *p;
    size_t       len;
    ngx_str_t   *line;
    ngx_uint_t   i;

    line = lines->elts;
    len = 0;

    for (i = 0; i < n; i++) {
        len += line[i].len + 1;
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = len ? len - 1 : 0;

    for (i = 0; i < n; i++) {
        p = ngx_cpymem(p, line[i].data, line[i].len);
        *p++ = '\n';
    }

    return NGX_OK;
}


/* what could not be read is known by what is told of it */

void
ngx_http_kerberos_digest_lines(kerberos_edition *edition, ngx_str_t *text)
{
    ngx_md5_t  md5;

    ngx_md5_init(&md5);
    ngx_md5_update(&md5, text->data, text->len);
    ngx_md5_final((u_char *) edition->digest, &md5);
}


/*
 * In the thread; once for each text, and for each thing that goes wrong before
 * there is one.  0: it was refused before
 */

ngx_uint_t
ngx_http_kerberos_refuse(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_edition *edition, ngx_array_t *lines)
{
    ngx_str_t       text;
    ngx_uint_t      told;
    kerberos_text   why;

    if (ngx_http_kerberos_join_lines(lines->pool, lines, lines->nelts, &text)
        != NGX_OK)
    {
        return 0;
    }

    if (edition->digest[0] == 0 && edition->digest[1] == 0) {
        ngx_http_kerberos_digest_lines(edition, &text);
    }

    why.data = (char *) text.data;
    why.len = text.len;

    if (!ngx_http_kerberos_lock_zone(kmcf)) {
        return 0;
    }

    told = kerberos_zone_knows(kmcf->zone, kmcf->lineage, edition)
           == KERBEROS_NEW;

    if (told) {
        kerberos_zone_refuse(kmcf->zone, edition, why);
    }

    ngx_http_kerberos_unlock_zone(kmcf);

    return told;
}
