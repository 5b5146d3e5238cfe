
/* SPDX-License-Identifier: MIT
 *
 * Events of our own: timers and descriptors that belong to no request.
 */

#include "ngx/ngx_http_kerberos_work.h"


/* a timer that is no reason for a process to stay */

void
ngx_http_kerberos_set_event(ngx_event_t *ev, ngx_connection_t *c, void *data,
    ngx_event_handler_pt handler)
{
    c->fd = (ngx_socket_t) -1;
    c->data = data;

    ev->data = c;
    ev->handler = handler;
    ev->cancelable = 1;
}


/* a descriptor that is no socket of a client's or peer's */

ngx_connection_t *
ngx_http_kerberos_listen(int fd, ngx_event_handler_pt handler, void *data,
    ngx_log_t *log)
{
    ngx_event_t       *rev;
    ngx_connection_t  *c;

    c = ngx_get_connection(fd, log);
    if (c == NULL) {
        return NULL;
    }

    c->data = data;

    rev = c->read;
    rev->log = log;
    rev->handler = handler;

    c->write->log = log;

    /* nobody has left it open when the worker ends */
    rev->channel = 1;
    c->write->channel = 1;

    if (ngx_add_event(rev, NGX_READ_EVENT, 0) != NGX_OK) {
        ngx_free_connection(c);
        return NULL;
    }

    return c;
}
