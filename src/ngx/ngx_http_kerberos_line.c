
/* SPDX-License-Identifier: MIT
 *
 * How long idle connections are kept: those that may wait for equally long
 * stand in one line, in the order of return, with one timer for the oldest.
 * There are as many lines as there are different times.
 */

#include "ngx/ngx_http_kerberos_idle.h"


static void ngx_http_kerberos_expire(ngx_event_t *ev);


/* NULL: no memory */

ngx_http_kerberos_line_t *
ngx_http_kerberos_find_line(ngx_http_kerberos_store_t *store, ngx_msec_t idle)
{
    ngx_queue_t               *q;
    ngx_http_kerberos_line_t  *line, *empty;

    empty = NULL;

    for (q = ngx_queue_head(&store->lines);
         q != ngx_queue_sentinel(&store->lines);
         q = ngx_queue_next(q))
    {
        line = ngx_queue_data(q, ngx_http_kerberos_line_t, link);

        if (line->idle == idle) {
            return line;
        }

        if (ngx_queue_empty(&line->waiting)) {
            empty = line;
        }
    }

    if (empty) {

        /* its time is nobody's any more */

        if (empty->expiry.timer_set) {
            ngx_del_timer(&empty->expiry);
        }

        empty->idle = idle;

        return empty;
    }

    line = ngx_calloc(sizeof(ngx_http_kerberos_line_t),
                      store->kmcf->cycle->log);
    if (line == NULL) {
        return NULL;
    }

    line->idle = idle;
    ngx_queue_init(&line->waiting);
    ngx_queue_insert_tail(&store->lines, &line->link);

    ngx_http_kerberos_set_event(&line->expiry, &line->connection, line,
                                ngx_http_kerberos_expire);
    line->expiry.log = store->kmcf->cycle->log;

    return line;
}


void
ngx_http_kerberos_enter_line(ngx_http_kerberos_idle_t *idle,
    ngx_http_kerberos_line_t *line)
{
    idle->line = line;
    ngx_queue_insert_head(&line->waiting, &idle->in_line);

    if (!line->expiry.timer_set) {
        ngx_add_timer(&line->expiry, line->idle);
    }
}


void
ngx_http_kerberos_leave_line(ngx_http_kerberos_idle_t *idle)
{
    ngx_queue_remove(&idle->in_line);
}


void
ngx_http_kerberos_free_lines(ngx_http_kerberos_store_t *store)
{
    ngx_queue_t               *q;
    ngx_http_kerberos_line_t  *line;

    while (!ngx_queue_empty(&store->lines)) {
        q = ngx_queue_head(&store->lines);
        ngx_queue_remove(q);

        line = ngx_queue_data(q, ngx_http_kerberos_line_t, link);

        if (line->expiry.timer_set) {
            ngx_del_timer(&line->expiry);
        }

        ngx_free(line);
    }
}


static void
ngx_http_kerberos_expire(ngx_event_t *ev)
{
    ngx_queue_t               *last;
    ngx_connection_t          *c;
    ngx_msec_int_t             left;
    ngx_http_kerberos_idle_t  *oldest;
    ngx_http_kerberos_line_t  *line;

    c = ev->data;
    line = c->data;

    while (!ngx_queue_empty(&line->waiting)) {
        last = ngx_queue_last(&line->waiting);
        oldest = ngx_queue_data(last, ngx_http_kerberos_idle_t, in_line);
        left = oldest->since + line->idle - ngx_current_msec;

        if (left > 0) {
            ngx_add_timer(ev, left);
            return;
        }

        ngx_http_kerberos_close_idle(oldest);
    }
}
