
/* SPDX-License-Identifier: MIT
 *
 * A look at a registry, and what comes of it: what a thread of the leader and
 * the event loop hand to each other.
 */

#ifndef NGX_HTTP_KERBEROS_LOAD_H_
#define NGX_HTTP_KERBEROS_LOAD_H_

#include "ngx/ngx_http_kerberos_registry.h"


typedef enum {
    NGX_HTTP_KERBEROS_UNCHANGED = 0,
    NGX_HTTP_KERBEROS_REPAIRED,
    NGX_HTTP_KERBEROS_TAKEN,
    NGX_HTTP_KERBEROS_KEPT,
    NGX_HTTP_KERBEROS_AWAITING,
    NGX_HTTP_KERBEROS_REFUSED,
    NGX_HTTP_KERBEROS_SHORT
} ngx_http_kerberos_end_e;


typedef struct {
    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_pool_t                      *pool;
    ngx_log_t                        log;            /* silent */
    ngx_uint_t                       noticed;
    kerberos_edition                 edition;
    ngx_array_t                      lines;          /* ngx_str_t: problems */
    ngx_array_t                      names;          /* to be asked for first */
    kerberos_config                 *config;         /* that has names */
    ngx_http_kerberos_end_e          end;
    ngx_uint_t                       told;           /* now, and not before */
    uint64_t                         generation;
    size_t                           services;
    size_t                           peers;
    ngx_http_kerberos_save_t        *save;           /* NULL: not kept */
    ngx_msec_t                       read;           /* ms that it took */
    ngx_msec_t                       built;
} ngx_http_kerberos_load_t;


/* ngx_http_kerberos_load.c: in the thread */

void ngx_http_kerberos_load(void *data);


#endif /* NGX_HTTP_KERBEROS_LOAD_H_ */
