
/* SPDX-License-Identifier: MIT
 *
 * Watching the registry's files.  The kernel tells of what happens in their
 * folders, and since it does not tell everything everywhere, there is a look
 * now and then.  Either only says that it may be worth to read them again.
 */

#include "ngx/ngx_http_kerberos_registry.h"

#include <sys/inotify.h>


/* ms of quiet after which what is in several files is taken for complete,
   and after which they are read although there is none */
#define NGX_HTTP_KERBEROS_QUIET    50
#define NGX_HTTP_KERBEROS_PATIENCE 500

/* of whoever writes a file in place, only the end: the rest is half a file */
#define NGX_HTTP_KERBEROS_EVENTS                                              \
    (IN_CLOSE_WRITE|IN_MOVED_TO|IN_MOVED_FROM|IN_CREATE|IN_DELETE|IN_ATTRIB   \
     |IN_DELETE_SELF|IN_MOVE_SELF|IN_ONLYDIR)


static void ngx_http_kerberos_open_watch(ngx_http_kerberos_main_conf_t *kmcf);
static void ngx_http_kerberos_watch_handler(ngx_event_t *rev);
static void ngx_http_kerberos_quiet_handler(ngx_event_t *ev);
static void ngx_http_kerberos_watch_folder(int fd, u_char *path);


/* called by the leader, some times a second */

void
ngx_http_kerberos_watch_registry(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    if (kmcf->registries == NULL) {
        return;
    }

    if (!leader->leading) {
        leader->leading = 1;
        ngx_http_kerberos_open_watch(kmcf);
    }

    if (!leader->quiet.timer_set) {
        ngx_http_kerberos_look(kmcf);
    }
}


void
ngx_http_kerberos_ignore_registry(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    leader->leading = 0;

    if (leader->quiet.timer_set) {
        ngx_del_timer(&leader->quiet);
    }

    /* the thread uses it */

    if (leader->watch && !leader->work.busy) {
        ngx_close_connection(leader->watch);
        leader->watch = NULL;
    }
}


/* without it, the looks are left */

static void
ngx_http_kerberos_open_watch(ngx_http_kerberos_main_conf_t *kmcf)
{
    int                          fd;
    ngx_log_t                   *log;
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;
    log = kmcf->cycle->log;

    ngx_http_kerberos_set_event(&leader->quiet, &leader->connection, kmcf,
                                ngx_http_kerberos_quiet_handler);
    leader->quiet.log = log;
    leader->quiet.cancelable = 1;

    if (leader->watch) {
        return;
    }

    fd = inotify_init1(IN_NONBLOCK|IN_CLOEXEC);

    if (fd == -1) {
        ngx_log_error(NGX_LOG_NOTICE, log, ngx_errno,
                      "inotify_init1() failed, the registry is looked at "
                      "from time to time");
        return;
    }

    leader->watch = ngx_http_kerberos_listen(fd,
                                 ngx_http_kerberos_watch_handler, kmcf, log);

    if (leader->watch == NULL) {
        (void) close(fd);
    }
}


static void
ngx_http_kerberos_watch_handler(ngx_event_t *rev)
{
    u_char                          buf[4096];
    ssize_t                         n;
    ngx_uint_t                      any;
    ngx_msec_t                      waited;
    ngx_connection_t               *c;
    ngx_http_kerberos_leader_t     *leader;
    ngx_http_kerberos_main_conf_t  *kmcf;

    c = rev->data;
    kmcf = c->data;
    leader = &kmcf->leader;

    any = 0;

    for ( ;; ) {
        n = read(c->fd, buf, sizeof(buf));

        if (n <= 0) {
            break;
        }

        any = 1;
    }

    if (!any || !leader->leading) {
        return;
    }

    leader->noticed = 1;

    if (!leader->quiet.timer_set) {
        leader->since = ngx_current_msec;

    } else {
        waited = ngx_current_msec - leader->since;

        if (waited + NGX_HTTP_KERBEROS_QUIET > NGX_HTTP_KERBEROS_PATIENCE) {
            return;
        }

        ngx_del_timer(&leader->quiet);
    }

    ngx_add_timer(&leader->quiet, NGX_HTTP_KERBEROS_QUIET);
}


static void
ngx_http_kerberos_quiet_handler(ngx_event_t *ev)
{
    ngx_connection_t  *c;

    c = ev->data;

    ngx_http_kerberos_look(c->data);
}


/*
 * In the thread: a folder may hang.  One that is watched already costs
 * nothing, one that was made anew is watched again.  Files that are links
 * change where they point to, and there too.
 */

void
ngx_http_kerberos_watch_folders(int fd, ngx_array_t *registries)
{
    u_char       path[NGX_MAX_PATH + 1], real[PATH_MAX + 1];
    ngx_str_t   *name;
    ngx_uint_t   i;

    name = registries->elts;

    for (i = 0; i < registries->nelts; i++) {

        if (name[i].len >= NGX_MAX_PATH || name[i].data[0] != '/') {
            continue;
        }

        ngx_memcpy(path, name[i].data, name[i].len);
        path[name[i].len] = '\0';

        if (realpath((char *) path, (char *) real)) {
            ngx_http_kerberos_watch_folder(fd, real);
        }

        ngx_http_kerberos_watch_folder(fd, path);
    }
}


static void
ngx_http_kerberos_watch_folder(int fd, u_char *path)
{
    char  *slash;

    slash = strrchr((char *) path, '/');

    slash[slash == (char *) path] = '\0';

    (void) inotify_add_watch(fd, (char *) path, NGX_HTTP_KERBEROS_EVENTS);
}
