
/* SPDX-License-Identifier: MIT
 *
 * What knows nothing of services: work off the event loop, events of our own,
 * and what is kept by rank.
 */

#ifndef NGX_HTTP_KERBEROS_WORK_H
#define NGX_HTTP_KERBEROS_WORK_H


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_event.h>

#include <pthread.h>


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


/* what is kept by rank */

typedef struct {
    size_t                           size;      /* of an element */
    ngx_uint_t                       nchunks;
    u_char                         **chunks;
} ngx_http_kerberos_ranks_t;


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

/* ngx_http_kerberos_ranks.c: what is kept by rank */

void *ngx_http_kerberos_at_rank(ngx_http_kerberos_ranks_t *ranks,
    uint32_t rank);
void *ngx_http_kerberos_make_rank(ngx_http_kerberos_ranks_t *ranks,
    uint32_t rank, ngx_log_t *log);
void ngx_http_kerberos_free_ranks(ngx_http_kerberos_ranks_t *ranks);
uint32_t ngx_http_kerberos_count_ranks(ngx_http_kerberos_ranks_t *ranks);


#endif /* NGX_HTTP_KERBEROS_WORK_H */
