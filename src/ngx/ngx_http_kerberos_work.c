
/* SPDX-License-Identifier: MIT
 *
 * Work that may take its time, off the event loop: a thread of a worker runs
 * one job, and the event loop hears of its end.  There is one at a time, and
 * mostly none.
 *
 * A disk may hang, and the thread with it.  A worker that ends gives it up
 * then, but not while the thread is where it must not be left: it says so.
 */

#include "ngx/ngx_http_kerberos_work.h"

#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/syscall.h>


/* ms that a worker which ends waits for a job */
#define NGX_HTTP_KERBEROS_WORK_PATIENCE  500


#define NGX_HTTP_KERBEROS_WORK_NICE      10


/* where the thread is */
#define NGX_HTTP_KERBEROS_OUTSIDE   0
#define NGX_HTTP_KERBEROS_INSIDE    1
#define NGX_HTTP_KERBEROS_GIVEN_UP  2


static ngx_int_t ngx_http_kerberos_open_work(ngx_http_kerberos_work_t *work,
    ngx_log_t *log);
static void *ngx_http_kerberos_run_work(void *data);
static void ngx_http_kerberos_work_handler(ngx_event_t *rev);
static ngx_uint_t ngx_http_kerberos_give_up(ngx_http_kerberos_work_t *work);
static void ngx_http_kerberos_exit_at_once(void);


/* NGX_BUSY: there is a job already */

ngx_int_t
ngx_http_kerberos_begin_work(ngx_http_kerberos_work_t *work,
    ngx_http_kerberos_job_pt run, ngx_http_kerberos_job_pt done, void *data,
    ngx_log_t *log)
{
    int       err;
    sigset_t  all, former;

    if (work->busy) {
        return NGX_BUSY;
    }

    if (work->connection == NULL
        && ngx_http_kerberos_open_work(work, log) != NGX_OK)
    {
        return NGX_ERROR;
    }

    work->run = run;
    work->done = done;
    work->data = data;
    work->stage = NGX_HTTP_KERBEROS_OUTSIDE;
    work->ended = 0;

    /* signals are for the event loop */

    sigfillset(&all);
    (void) pthread_sigmask(SIG_BLOCK, &all, &former);

    err = pthread_create(&work->thread, NULL, ngx_http_kerberos_run_work, work);

    (void) pthread_sigmask(SIG_SETMASK, &former, NULL);

    if (err) {
        ngx_log_error(NGX_LOG_ERR, log, err, "pthread_create() failed");
        return NGX_ERROR;
    }

    work->busy = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_open_work(ngx_http_kerberos_work_t *work, ngx_log_t *log)
{
    int                fd;
    ngx_connection_t  *c;

    fd = eventfd(0, EFD_NONBLOCK|EFD_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno, "eventfd() failed");
        return NGX_ERROR;
    }

    c = ngx_http_kerberos_listen(fd, ngx_http_kerberos_work_handler, work, log);

    if (c == NULL) {
        (void) close(fd);
        return NGX_ERROR;
    }

    work->connection = c;

    return NGX_OK;
}


static void *
ngx_http_kerberos_run_work(void *data)
{
    ngx_http_kerberos_work_t  *work = data;

    uint64_t  one;
    ssize_t   n;

    /* requests go first where processors are few: of Linux, a thread's own */

    (void) setpriority(PRIO_PROCESS, (id_t) syscall(SYS_gettid),
                       NGX_HTTP_KERBEROS_WORK_NICE);

    work->run(work->data);

    if (!ngx_http_kerberos_enter(work)) {
        return NULL;
    }

    work->ended = 1;

    one = 1;
    n = write(work->connection->fd, &one, sizeof(one));
    (void) n;

    return NULL;
}


static void
ngx_http_kerberos_work_handler(ngx_event_t *rev)
{
    uint64_t                   ended;
    ngx_connection_t          *c;
    ngx_http_kerberos_work_t  *work;

    c = rev->data;
    work = c->data;

    if (read(c->fd, &ended, sizeof(ended)) == sizeof(ended)) {
        ngx_http_kerberos_end_work(work);
    }
}


/* waits for the job, where there is one */

void
ngx_http_kerberos_end_work(ngx_http_kerberos_work_t *work)
{
    if (!work->busy) {
        return;
    }

    (void) pthread_join(work->thread, NULL);

    work->busy = 0;
    work->done(work->data);
}


void
ngx_http_kerberos_close_work(ngx_http_kerberos_work_t *work)
{
    if (work->busy && ngx_http_kerberos_give_up(work)) {
        return;
    }

    ngx_http_kerberos_end_work(work);

    if (work->connection) {
        ngx_close_connection(work->connection);
        work->connection = NULL;
    }
}


/* only where the process ends: what the thread uses is freed otherwise */

static ngx_uint_t
ngx_http_kerberos_give_up(ngx_http_kerberos_work_t *work)
{
    ngx_uint_t  waited;

    if (!ngx_exiting && !ngx_terminate && !ngx_quit) {
        return 0;
    }

    for (waited = 0; !work->ended; waited++) {

        if (waited >= NGX_HTTP_KERBEROS_WORK_PATIENCE
            && ngx_atomic_cmp_set(&work->stage, NGX_HTTP_KERBEROS_OUTSIDE,
                                  NGX_HTTP_KERBEROS_GIVEN_UP))
        {
            ngx_log_error(NGX_LOG_NOTICE, ngx_cycle->log, 0,
                          "a file takes too long, and is not waited for");

            /* nothing may be torn down under the thread */
            (void) atexit(ngx_http_kerberos_exit_at_once);

            return 1;
        }

        ngx_msleep(1);
    }

    return 0;
}


static void
ngx_http_kerberos_exit_at_once(void)
{
    _exit(0);
}


/*
 * In the thread: from here on it will be waited for.  0: it was given up, and
 * has to end
 */

ngx_uint_t
ngx_http_kerberos_enter(ngx_http_kerberos_work_t *work)
{
    return ngx_atomic_cmp_set(&work->stage, NGX_HTTP_KERBEROS_OUTSIDE,
                              NGX_HTTP_KERBEROS_INSIDE);
}


void
ngx_http_kerberos_leave(ngx_http_kerberos_work_t *work)
{
    (void) ngx_atomic_cmp_set(&work->stage, NGX_HTTP_KERBEROS_INSIDE,
                              NGX_HTTP_KERBEROS_OUTSIDE);
}
