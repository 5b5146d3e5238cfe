
/* SPDX-License-Identifier: MIT
 *
 * Names whose addresses are followed while we run.
 */

#ifndef NGX_HTTP_KERBEROS_NAMES_H
#define NGX_HTTP_KERBEROS_NAMES_H


#include "ngx/ngx_http_kerberos.h"


/* a name that is followed */

typedef struct {
    ngx_str_node_t                   sn;             /* name */
    ngx_queue_t                      link;
    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_event_t                      again;
    ngx_connection_t                 connection;     /* for debug logs */
    ngx_resolver_ctx_t              *question;       /* under way */
    ngx_uint_t                       round;          /* named in it last */
    ngx_uint_t                       wanted;         /* by a change */
    ngx_uint_t                       failures;       /* in a row */

    /* what was heard, and whether it is to be learnt */
    ngx_uint_t                       news;           /* its number, or 0 */
    uint64_t                         print;          /* of addresses */
    ngx_uint_t                       error;
    ngx_uint_t                       partial;
    ngx_sockaddr_t                  *sockaddrs;
    kerberos_named                  *addresses;
    ngx_uint_t                       naddresses;
} ngx_http_kerberos_name_t;


/* ngx_http_kerberos_names.c: names that are followed */

void ngx_http_kerberos_follow_names(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_want_name(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_str_t *text);
ngx_http_kerberos_name_t *ngx_http_kerberos_find_name(
    ngx_http_kerberos_names_t *names, ngx_str_t *text);
void ngx_http_kerberos_leave_names(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_learn.c: what they stand for */

void ngx_http_kerberos_tell_news(ngx_http_kerberos_main_conf_t *kmcf);


#endif /* NGX_HTTP_KERBEROS_NAMES_H */
