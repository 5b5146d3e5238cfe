
/* SPDX-License-Identifier: MIT
 *
 * The registry's files: how they are read, who sees that they change, and what
 * is kept of them for a start without them.
 */

#ifndef NGX_HTTP_KERBEROS_REGISTRY_H
#define NGX_HTTP_KERBEROS_REGISTRY_H


#include "ngx/ngx_http_kerberos.h"


#define NGX_HTTP_KERBEROS_STATE_MAX  (64 * 1024 * 1024)   /* of a file */


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

struct ngx_http_kerberos_state_s {
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
};


/* what is wrong where a configuration is loaded */

typedef struct {
    ngx_conf_t                      *cf;
    ngx_uint_t                       level;
    ngx_array_t                      lines;          /* ngx_str_t */
} ngx_http_kerberos_problems_t;


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

/* ngx_http_kerberos_refusal.c: why one was not taken over */

ngx_int_t ngx_http_kerberos_join_lines(ngx_pool_t *pool, ngx_array_t *lines,
    ngx_uint_t n, ngx_str_t *text);
void ngx_http_kerberos_digest_lines(kerberos_edition *edition,
    ngx_str_t *text);
ngx_uint_t ngx_http_kerberos_refuse(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_edition *edition, ngx_array_t *lines);

/* ngx_http_kerberos_resolve.c: addresses of its peers; in a thread as well */

void ngx_http_kerberos_find_resolver(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf);
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

/* ngx_http_kerberos_leader.c: what one worker does for all */

void ngx_http_kerberos_init_leader(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_free_leader(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_end_job(ngx_http_kerberos_main_conf_t *kmcf);
/* for its thread; 0: the worker ends, and did not wait */
ngx_uint_t ngx_http_kerberos_lock_zone(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_unlock_zone(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_silence(ngx_log_t *silent, ngx_log_t *log);

/* ngx_http_kerberos_watch.c: whether the registry's files change */

void ngx_http_kerberos_watch_registry(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_ignore_registry(ngx_http_kerberos_main_conf_t *kmcf);
void ngx_http_kerberos_watch_folders(int fd, ngx_array_t *registries);

/* ngx_http_kerberos_signature.c: whether they look as if they did */

ngx_uint_t ngx_http_kerberos_look_new(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_uint_t noticed, int64_t now);

/* ngx_http_kerberos_look.c: taking over what they say */

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


#endif /* NGX_HTTP_KERBEROS_REGISTRY_H */
