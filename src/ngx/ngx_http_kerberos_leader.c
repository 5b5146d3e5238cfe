
/* SPDX-License-Identifier: MIT
 *
 * What one worker does for all: it watches the registry, and keeps the state.
 */

#include "ngx/ngx_http_kerberos_names.h"
#include "ngx/ngx_http_kerberos_registry.h"


#define NGX_HTTP_KERBEROS_LEADER_TICK  250


static void ngx_http_kerberos_leader_handler(ngx_event_t *ev);
static void ngx_http_kerberos_stop_leading(
    ngx_http_kerberos_main_conf_t *kmcf);
static void ngx_http_kerberos_retire_leader(
    ngx_http_kerberos_main_conf_t *kmcf);


void
ngx_http_kerberos_init_leader(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    leader->kmcf = kmcf;

    if (kmcf->registries == NULL && kmcf->state == NULL) {
        return;
    }

    ngx_http_kerberos_set_event(&leader->tick, &leader->connection, kmcf,
                                ngx_http_kerberos_leader_handler);
    leader->tick.log = kmcf->cycle->log;
    leader->tick.cancelable = 1;

    /* the first looks at once whether anything changed while it started */

    ngx_add_timer(&leader->tick, 1);
}


static void
ngx_http_kerberos_leader_handler(ngx_event_t *ev)
{
    ngx_connection_t               *c;
    ngx_http_kerberos_main_conf_t  *kmcf;

    c = ev->data;
    kmcf = c->data;

    /* after a reload without a master nginx opens no connection any more */

    if (ngx_cycle->connections == NULL) {
        ngx_log_error(NGX_LOG_NOTICE, ev->log, 0,
                      "reloaded without a master: the registry is not watched "
                      "and no state is kept until nginx is restarted");

        ngx_http_kerberos_leave_names(kmcf);
        return;
    }

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        ngx_http_kerberos_retire_leader(kmcf);
        return;
    }

    if (kerberos_lead(kmcf->process, ngx_current_msec)) {
        ngx_http_kerberos_adopt(kmcf);
        ngx_http_kerberos_watch_registry(kmcf);
        ngx_http_kerberos_follow_names(kmcf);
        ngx_http_kerberos_keep_state(kmcf);

    } else {
        ngx_http_kerberos_stop_leading(kmcf);
    }

    ngx_add_timer(ev, NGX_HTTP_KERBEROS_LEADER_TICK);
}


static void
ngx_http_kerberos_stop_leading(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_ignore_registry(kmcf);
    ngx_http_kerberos_leave_names(kmcf);
}


/* a job of the leader's thread is done: there may be another to begin */

void
ngx_http_kerberos_end_job(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    if (!leader->leading) {
        ngx_http_kerberos_stop_leading(kmcf);
        return;
    }

    if (leader->noticed && !leader->quiet.timer_set) {
        ngx_http_kerberos_look(kmcf);
    }

    /* what could not be done now is tried at the next tick */

    if (!leader->names.unsettled) {
        ngx_http_kerberos_tell_news(kmcf);
    }
}


ngx_uint_t
ngx_http_kerberos_lock_zone(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_slab_pool_t  *shpool;

    if (!ngx_http_kerberos_enter(&kmcf->leader.work)) {
        return 0;
    }

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    return 1;
}


void
ngx_http_kerberos_unlock_zone(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_slab_pool_t  *shpool;

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_kerberos_leave(&kmcf->leader.work);
}


/* a log that a thread may use, for it tells nothing */

void
ngx_http_kerberos_silence(ngx_log_t *silent, ngx_log_t *log)
{
    *silent = *log;
    silent->log_level = NGX_LOG_STDERR;
    silent->next = NULL;
}


/* requests that drain wait for no disk: what is under way ends by itself */

static void
ngx_http_kerberos_retire_leader(ngx_http_kerberos_main_conf_t *kmcf)
{
    if (!kmcf->leader.work.busy) {
        ngx_http_kerberos_free_leader(kmcf);
        return;
    }

    ngx_http_kerberos_stop_leading(kmcf);
    kerberos_resign(kmcf->process);
}


void
ngx_http_kerberos_free_leader(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    if (leader->kmcf == NULL) {
        return;
    }

    ngx_http_kerberos_stop_leading(kmcf);
    ngx_http_kerberos_close_work(&leader->work);

    if (leader->config) {
        kerberos_config_destroy(leader->config);
        leader->config = NULL;
    }

    ngx_http_kerberos_leave_state(kmcf);

    if (leader->tick.timer_set) {
        ngx_del_timer(&leader->tick);
    }

    if (kmcf->process) {
        kerberos_resign(kmcf->process);
    }

    leader->kmcf = NULL;
}
