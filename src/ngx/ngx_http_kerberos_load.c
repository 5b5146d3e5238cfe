
/* SPDX-License-Identifier: MIT
 *
 * Taking over a registry that has changed: a thread of the leader reads it,
 * builds a generation beside the one in force, and puts it in force whole, or
 * not at all.
 */

#include "ngx/ngx_http_kerberos_load.h"


static ngx_int_t ngx_http_kerberos_read_anew(ngx_http_kerberos_load_t *load);
static ngx_uint_t ngx_http_kerberos_wants_config(
    ngx_http_kerberos_load_t *load);
static ngx_int_t ngx_http_kerberos_put_in_force(ngx_http_kerberos_load_t *load,
    kerberos_config *config);
static void ngx_http_kerberos_tell_short(ngx_http_kerberos_load_t *load);
static void ngx_http_kerberos_add_line(void *context, kerberos_text line);
static void ngx_http_kerberos_add_name(void *context, kerberos_text name);
static ngx_msec_t ngx_http_kerberos_lap(ngx_msec_t *since);


void
ngx_http_kerberos_load(void *data)
{
    ngx_http_kerberos_load_t *load = data;

    ngx_http_kerberos_leader_t  *leader;

    leader = &load->kmcf->leader;

    load->pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, &load->log);

    if (load->pool == NULL
        || ngx_array_init(&load->lines, load->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&load->names, load->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return;
    }

    if (leader->watch) {
        ngx_http_kerberos_watch_folders(leader->watch->fd,
                                        load->kmcf->registries);
    }

    if (!ngx_http_kerberos_look_new(load->kmcf, load->noticed,
                                    load->edition.unix_ms))
    {
        return;
    }

    if (ngx_http_kerberos_read_anew(load) == NGX_ERROR
        && ngx_http_kerberos_refuse(load->kmcf, &load->edition, &load->lines))
    {
        load->end = NGX_HTTP_KERBEROS_REFUSED;
    }

    if (load->end == NGX_HTTP_KERBEROS_SHORT) {
        ngx_http_kerberos_tell_short(load);
    }
}


/* what is refused is the lack, not the text: that is tried again */

static void
ngx_http_kerberos_tell_short(ngx_http_kerberos_load_t *load)
{
    u_char             text[256];
    kerberos_text      line;
    ngx_shm_zone_t    *zone;
    kerberos_edition   edition;

    zone = load->kmcf->shm_zone;

    line.data = (char *) text;
    line.len = ngx_snprintf(text, sizeof(text),
                            "zone \"%V\" of %uzk has no memory for %uz peers "
                            "in %uz services beside those in use: registry "
                            "not taken over, trying again",
                            &zone->shm.name, zone->shm.size / 1024,
                            load->peers, load->services)
               - text;

    ngx_http_kerberos_add_line(load, line);

    edition = load->edition;
    ngx_memzero(edition.digest, sizeof(edition.digest));

    load->told = ngx_http_kerberos_refuse(load->kmcf, &edition, &load->lines);
}


/* NGX_DECLINED: there is nothing to do */

static ngx_int_t
ngx_http_kerberos_read_anew(ngx_http_kerberos_load_t *load)
{
    ngx_int_t                       rc;
    ngx_msec_t                      lap;
    ngx_array_t                     sources;
    kerberos_known                  known;
    kerberos_config                *config;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = load->kmcf;
    lap = 0;

    if (ngx_array_init(&sources, load->pool, 4, sizeof(kerberos_source))
        != NGX_OK)
    {
        return NGX_DECLINED;
    }

    rc = ngx_http_kerberos_gather(load->pool, kmcf, &sources,
                                  ngx_http_kerberos_add_line, load);

    if (rc == NGX_BUSY) {
        /* the next look will find it done */
        ngx_memzero(kmcf->leader.read, sizeof(kmcf->leader.read));
        return NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_kerberos_digest_sources(&load->edition, &sources);

    if (!ngx_http_kerberos_lock_zone(kmcf)) {
        return NGX_DECLINED;
    }

    known = kerberos_zone_knows(kmcf->zone, kmcf->lineage, &load->edition);
    ngx_http_kerberos_unlock_zone(kmcf);

    if (known == KERBEROS_REPAIRED) {
        load->end = NGX_HTTP_KERBEROS_REPAIRED;
    }

    if (known != KERBEROS_NEW
        && (known == KERBEROS_SUPERSEDED
            || known == KERBEROS_REFUSED_BEFORE
            || !ngx_http_kerberos_wants_config(load)))
    {
        return NGX_DECLINED;
    }

    config = kerberos_config_renew(kmcf->config);
    if (config == NULL) {
        return NGX_DECLINED;
    }

    (void) ngx_http_kerberos_lap(&lap);

    rc = ngx_http_kerberos_read_sources(load->pool, kmcf, config, &sources,
                                        ngx_http_kerberos_add_line, load);

    load->read = ngx_http_kerberos_lap(&lap);

    if (rc == NGX_OK && known == KERBEROS_NEW) {
        rc = ngx_http_kerberos_put_in_force(load, config);
        load->built = ngx_http_kerberos_lap(&lap);

    } else if (rc == NGX_OK && load->end == NGX_HTTP_KERBEROS_UNCHANGED) {
        load->end = NGX_HTTP_KERBEROS_KEPT;
    }

    if (load->end == NGX_HTTP_KERBEROS_TAKEN && kmcf->state) {
        load->save = ngx_http_kerberos_begin_archive(kmcf->state, &sources,
                                                     &load->log);
        if (load->save) {
            (void) ngx_http_kerberos_write(load->save);
        }
    }

    if (rc != NGX_ERROR
        && (load->end == NGX_HTTP_KERBEROS_TAKEN || known != KERBEROS_NEW)
        && kerberos_config_follows(config))
    {
        load->config = config;

    } else {
        kerberos_config_destroy(config);
    }

    return rc;
}


/* names are followed by what this process has read, or began with */

static ngx_uint_t
ngx_http_kerberos_wants_config(ngx_http_kerberos_load_t *load)
{
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = load->kmcf;

    return kmcf->resolver && kmcf->leader.config == NULL
           && ngx_memcmp(kmcf->edition.digest, load->edition.digest,
                         sizeof(load->edition.digest))
              != 0;
}


static ngx_int_t
ngx_http_kerberos_put_in_force(ngx_http_kerberos_load_t *load,
    kerberos_config *config)
{
    size_t                          before, after;
    u_char                          text[256];
    ngx_uint_t                      shrinks;
    kerberos_text                   line;
    kerberos_result                 result;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = load->kmcf;
    result = KERBEROS_REFUSED;

    if (!ngx_http_kerberos_lock_zone(kmcf)) {
        return NGX_DECLINED;
    }

    if (!kerberos_leads(kmcf->process)) {
        /* who leads now has read later than we did */
        ngx_http_kerberos_unlock_zone(kmcf);
        ngx_memzero(kmcf->leader.read, sizeof(kmcf->leader.read));
        return NGX_DECLINED;
    }

    (void) kerberos_zone_unheard(kmcf->zone, config, ngx_current_msec,
                                 ngx_http_kerberos_add_name, load);

    if (load->names.nelts) {
        ngx_http_kerberos_unlock_zone(kmcf);
        load->end = NGX_HTTP_KERBEROS_AWAITING;
        return NGX_DECLINED;
    }

    shrinks = kerberos_zone_shrinks(kmcf->zone, config, &before, &after);

    if (!shrinks) {
        result = kerberos_zone_change(kmcf->zone, config, kmcf->lineage,
                                      &load->edition, ngx_current_msec,
                                      &load->generation);
    }

    ngx_http_kerberos_unlock_zone(kmcf);

    if (shrinks) {
        line.data = (char *) text;
        line.len = ngx_snprintf(text, sizeof(text),
                                "only %uz of %uz peers are left: is a file "
                                "cut off? (\"allow_shrink: true\" in it says "
                                "that this is meant)", after, before)
                   - text;

        ngx_http_kerberos_add_line(load, line);
        return NGX_ERROR;
    }

    load->services = kerberos_config_services(config);
    load->peers = kerberos_config_peers(config);

    switch (result) {

    case KERBEROS_OK:
        load->end = NGX_HTTP_KERBEROS_TAKEN;
        break;

    case KERBEROS_NO_MEMORY:
        load->end = NGX_HTTP_KERBEROS_SHORT;
        break;

    default:
        /* another configuration came between */
        break;
    }

    return NGX_DECLINED;
}


static void
ngx_http_kerberos_add_line(void *context, kerberos_text line)
{
    ngx_http_kerberos_load_t *load = context;

    ngx_http_kerberos_push_text(&load->lines, line);
}


static void
ngx_http_kerberos_add_name(void *context, kerberos_text name)
{
    ngx_http_kerberos_load_t *load = context;

    ngx_http_kerberos_push_text(&load->names, name);
}


/* the ms since the last lap: a thread has no time of the event loop's */

static ngx_msec_t
ngx_http_kerberos_lap(ngx_msec_t *since)
{
    ngx_msec_t       now, took;
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    now = (ngx_msec_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
    took = now - *since;
    *since = now;

    return took;
}
