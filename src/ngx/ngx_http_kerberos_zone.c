
/* SPDX-License-Identifier: MIT
 *
 * The shared memory: built where a configuration is loaded, put in force when
 * nothing can fail any more, attached to where a worker starts.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_registry.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


#define NGX_HTTP_KERBEROS_WATCH  1000


static ngx_int_t ngx_http_kerberos_init_zone(ngx_shm_zone_t *shm_zone,
    void *data);
static ngx_int_t ngx_http_kerberos_check_size(ngx_shm_zone_t *shm_zone);
static void ngx_http_kerberos_leave_cycle(ngx_cycle_t *cycle);
static ngx_int_t ngx_http_kerberos_attach(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf);
static void ngx_http_kerberos_watch(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf);
static void ngx_http_kerberos_log_orphan(void *context, kerberos_text line,
    int warning);
static void ngx_http_kerberos_watch_handler(ngx_event_t *ev);
static ngx_http_kerberos_main_conf_t *ngx_http_kerberos_cycle_conf(
    ngx_cycle_t *cycle);
static void *ngx_http_kerberos_allocate(void *data, size_t size);
static void ngx_http_kerberos_release(void *data, void *block);
static int ngx_http_kerberos_process_exists(int64_t pid);


ngx_int_t
ngx_http_kerberos_add_zone(ngx_conf_t *cf, ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_str_t  name;

    ngx_str_set(&name, "kerberos");

    kmcf->shm_zone = ngx_shared_memory_add(cf, &name, kmcf->zone_size,
                                           &ngx_http_kerberos_module);
    if (kmcf->shm_zone == NULL) {
        return NGX_ERROR;
    }

    kmcf->shm_zone->init = ngx_http_kerberos_init_zone;
    kmcf->shm_zone->data = kmcf;

    return NGX_OK;
}


/*
 * At a reload this runs while the old workers still serve from the same
 * memory, and the reload may yet fail: build beside what there is, and touch
 * nothing of it
 */

static ngx_int_t
ngx_http_kerberos_init_zone(ngx_shm_zone_t *shm_zone, void *data)
{
    ngx_http_kerberos_main_conf_t  *kmcf = shm_zone->data;

    void             *header;
    ngx_time_t       *tp;
    ngx_slab_pool_t  *shpool;
    kerberos_result   result;
    kerberos_memory   memory;

    if (ngx_http_kerberos_check_size(shm_zone) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool = (ngx_slab_pool_t *) shm_zone->shm.addr;

    /* we tell what is missing, and how much of it */
    shpool->log_nomem = 0;

    memory.base = shpool;
    memory.size = shm_zone->shm.size;
    memory.context = shpool;
    memory.allocate = ngx_http_kerberos_allocate;
    memory.release = ngx_http_kerberos_release;

    tp = ngx_timeofday();
    kmcf->edition.unix_ms = (int64_t) tp->sec * 1000 + tp->msec;

    header = data ? shpool->data : NULL;

    ngx_shmtx_lock(&shpool->mutex);

    result = kerberos_zone_open(&memory, &header, &kmcf->zone);

    if (result == KERBEROS_OK) {
        shpool->data = header;

        if (data == NULL) {
            ngx_http_kerberos_restore_names(kmcf, shm_zone->shm.log);
        }

        result = kerberos_zone_build(kmcf->zone, kmcf->config, &kmcf->edition,
                                     ngx_http_kerberos_process_exists,
                                     ngx_current_msec, &kmcf->lineage);
    }

    if (result == KERBEROS_OK && data == NULL) {
        ngx_http_kerberos_restore_breakers(kmcf, shm_zone->shm.log);
    }

    ngx_shmtx_unlock(&shpool->mutex);

    switch (result) {

    case KERBEROS_OK:
        return NGX_OK;

    case KERBEROS_REFUSED:
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" was laid out by another version of the "
                      "module: a restart is needed", &shm_zone->shm.name);
        break;

    case KERBEROS_NO_MEMORY:
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\" is too small: no memory for %uz peers in "
                      "%uz services beside those in use",
                      &shm_zone->shm.name,
                      kerberos_config_peers(kmcf->config),
                      kerberos_config_services(kmcf->config));
        break;

    default:
        ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                      "zone \"%V\": internal fault", &shm_zone->shm.name);
    }

    return NGX_ERROR;
}


static ngx_int_t
ngx_http_kerberos_check_size(ngx_shm_zone_t *shm_zone)
{
    ngx_http_kerberos_main_conf_t  *kmcf = shm_zone->data;

    size_t            needed;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(kmcf->cycle->conf_ctx,
                                           ngx_core_module);

    /* the workers of two configurations live side by side at a reload */

    needed = kerberos_config_bytes(kmcf->config, 2 * ccf->worker_processes);

    if (needed <= shm_zone->shm.size) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, shm_zone->shm.log, 0,
                  "zone \"%V\" of %uzk is too small: %uz peers in %uz services "
                  "need \"kerberos_zone %uzk\"",
                  &shm_zone->shm.name, shm_zone->shm.size / 1024,
                  kerberos_config_peers(kmcf->config),
                  kerberos_config_services(kmcf->config),
                  (needed + 1023) / 1024);

    return NGX_ERROR;
}


/* reached only when a configuration can no longer fail */

ngx_int_t
ngx_http_kerberos_init_module(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t                *shpool;
    ngx_core_conf_t                *ccf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_kerberos_cycle_conf(cycle);

    if (kmcf == NULL || kmcf->zone == NULL || ngx_test_config) {
        return NGX_OK;
    }

    if (ngx_http_kerberos_find_cached(cycle, kmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    kerberos_zone_publish(kmcf->zone, kmcf->lineage);
    ngx_shmtx_unlock(&shpool->mutex);

    ngx_http_kerberos_end_start(kmcf, cycle->log);

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    /*
     * without a master, a reload starts no process; the first start does,
     * after it has become a daemon, with another pid
     */

    if (!ccf->master && !ngx_is_init_cycle(cycle->old_cycle)) {
        ngx_http_kerberos_leave_cycle(cycle->old_cycle);
        (void) ngx_http_kerberos_attach(cycle, kmcf);
    }

    return NGX_OK;
}


/*
 * What the process kept is counted in the place that it is about to take anew.
 * The configuration before may not have had us, or another copy of us.
 */

static void
ngx_http_kerberos_leave_cycle(ngx_cycle_t *cycle)
{
    ngx_uint_t                      m;
    ngx_http_kerberos_main_conf_t  *kmcf;

    for (m = 0; cycle->modules[m]; m++) {

        if (cycle->modules[m] != &ngx_http_kerberos_module) {
            continue;
        }

        kmcf = ngx_http_kerberos_cycle_conf(cycle);

        if (kmcf) {
            ngx_http_kerberos_free_leader(kmcf);
            ngx_http_kerberos_free_store(kmcf);
        }
    }
}


/* NGX_ERROR would keep the worker from ever starting again */

ngx_int_t
ngx_http_kerberos_init_process(ngx_cycle_t *cycle)
{
    ngx_http_kerberos_main_conf_t  *kmcf;

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;
    }

    kmcf = ngx_http_kerberos_cycle_conf(cycle);

    if (kmcf && kmcf->zone) {
        (void) ngx_http_kerberos_attach(cycle, kmcf);
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_attach(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    uint64_t          seed;
    ngx_slab_pool_t  *shpool;
    kerberos_result   result;

    seed = ((uint64_t) ngx_random() << 32) ^ ngx_random() ^ ngx_pid;

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);

    result = kerberos_attach(kmcf->zone, ngx_process_slot, ngx_pid,
                             kmcf->lineage, seed, &kmcf->process);

    ngx_shmtx_unlock(&shpool->mutex);

    if (result != KERBEROS_OK) {
        kmcf->process = NULL;
        ngx_log_error(NGX_LOG_ERR, cycle->log, 0,
                      "no memory in zone \"%V\" for this process: upstream "
                      "blocks are balanced without breakers",
                      &kmcf->shm_zone->shm.name);
        return NGX_ERROR;
    }

    ngx_http_kerberos_watch(cycle, kmcf);

    if (ngx_http_kerberos_init_store(kmcf) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_kerberos_init_leader(kmcf);

    return NGX_OK;
}


/* whatever the worker keeps of peers that are no more goes with them */

void
ngx_http_kerberos_adopt(ngx_http_kerberos_main_conf_t *kmcf)
{
    if (!kerberos_adopt(kmcf->process)) {
        return;
    }

    if (kmcf->store) {
        ngx_http_kerberos_sweep_all(kmcf->store);
    }

    ngx_http_kerberos_sweep_sessions(kmcf);

#if (NGX_HTTP_SSL)
    ngx_http_kerberos_sweep_trusts(kmcf);
#endif
}


/*
 * A killed worker is started again in its slot at once, and that gives back
 * what it held.  One that was leaving after a reload is not: somebody has to
 * look.
 */

static void
ngx_http_kerberos_watch(ngx_cycle_t *cycle,
    ngx_http_kerberos_main_conf_t *kmcf)
{
    /* debug logs read the descriptor of whatever an event belongs to */

    kmcf->watch_connection.fd = (ngx_socket_t) -1;
    kmcf->watch_connection.data = kmcf;

    kmcf->watch.handler = ngx_http_kerberos_watch_handler;
    kmcf->watch.data = &kmcf->watch_connection;
    kmcf->watch.log = cycle->log;
    kmcf->watch.cancelable = 1;

    ngx_add_timer(&kmcf->watch, NGX_HTTP_KERBEROS_WATCH);
}


static void
ngx_http_kerberos_watch_handler(ngx_event_t *ev)
{
    ngx_connection_t               *c;
    ngx_slab_pool_t                *shpool;
    ngx_http_kerberos_main_conf_t  *kmcf;

    c = ev->data;
    kmcf = c->data;

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_http_kerberos_adopt(kmcf);

    if (ngx_shmtx_trylock(&shpool->mutex)) {
        kerberos_bury(kmcf->process, ngx_http_kerberos_process_exists);
        kerberos_zone_sweep(kmcf->zone, ngx_current_msec);
        ngx_shmtx_unlock(&shpool->mutex);
    }

    kerberos_tell_orphans(kmcf->process, ngx_http_kerberos_log_orphan, ev->log);

    if (kmcf->store) {
        ngx_http_kerberos_sweep(kmcf->store);
    }

    ngx_add_timer(ev, NGX_HTTP_KERBEROS_WATCH);
}


static void
ngx_http_kerberos_log_orphan(void *context, kerberos_text line, int warning)
{
    ngx_log_t  *log = context;

    ngx_uint_t  level;

    level = warning ? NGX_LOG_WARN : NGX_LOG_NOTICE;

    ngx_log_error(level, log, 0, "%*s", line.len, line.data);
}


void
ngx_http_kerberos_exit_process(ngx_cycle_t *cycle)
{
    ngx_slab_pool_t                *shpool;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_kerberos_cycle_conf(cycle);

    if (kmcf == NULL || kmcf->process == NULL) {
        return;
    }

    ngx_http_kerberos_free_leader(kmcf);
    ngx_http_kerberos_free_store(kmcf);

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    kerberos_detach(kmcf->process);
    ngx_shmtx_unlock(&shpool->mutex);
}


static ngx_http_kerberos_main_conf_t *
ngx_http_kerberos_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_http_conf_ctx_t  *ctx;

    /* there may be no http block */

    ctx = (ngx_http_conf_ctx_t *) ngx_get_conf(cycle->conf_ctx,
                                               ngx_http_module);

    return ctx ? ctx->main_conf[ngx_http_kerberos_module.ctx_index] : NULL;
}


static void *
ngx_http_kerberos_allocate(void *data, size_t size)
{
    return ngx_slab_alloc_locked(data, size);
}


static void
ngx_http_kerberos_release(void *data, void *block)
{
    ngx_slab_free_locked(data, block);
}


static int
ngx_http_kerberos_process_exists(int64_t pid)
{
    return kill((pid_t) pid, 0) == 0 || ngx_errno == NGX_EPERM;
}
