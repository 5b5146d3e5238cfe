
/* SPDX-License-Identifier: MIT
 *
 * What a worker keeps by rank: an array whose elements stay where they are
 * while it grows, all zero before they are used.
 */

#include "ngx/ngx_http_kerberos_work.h"


#define NGX_HTTP_KERBEROS_CHUNK  256


/* NULL: nothing has been kept there */

void *
ngx_http_kerberos_at_rank(ngx_http_kerberos_ranks_t *ranks, uint32_t rank)
{
    ngx_uint_t  n;

    n = rank / NGX_HTTP_KERBEROS_CHUNK;

    if (n >= ranks->nchunks || ranks->chunks[n] == NULL) {
        return NULL;
    }

    return ranks->chunks[n] + rank % NGX_HTTP_KERBEROS_CHUNK * ranks->size;
}


/* NULL: no memory */

void *
ngx_http_kerberos_make_rank(ngx_http_kerberos_ranks_t *ranks, uint32_t rank,
    ngx_log_t *log)
{
    u_char      **chunks;
    ngx_uint_t    n;

    n = rank / NGX_HTTP_KERBEROS_CHUNK;

    if (n >= ranks->nchunks) {
        chunks = ngx_calloc((n + 1) * sizeof(u_char *), log);
        if (chunks == NULL) {
            return NULL;
        }

        if (ranks->chunks) {
            ngx_memcpy(chunks, ranks->chunks,
                       ranks->nchunks * sizeof(u_char *));
            ngx_free(ranks->chunks);
        }

        ranks->chunks = chunks;
        ranks->nchunks = n + 1;
    }

    if (ranks->chunks[n] == NULL) {
        ranks->chunks[n] = ngx_calloc(NGX_HTTP_KERBEROS_CHUNK * ranks->size,
                                      log);
    }

    return ngx_http_kerberos_at_rank(ranks, rank);
}


void
ngx_http_kerberos_free_ranks(ngx_http_kerberos_ranks_t *ranks)
{
    ngx_uint_t  n;

    for (n = 0; n < ranks->nchunks; n++) {
        if (ranks->chunks[n]) {
            ngx_free(ranks->chunks[n]);
        }
    }

    if (ranks->chunks) {
        ngx_free(ranks->chunks);
    }

    ranks->chunks = NULL;
    ranks->nchunks = 0;
}


uint32_t
ngx_http_kerberos_count_ranks(ngx_http_kerberos_ranks_t *ranks)
{
    return ranks->nchunks * NGX_HTTP_KERBEROS_CHUNK;
}
