
/* SPDX-License-Identifier: MIT
 *
 * The journey of a request: which service it is for, its attempts, and what
 * becomes of it where nobody is to be had.
 */

#ifndef NGX_HTTP_KERBEROS_REQUEST_H
#define NGX_HTTP_KERBEROS_REQUEST_H


#include "ngx/ngx_http_kerberos_idle.h"


typedef struct ngx_http_kerberos_form_s  ngx_http_kerberos_form_t;


/*
 * A request to a service. It lives in a cleanup of the request's pool, for
 * that survives internal redirects, which wipe the module contexts, and sees
 * to it that nothing stays held, however the request ends.
 */

struct ngx_http_kerberos_ctx_s {
    ngx_http_request_t              *request;
    ngx_http_kerberos_main_conf_t   *kmcf;
    kerberos_process                *process;
    kerberos_request                 state;

    ngx_str_t                        route;          /* that was found, */
    ngx_str_t                        routed;         /* and its service */
    ngx_uint_t                       unmatched;      /* none was, counted */
    ngx_http_handler_pt              handler;        /* of the location */
    ngx_http_kerberos_form_t        *original;       /* while it is changed */
    ngx_http_kerberos_form_t        *sent;           /* by its route */
    ngx_uint_t                       registry;       /* not of a block's own */
    ngx_uint_t                       opened;
    uint32_t                         service;        /* rank */
    ngx_str_t                        service_name;

    /* the attempt under way, or the last one */
    kerberos_pick                    pick;
    ngx_str_t                        peer;
    ngx_uint_t                       held;
    ngx_uint_t                       attempts;
    kerberos_outcome                 outcome;
    ngx_sockaddr_t                   sockaddr;
    ngx_http_upstream_conf_t        *conf;           /* the location's */
    ngx_http_upstream_conf_t        *usual;          /* but for a probe */
    ngx_http_kerberos_trust_t       *trust;

    ngx_http_kerberos_pool_t        *pool;           /* NULL: nginx keeps */
    ngx_http_kerberos_limits_t       limits;
    ngx_http_kerberos_identity_t     identity;
    ngx_uint_t                       identified;     /* identity is known */
    ngx_http_kerberos_idle_t        *idle;           /* it was, before this */
    ngx_uint_t                       stale;          /* so many have failed */
    uint32_t                         stale_peer;     /* of the last of them */

    ngx_uint_t                       rejected;       /* nobody to be had */

    void                           (*finalize)(ngx_http_request_t *r,
                                               ngx_int_t rc);
    ngx_uint_t                       finalized;
    ngx_int_t                        finalize_rc;
};


/* ngx_http_kerberos_peer.c: the journey of a request */

ngx_int_t ngx_http_kerberos_init_peer(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us);
ngx_http_kerberos_ctx_t *ngx_http_kerberos_create_ctx(ngx_http_request_t *r);
ngx_http_kerberos_ctx_t *ngx_http_kerberos_get_ctx(ngx_http_request_t *r);
ngx_uint_t ngx_http_kerberos_was_unmatched(ngx_http_request_t *r);

/* ngx_http_kerberos_route.c: which service, where the location names none */

ngx_int_t ngx_http_kerberos_init_routes(ngx_conf_t *cf);
ngx_int_t ngx_http_kerberos_follow_parent(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_match.c: which route a request is for */

ngx_int_t ngx_http_kerberos_find_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);

/* ngx_http_kerberos_form.c: what a route changes of it */

ngx_int_t ngx_http_kerberos_apply_route(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, kerberos_route *route);
ngx_int_t ngx_http_kerberos_send_form(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx, ngx_http_kerberos_form_t *sent);
void ngx_http_kerberos_restore_request(ngx_http_request_t *r,
    ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_header.c: headers of the request */

ngx_int_t ngx_http_kerberos_replace_headers(ngx_http_request_t *r,
    ngx_keyval_t *headers, ngx_uint_t n);

/* ngx_http_kerberos_cached.c: variables that are made of headers */

ngx_int_t ngx_http_kerberos_find_cached(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf);
ngx_http_variable_value_t *ngx_http_kerberos_save_cached(
    ngx_http_request_t *r, ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_set_cached(ngx_http_request_t *r,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_http_variable_value_t *values);

/* ngx_http_kerberos_terms.c: what an attempt goes by */

ngx_http_upstream_conf_t *ngx_http_kerberos_own_conf(
    ngx_http_kerberos_ctx_t *ctx);
ngx_int_t ngx_http_kerberos_set_terms(ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_probe.c: probes that nobody sees fail */

ngx_uint_t ngx_http_kerberos_replayable(ngx_http_request_t *r);
ngx_int_t ngx_http_kerberos_begin_probe(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
void ngx_http_kerberos_answer_probe(ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_service.c: which service a request is for, and its key */

ngx_int_t ngx_http_kerberos_find_service(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_ctx_t *ctx,
    uint32_t *number);
ngx_int_t ngx_http_kerberos_check_keys(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_evidence.c: how an attempt ended */

void ngx_http_kerberos_collect_evidence(ngx_http_request_t *r,
    ngx_peer_connection_t *pc, ngx_uint_t state, kerberos_evidence *evidence);

/* ngx_http_kerberos_reject.c: answers of our own */

void ngx_http_kerberos_finish(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *name);
ngx_int_t ngx_http_kerberos_init_header_filter(ngx_conf_t *cf);
ngx_int_t ngx_http_kerberos_retry_after(ngx_http_kerberos_ctx_t *ctx);


#endif /* NGX_HTTP_KERBEROS_REQUEST_H */
