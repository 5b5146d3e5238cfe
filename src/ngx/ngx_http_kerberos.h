
/* SPDX-License-Identifier: MIT
 *
 * What the files of the shim share: the configuration, and what any of them may
 * call. Each stands for one place where nginx calls us; everything that is
 * decided, is decided in the core.
 */

#ifndef NGX_HTTP_KERBEROS_H
#define NGX_HTTP_KERBEROS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "abi/kerberos.h"
#include "ngx/ngx_http_kerberos_work.h"


#define NGX_HTTP_KERBEROS_ZONE_SIZE  (8 * 1024 * 1024)


typedef struct ngx_http_kerberos_main_conf_s  ngx_http_kerberos_main_conf_t;

/* a folder for what outlives the shared memory */
typedef struct ngx_http_kerberos_state_s  ngx_http_kerberos_state_t;

/* the idle connections that it keeps */
typedef struct ngx_http_kerberos_store_s  ngx_http_kerberos_store_t;

/* certificates that services trust */
typedef struct ngx_http_kerberos_trust_s  ngx_http_kerberos_trust_t;

/* a request to a service */
typedef struct ngx_http_kerberos_ctx_s  ngx_http_kerberos_ctx_t;


/* names that are followed, of the one worker that asks */

typedef struct {
    ngx_queue_t                      asked;
    ngx_rbtree_t                     tree;           /* the same */
    ngx_rbtree_node_t                sentinel;
    ngx_uint_t                       round;
    ngx_uint_t                       serial;         /* of news */
    ngx_uint_t                       wanted;         /* by a change */
    ngx_uint_t                       due;            /* a lesson */
    ngx_uint_t                       lacked;         /* memory in the zone */
    ngx_uint_t                       unsettled;      /* the last lesson is */
} ngx_http_kerberos_names_t;


/* what one worker does for all */

typedef struct {
    ngx_http_kerberos_main_conf_t   *kmcf;           /* NULL: none, or over */
    ngx_event_t                      tick;
    ngx_connection_t                 connection;     /* for debug logs */
    ngx_uint_t                       leading;
    ngx_http_kerberos_work_t         work;

    /* the registry's files */
    ngx_connection_t                *watch;          /* an inotify */
    ngx_event_t                      quiet;
    ngx_msec_t                       since;          /* the first event */
    ngx_uint_t                       noticed;        /* some came */
    ngx_uint_t                       looked;
    u_char                           seen[16];       /* from outside */
    u_char                           read[16];       /* so when read */
    ngx_uint_t                       lacked;         /* memory in the zone */
    ngx_msec_t                       rested;         /* then it may try again */

    /* what was read last and has names; NULL: nothing */
    kerberos_config                 *config;
    kerberos_edition                 edition;
    ngx_http_kerberos_names_t        names;
} ngx_http_kerberos_leader_t;


struct ngx_http_kerberos_main_conf_s {
    ngx_uint_t                       used;      /* any directive of ours */
    ngx_uint_t                       service_used;   /* kerberos_service */

    ngx_uint_t                       breaker_set;
    ngx_uint_t                       failure_on_set;
    kerberos_settings                breaker;   /* of the http block */

    size_t                           zone_size;
    ngx_shm_zone_t                  *shm_zone;
    ngx_array_t                     *registries;     /* of ngx_str_t */
    ngx_array_t                     *environment;    /* of kerberos_text */
    ngx_http_upstream_srv_conf_t    *registry;       /* the upstream of it */
    ngx_resolver_t                  *resolver;       /* NULL: follow no names */
    ngx_msec_t                       resolver_timeout;
    ngx_array_t                      upstream_modules;   /* their indexes */
    ngx_array_t                      cached;         /* of ngx_uint_t */
    ngx_http_kerberos_state_t       *state;          /* NULL: keep nothing */

    ngx_cycle_t                     *cycle;
    kerberos_config                 *config;
    kerberos_zone                   *zone;
    uint64_t                         lineage;
    kerberos_edition                 edition;        /* that was read */

#if (NGX_HTTP_SSL)
    ngx_ssl_t                       *tls;            /* of no location */
#endif

    /* set where a worker starts */
    kerberos_process                *process;
    ngx_queue_t                      trusts;
    ngx_http_kerberos_ranks_t        sessions;       /* TLS, of peers */
    ngx_http_kerberos_store_t       *store;          /* NULL: keep nothing */
    ngx_queue_t                      pools;          /* of all blocks */
    ngx_event_t                      watch;          /* for workers that die */
    ngx_connection_t                 watch_connection;  /* for debug logs */
    ngx_http_kerberos_leader_t       leader;
};


/* how many connections are kept, and for how long */

typedef struct {
    ngx_uint_t                       max;            /* per peer; 0: none */
    ngx_uint_t                       total;          /* 0: not limited here */
    ngx_uint_t                       requests;
    ngx_msec_t                       idle;
} ngx_http_kerberos_limits_t;


/* which connections an upstream block keeps: of one worker, but for limits */

typedef struct {
    ngx_http_kerberos_limits_t       limits;
    ngx_msec_t                       time;
    ngx_uint_t                       foreign;        /* nginx keeps them */

    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_queue_t                      link;           /* in kmcf->pools */
    ngx_queue_t                      kept;           /* newest first */
    ngx_uint_t                       count;
} ngx_http_kerberos_pool_t;


/* of an upstream block */

typedef struct {
    ngx_uint_t                       used;           /* any directive of ours */
    ngx_uint_t                       served;         /* our init ran */

    kerberos_text                   *balance;        /* kerberos_balance */
    ngx_uint_t                       balance_words;
    ngx_uint_t                       breaker_set;
    ngx_uint_t                       failure_on_set;
    kerberos_settings                breaker;

    ngx_uint_t                       keepalive_set;
    ngx_http_kerberos_pool_t         pool;

    ngx_http_complex_value_t        *service;        /* kerberos_service */
    ngx_http_upstream_init_peer_pt   round_robin;    /* nginx's own */
} ngx_http_kerberos_srv_conf_t;


typedef struct {
    ngx_http_complex_value_t        *service;        /* kerberos_service */
    ngx_flag_t                       problem_json;
} ngx_http_kerberos_loc_conf_t;


/* ngx_http_kerberos_conf.c: directives */

char *ngx_http_kerberos_zone(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_kerberos_breaker(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kerberos_failure_on(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kerberos_balance(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
char *ngx_http_kerberos_service(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_kerberos_upstream.c: upstream blocks */

ngx_int_t ngx_http_kerberos_serve_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf);
ngx_http_upstream_srv_conf_t *ngx_http_kerberos_add_upstream(ngx_conf_t *cf,
    ngx_str_t *name);
ngx_int_t ngx_http_kerberos_add_placeholder(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
ngx_int_t ngx_http_kerberos_check_upstreams(ngx_conf_t *cf);

/* ngx_http_kerberos_keepalive.c: nginx's own keepalive around us */

ngx_int_t ngx_http_kerberos_hook_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_init_pt init);
void ngx_http_kerberos_settle_keepalive(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf);

/* ngx_http_kerberos_zone.c: the shared memory, and processes in it */

ngx_int_t ngx_http_kerberos_add_zone(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);
ngx_int_t ngx_http_kerberos_init_module(ngx_cycle_t *cycle);
ngx_int_t ngx_http_kerberos_init_process(ngx_cycle_t *cycle);
void ngx_http_kerberos_exit_process(ngx_cycle_t *cycle);
void ngx_http_kerberos_adopt(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_text.c: texts with variables that come while we run */

ngx_int_t ngx_http_kerberos_evaluate(ngx_http_request_t *r,
    kerberos_text text, ngx_str_t *value);
void ngx_http_kerberos_name_variables(ngx_conf_t *cf);
ngx_int_t ngx_http_kerberos_check_variables(
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context);
ngx_int_t ngx_http_kerberos_variable_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
ngx_int_t ngx_http_kerberos_copy_text(ngx_pool_t *pool, ngx_str_t *copy,
    kerberos_text text);
void ngx_http_kerberos_push_text(ngx_array_t *texts, kerberos_text text);

/* ngx_http_kerberos_status.c, ngx_http_kerberos_variables.c */

char *ngx_http_kerberos_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_kerberos_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_kerberos_module;


#endif /* NGX_HTTP_KERBEROS_H */
