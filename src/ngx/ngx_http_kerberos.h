
/* SPDX-License-Identifier: MIT
 *
 * What the files of the shim share. Each stands for one place where nginx
 * calls us; everything that is decided, is decided in the core.
 */

#ifndef NGX_HTTP_KERBEROS_H
#define NGX_HTTP_KERBEROS_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <pthread.h>

#include "abi/kerberos.h"


#define NGX_HTTP_KERBEROS_ZONE_SIZE  (8 * 1024 * 1024)
#define NGX_HTTP_KERBEROS_STATE_MAX  (64 * 1024 * 1024)   /* of a file */
#define NGX_HTTP_KERBEROS_DIGEST     16              /* of an identity */


/* the idle connections that it keeps */
typedef struct ngx_http_kerberos_store_s  ngx_http_kerberos_store_t;


/* certificates that services trust */
typedef struct ngx_http_kerberos_trust_s  ngx_http_kerberos_trust_t;


/* a job of a thread */

typedef void (*ngx_http_kerberos_job_pt)(void *data);

typedef struct {
    ngx_connection_t                *connection;     /* an eventfd */
    pthread_t                        thread;
    ngx_uint_t                       busy;
    ngx_atomic_t                     stage;          /* of the thread */
    ngx_atomic_t                     ended;
    ngx_http_kerberos_job_pt         run;            /* in the thread */
    ngx_http_kerberos_job_pt         done;           /* in the event loop */
    void                            *data;
} ngx_http_kerberos_work_t;


/* a text on its way to the disk */

typedef struct {
    kerberos_document               *document;
    u_char                          *folder;         /* ended by zero */
    u_char                          *file;
    u_char                          *temp;
    ngx_file_info_t                  info;           /* of what was written */
    const char                      *failed;         /* what did; NULL */
    ngx_err_t                        err;
    void                            *kmcf;           /* whose it is */
} ngx_http_kerberos_save_t;


/* kerberos_state: a folder for what outlives the shared memory */

typedef struct {
    ngx_str_t                        folder;
    ngx_str_t                        breakers;       /* paths in it */
    ngx_str_t                        registry;
    ngx_str_t                        names;

    /* of this process, as far as it writes */
    ngx_http_kerberos_work_t         work;
    ngx_uint_t                       keeping;        /* it does */
    ngx_msec_t                       looked;
    uint64_t                         mark;           /* what was written */
    ngx_file_info_t                  written;
    const char                      *failed;         /* the last time */
    ngx_err_t                        err;

    /* where a configuration is loaded */
    ngx_http_kerberos_save_t        *sources;        /* to be kept */
    kerberos_edition                 bad;            /* what was refused, */
    ngx_str_t                        problems;       /* and why */
} ngx_http_kerberos_state_t;


/* what is wrong where a configuration is loaded */

typedef struct {
    ngx_conf_t                      *cf;
    ngx_uint_t                       level;
    ngx_array_t                      lines;          /* ngx_str_t */
} ngx_http_kerberos_problems_t;


/* what it keeps by rank */

typedef struct {
    size_t                           size;      /* of an element */
    ngx_uint_t                       nchunks;
    u_char                         **chunks;
} ngx_http_kerberos_ranks_t;


/* names that are followed, of the one worker that asks */

typedef struct {
    ngx_queue_t                      asked;
    ngx_rbtree_t                     tree;           /* the same */
    ngx_rbtree_node_t                sentinel;
    ngx_uint_t                       round;
    ngx_uint_t                       serial;         /* of news */
    ngx_uint_t                       wanted;         /* by a change */
    ngx_uint_t                       due;            /* a generation */
    ngx_uint_t                       lacked;         /* memory in the zone */
} ngx_http_kerberos_names_t;


/* what one worker does for all */

typedef struct ngx_http_kerberos_main_conf_s  ngx_http_kerberos_main_conf_t;

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


/* those that wait for equally long */

typedef struct {
    ngx_queue_t                      link;           /* in store->lines */
    ngx_queue_t                      waiting;        /* newest first */
    ngx_msec_t                       idle;
    ngx_event_t                      expiry;
    ngx_connection_t                 connection;     /* for debug logs */
} ngx_http_kerberos_line_t;


/* what two connections to a peer must agree in to be interchangeable */

typedef struct {
    ngx_int_t                      (*protocol)(ngx_http_request_t *r);
    void                            *tls;
    uint64_t                         trusted[2];
    ngx_uint_t                       flags;
    size_t                           local;          /* lengths in the text, */
    size_t                           name;           /* in this order */
    size_t                           certificate;
    u_char                          *text;
} ngx_http_kerberos_identity_t;


/* idle connections that are interchangeable; it is never empty */

typedef struct {
    ngx_queue_t                      link;
    ngx_queue_t                      idle;           /* newest first */
    ngx_uint_t                       count;
} ngx_http_kerberos_shelf_t;


/* a connection that is kept, or was before: memory of its own pool */

typedef struct {
    ngx_connection_t                *connection;
    ngx_http_kerberos_pool_t        *pool;
    uint32_t                         peer;
    ngx_http_kerberos_identity_t     identity;

    ngx_http_kerberos_shelf_t       *shelf;
    ngx_queue_t                      on_shelf;
    ngx_queue_t                      in_pool;
    ngx_queue_t                      in_service;
    ngx_queue_t                      in_line;
    ngx_http_kerberos_line_t        *line;
    ngx_msec_t                       since;
} ngx_http_kerberos_idle_t;


/* the stocks of a service's peers, but for the empty ones */

typedef struct {
    ngx_queue_t                      link;           /* where not empty */
    ngx_queue_t                      stocks;
    ngx_queue_t                      kept;           /* newest first */
    ngx_uint_t                       count;
    uint32_t                         rank;           /* the service's */
    uint64_t                         changes;        /* when it was swept */
} ngx_http_kerberos_stocks_t;


/* all of a peer */

typedef struct {
    ngx_queue_t                      link;           /* where not empty */
    ngx_queue_t                      shelves;        /* last used first */
    ngx_uint_t                       count;
    uint32_t                         rank;           /* the peer's */
    ngx_http_kerberos_stocks_t      *stocks;         /* that it is one of */
} ngx_http_kerberos_stock_t;


struct ngx_http_kerberos_store_s {
    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_http_kerberos_ranks_t        peers;          /* stocks */
    ngx_http_kerberos_ranks_t        services;       /* stocks of them */
    ngx_queue_t                      busy;           /* those not empty */
    ngx_queue_t                      spare;          /* shelves */
    ngx_queue_t                      lines;

    ngx_msec_t                       swept;
    ngx_event_t                      sweep;
    ngx_connection_t                 connection;     /* for debug logs */
};


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


typedef struct ngx_http_kerberos_form_s  ngx_http_kerberos_form_t;


/*
 * A request to a service. It lives in a cleanup of the request's pool, for
 * that survives internal redirects, which wipe the module contexts, and sees
 * to it that nothing stays held, however the request ends.
 */

typedef struct {
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
} ngx_http_kerberos_ctx_t;


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

/* where problems are told */

typedef struct {
    kerberos_on_message              tell;
    void                            *context;
} ngx_http_kerberos_teller_t;

/* ngx_http_kerberos_registry.c: files of services */

ngx_uint_t ngx_http_kerberos_is_variables(ngx_str_t *name);
void ngx_http_kerberos_tell(ngx_http_kerberos_teller_t *teller,
    const char *fmt, ...);
void ngx_http_kerberos_tell_failed(ngx_http_kerberos_teller_t *teller,
    const char *what, ngx_str_t *name, ngx_err_t err);
char *ngx_http_kerberos_registry(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_kerberos_read_registries(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);

/*
 * These may run in a thread: they need a pool of its own with a silent
 * log, neither log nor keep anything, and tell what is wrong line by line.
 * Sources are an array of kerberos_source, which lives as long as the pool.
 */
void ngx_http_kerberos_log_message(void *context, kerberos_text line);
ngx_int_t ngx_http_kerberos_read_sources(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    ngx_array_t *sources, kerberos_on_message on_message, void *context);
ngx_int_t ngx_http_kerberos_resolve(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context);

/* ngx_http_kerberos_gather.c: the texts of a registry */

void ngx_http_kerberos_digest_sources(kerberos_edition *edition,
    ngx_array_t *sources);
ngx_int_t ngx_http_kerberos_gather(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_array_t *sources,
    kerberos_on_message on_message, void *context);
ngx_int_t ngx_http_kerberos_gather_file(ngx_pool_t *pool, ngx_str_t *name,
    ngx_array_t *sources, kerberos_on_message on_message, void *context);

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

/* ngx_http_kerberos_leader.c: what one worker does for all */

void ngx_http_kerberos_init_leader(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_leader(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_end_job(ngx_http_kerberos_main_conf_t *kmcf);
/* for its thread; 0: the worker ends, and did not wait */
ngx_uint_t ngx_http_kerberos_lock_zone(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_unlock_zone(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_silence(ngx_log_t *silent, ngx_log_t *log);

/* ngx_http_kerberos_work.c: off the event loop */

ngx_int_t ngx_http_kerberos_begin_work(ngx_http_kerberos_work_t *work,
    ngx_http_kerberos_job_pt run, ngx_http_kerberos_job_pt done, void *data,
    ngx_log_t *log);
void ngx_http_kerberos_end_work(ngx_http_kerberos_work_t *work);
void ngx_http_kerberos_close_work(ngx_http_kerberos_work_t *work);
ngx_uint_t ngx_http_kerberos_enter(ngx_http_kerberos_work_t *work);
void ngx_http_kerberos_leave(ngx_http_kerberos_work_t *work);

/* ngx_http_kerberos_event.c: timers and descriptors of our own */

void ngx_http_kerberos_set_event(ngx_event_t *ev, ngx_connection_t *c,
    void *data, ngx_event_handler_pt handler);
ngx_connection_t *ngx_http_kerberos_listen(int fd,
    ngx_event_handler_pt handler, void *data, ngx_log_t *log);

/* ngx_http_kerberos_watch.c: whether the registry's files change */

void ngx_http_kerberos_watch_registry(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_ignore_registry(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_watch_folders(int fd, ngx_array_t *registries);

/* ngx_http_kerberos_signature.c: whether they look as if they did */

ngx_uint_t ngx_http_kerberos_look_new(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_uint_t noticed, int64_t now);

/* ngx_http_kerberos_names.c: names that are followed */

void ngx_http_kerberos_follow_names(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_want_name(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_str_t *text);
ngx_http_kerberos_name_t *ngx_http_kerberos_find_name(
    ngx_http_kerberos_names_t *names, ngx_str_t *text);
void ngx_http_kerberos_leave_names(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_learn.c: what they stand for */

void ngx_http_kerberos_tell_news(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_load.c: taking over what they say */

void ngx_http_kerberos_look(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_state.c: what outlives the shared memory */

char *ngx_http_kerberos_set_state(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_kerberos_restore_names(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log);
void ngx_http_kerberos_restore_breakers(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log);
void ngx_http_kerberos_keep_state(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_leave_state(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_start.c: the last registry that was good */

ngx_uint_t ngx_http_kerberos_is_start(ngx_conf_t *cf);
ngx_int_t ngx_http_kerberos_read_last_good(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool,
    ngx_http_kerberos_problems_t *problems, ngx_uint_t unread);
void ngx_http_kerberos_end_start(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log);
ngx_http_kerberos_save_t *ngx_http_kerberos_begin_archive(
    ngx_http_kerberos_state_t *state, ngx_array_t *sources, ngx_log_t *log);
void ngx_http_kerberos_end_archive(ngx_http_kerberos_state_t *state,
    ngx_http_kerberos_save_t *save, ngx_log_t *log);

/* ngx_http_kerberos_file.c: files of our own */

ngx_http_kerberos_save_t *ngx_http_kerberos_create_save(
    kerberos_document *document, ngx_str_t *folder, ngx_str_t *file,
    ngx_log_t *log);
void ngx_http_kerberos_free_save(ngx_http_kerberos_save_t *save);
ngx_int_t ngx_http_kerberos_write(ngx_http_kerberos_save_t *save);
ngx_int_t ngx_http_kerberos_read_whole(ngx_str_t *name, ngx_str_t *text,
    ngx_log_t *log);

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

/* ngx_http_kerberos_terms.c: what an attempt goes by */

ngx_http_upstream_conf_t *ngx_http_kerberos_own_conf(
    ngx_http_kerberos_ctx_t *ctx);
ngx_int_t ngx_http_kerberos_set_terms(ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_tls.c: whether TLS is spoken, and how */

#if (NGX_HTTP_SSL)
ngx_int_t ngx_http_kerberos_create_tls(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);
#endif
ngx_int_t ngx_http_kerberos_check_scheme(ngx_http_kerberos_ctx_t *ctx);
ngx_uint_t ngx_http_kerberos_wants_tls(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms);
ngx_int_t ngx_http_kerberos_set_tls(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_upstream_conf_t *conf, kerberos_terms *terms);

/* ngx_http_kerberos_trust.c: whom services trust */

ngx_int_t ngx_http_kerberos_read_files(ngx_pool_t *pool,
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context);
#if (NGX_HTTP_SSL)
ngx_int_t ngx_http_kerberos_take_trust(ngx_http_kerberos_ctx_t *ctx,
    kerberos_terms *terms);
void ngx_http_kerberos_drop_trust(ngx_http_kerberos_ctx_t *ctx);
ngx_int_t ngx_http_kerberos_use_trust(ngx_http_kerberos_trust_t *trust,
    ngx_connection_t *c);
uint64_t *ngx_http_kerberos_trust_digest(ngx_http_kerberos_trust_t *trust);
void ngx_http_kerberos_sweep_trusts(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_trusts(ngx_http_kerberos_main_conf_t *kmcf);
#endif

/* ngx_http_kerberos_probe.c: probes that nobody sees fail */

ngx_uint_t ngx_http_kerberos_replayable(ngx_http_request_t *r);
ngx_int_t ngx_http_kerberos_begin_probe(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
void ngx_http_kerberos_answer_probe(ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_idle.c: connections kept for later requests */

ngx_int_t ngx_http_kerberos_take_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc);
void ngx_http_kerberos_keep_idle(ngx_http_kerberos_ctx_t *ctx,
    ngx_peer_connection_t *pc, ngx_uint_t state);
void ngx_http_kerberos_close_idle(ngx_http_kerberos_idle_t *idle);

/* ngx_http_kerberos_ranks.c: what is kept by rank */

void *ngx_http_kerberos_at_rank(ngx_http_kerberos_ranks_t *ranks,
    uint32_t rank);
void *ngx_http_kerberos_make_rank(ngx_http_kerberos_ranks_t *ranks,
    uint32_t rank, ngx_log_t *log);
void ngx_http_kerberos_free_ranks(ngx_http_kerberos_ranks_t *ranks);
uint32_t ngx_http_kerberos_count_ranks(ngx_http_kerberos_ranks_t *ranks);

/* ngx_http_kerberos_store.c: where they stand */

ngx_int_t ngx_http_kerberos_init_store(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_store(ngx_http_kerberos_main_conf_t *kmcf);
ngx_http_kerberos_idle_t *ngx_http_kerberos_draw(
    ngx_http_kerberos_store_t *store, ngx_http_kerberos_pool_t *pool,
    uint32_t peer, ngx_http_kerberos_identity_t *identity);
ngx_int_t ngx_http_kerberos_shelve(ngx_http_kerberos_store_t *store,
    ngx_http_kerberos_idle_t *idle, uint32_t service,
    ngx_http_kerberos_limits_t *limits);
void ngx_http_kerberos_unshelve(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_clear_stock(ngx_http_kerberos_stock_t *stock);
void ngx_http_kerberos_clear_peer(ngx_http_kerberos_store_t *store,
    uint32_t peer);

/* ngx_http_kerberos_pool.c: how many of a block, and for how long */

char *ngx_http_kerberos_keepalive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
void ngx_http_kerberos_init_pool(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_pool_t *pool);
void ngx_http_kerberos_empty_pools(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_enter_pool(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_leave_pool(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_hold_total(ngx_http_kerberos_pool_t *pool);
void ngx_http_kerberos_relieve(ngx_http_kerberos_store_t *store,
    ngx_uint_t n);

/* ngx_http_kerberos_line.c: who has been idle for too long */

ngx_http_kerberos_line_t *ngx_http_kerberos_find_line(
    ngx_http_kerberos_store_t *store, ngx_msec_t idle);
void ngx_http_kerberos_enter_line(ngx_http_kerberos_idle_t *idle,
    ngx_http_kerberos_line_t *line);
void ngx_http_kerberos_leave_line(ngx_http_kerberos_idle_t *idle);
void ngx_http_kerberos_free_lines(ngx_http_kerberos_store_t *store);

/* ngx_http_kerberos_sweep.c: none to peers that are out */

void ngx_http_kerberos_heed_changes(ngx_http_kerberos_store_t *store,
    uint32_t service);
void ngx_http_kerberos_sweep_handler(ngx_event_t *ev);
void ngx_http_kerberos_sweep(ngx_http_kerberos_store_t *store);
void ngx_http_kerberos_sweep_all(ngx_http_kerberos_store_t *store);

/* ngx_http_kerberos_identity.c: what makes two connections interchangeable */

ngx_int_t ngx_http_kerberos_identify(ngx_http_kerberos_ctx_t *ctx,
    ngx_http_kerberos_identity_t *identity);
ngx_uint_t ngx_http_kerberos_same_identity(ngx_http_kerberos_identity_t *one,
    ngx_http_kerberos_identity_t *two);
ngx_int_t ngx_http_kerberos_copy_identity(ngx_pool_t *pool,
    ngx_http_kerberos_identity_t *copy, ngx_http_kerberos_identity_t *of);
void ngx_http_kerberos_digest_identity(ngx_http_kerberos_identity_t *identity,
    u_char digest[NGX_HTTP_KERBEROS_DIGEST]);

/* ngx_http_kerberos_service.c: which service a request is for, and its key */

ngx_int_t ngx_http_kerberos_find_service(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_ctx_t *ctx,
    uint32_t *number);
ngx_int_t ngx_http_kerberos_check_keys(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_text.c: texts with variables that come while we run */

ngx_int_t ngx_http_kerberos_evaluate(ngx_http_request_t *r,
    kerberos_text text, ngx_str_t *value);
ngx_int_t ngx_http_kerberos_check_variables(
    ngx_http_kerberos_main_conf_t *kmcf, kerberos_config *config,
    kerberos_on_message on_message, void *context);
ngx_int_t ngx_http_kerberos_variable_value(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
ngx_int_t ngx_http_kerberos_copy_text(ngx_pool_t *pool, ngx_str_t *copy,
    kerberos_text text);

/* ngx_http_kerberos_evidence.c: how an attempt ended */

void ngx_http_kerberos_collect_evidence(ngx_http_request_t *r,
    ngx_peer_connection_t *pc, ngx_uint_t state, kerberos_evidence *evidence);

/* ngx_http_kerberos_reject.c: answers of our own */

void ngx_http_kerberos_finish(ngx_http_request_t *r, ngx_int_t status,
    ngx_str_t *name);
ngx_int_t ngx_http_kerberos_init_header_filter(ngx_conf_t *cf);
ngx_int_t ngx_http_kerberos_retry_after(ngx_http_kerberos_ctx_t *ctx);

/* ngx_http_kerberos_session.c: TLS sessions, kept per peer */

#if (NGX_SSL || NGX_COMPAT)
ngx_int_t ngx_http_kerberos_set_session(ngx_peer_connection_t *pc,
    void *data);
void ngx_http_kerberos_save_session(ngx_peer_connection_t *pc, void *data);
#endif
void ngx_http_kerberos_sweep_sessions(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_sessions(ngx_http_kerberos_main_conf_t *kmcf);

/* ngx_http_kerberos_status.c, ngx_http_kerberos_variables.c */

char *ngx_http_kerberos_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_kerberos_add_variables(ngx_conf_t *cf);


extern ngx_module_t  ngx_http_kerberos_module;


#endif /* NGX_HTTP_KERBEROS_H */
