
/* SPDX-License-Identifier: MIT
 *
 * The last registry that was good: kept where one is taken over, and served
 * where nginx starts while somebody is editing the files.
 */

#include "ngx/ngx_http_kerberos_registry.h"



static kerberos_archive *ngx_http_kerberos_open_archive(ngx_conf_t *cf,
    ngx_http_kerberos_state_t *state);
static ngx_int_t ngx_http_kerberos_read_archive(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool,
    kerberos_archive *archive);
static ngx_int_t ngx_http_kerberos_note_problems(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_problems_t *problems, ngx_uint_t unread);


/* whoever tests a configuration, or reloads it, has to hear that it is bad */

ngx_uint_t
ngx_http_kerberos_is_start(ngx_conf_t *cf)
{
    return !ngx_test_config && ngx_process != NGX_PROCESS_SIGNALLER
           && ngx_is_init_cycle(cf->cycle->old_cycle);
}


/* better the services of yesterday than none */

ngx_int_t
ngx_http_kerberos_read_last_good(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool,
    ngx_http_kerberos_problems_t *problems, ngx_uint_t unread)
{
    ngx_int_t          rc;
    kerberos_archive  *archive;

    if (ngx_http_kerberos_note_problems(cf, kmcf, problems, unread)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    archive = ngx_http_kerberos_open_archive(cf, kmcf->state);

    if (archive == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "the registry is bad");
        return NGX_ERROR;
    }

    rc = ngx_http_kerberos_read_archive(cf, kmcf, pool, archive);

    kerberos_archive_free(archive);

    if (rc == NGX_OK) {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "the registry is bad: starting with the last good one, "
                      "\"%V\"", &kmcf->state->registry);
    }

    return rc;
}


/* NULL: there is none, and why not has been told */

static kerberos_archive *
ngx_http_kerberos_open_archive(ngx_conf_t *cf,
    ngx_http_kerberos_state_t *state)
{
    char               problem[128];
    ngx_int_t          rc;
    ngx_str_t          text;
    kerberos_text      saved;
    kerberos_result    result;
    kerberos_archive  *archive;

    rc = ngx_http_kerberos_read_whole(&state->registry, &text, cf->log);

    if (rc != NGX_OK) {

        if (rc == NGX_DECLINED) {
            ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                          "there is no last good registry \"%V\"",
                          &state->registry);
        }

        return NULL;
    }

    saved.data = (char *) text.data;
    saved.len = text.len;

    archive = NULL;

    result = kerberos_restore_sources(saved, &archive, problem,
                                      sizeof(problem));

    ngx_free(text.data);

    if (result != KERBEROS_OK) {
        ngx_log_error(NGX_LOG_ERR, cf->log, 0,
                      "there is no last good registry: \"%V\" %s",
                      &state->registry,
                      result == KERBEROS_REFUSED ? problem : "needs memory");
        return NULL;
    }

    return archive;
}


static ngx_int_t
ngx_http_kerberos_read_archive(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf, ngx_pool_t *pool,
    kerberos_archive *archive)
{
    size_t                         i, n;
    ngx_array_t                    sources;
    kerberos_config               *config;
    kerberos_source               *source;
    ngx_http_kerberos_problems_t   problems;

    n = kerberos_archive_sources(archive);

    problems.cf = cf;
    problems.level = NGX_LOG_EMERG;

    if (ngx_array_init(&problems.lines, pool, 4, sizeof(ngx_str_t)) != NGX_OK
        || ngx_array_init(&sources, pool, n + 1, sizeof(kerberos_source))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        source = ngx_array_push(&sources);
        if (source == NULL) {
            return NGX_ERROR;
        }

        *source = kerberos_archive_source(archive, i);
    }

    /* some of what is bad may have been added before it was found to be so */

    config = kerberos_config_renew(kmcf->config);
    if (config == NULL) {
        return NGX_ERROR;
    }

    kerberos_config_destroy(kmcf->config);
    kmcf->config = config;

    ngx_http_kerberos_digest_sources(&kmcf->edition, &sources);

    return ngx_http_kerberos_read_sources(pool, kmcf, kmcf->config, &sources,
                                          ngx_http_kerberos_log_message,
                                          &problems);
}


/*
 * For the status, and so that the leader does not tell them again.  Of what
 * could not be read, it knows the lines that say so and nothing else
 */

static ngx_int_t
ngx_http_kerberos_note_problems(ngx_conf_t *cf,
    ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_problems_t *problems, ngx_uint_t unread)
{
    ngx_str_t                   text;
    ngx_http_kerberos_state_t  *state;

    state = kmcf->state;
    state->bad = kmcf->edition;

    if (unread) {

        if (ngx_http_kerberos_join_lines(cf->pool, &problems->lines, unread,
                                         &text)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        ngx_http_kerberos_digest_lines(&state->bad, &text);
    }

    return ngx_http_kerberos_join_lines(cf->pool, &problems->lines,
                                        problems->lines.nelts,
                                        &state->problems);
}


/* where nothing can fail any more: the configuration is in force */

void
ngx_http_kerberos_end_start(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log)
{
    ngx_time_t                 *tp;
    kerberos_text               text;
    ngx_slab_pool_t            *shpool;
    ngx_http_kerberos_state_t  *state;

    state = kmcf->state;

    if (state == NULL) {
        return;
    }

    if (state->sources) {
        (void) ngx_http_kerberos_write(state->sources);
        ngx_http_kerberos_end_archive(state, state->sources, log);
        state->sources = NULL;
    }

    if (state->problems.len == 0) {
        return;
    }

    tp = ngx_timeofday();

    state->bad.unix_ms = (int64_t) tp->sec * 1000 + tp->msec;

    text.data = (char *) state->problems.data;
    text.len = state->problems.len;

    shpool = (ngx_slab_pool_t *) kmcf->shm_zone->shm.addr;

    ngx_shmtx_lock(&shpool->mutex);
    kerberos_zone_refuse(kmcf->zone, &state->bad, text);
    ngx_shmtx_unlock(&shpool->mutex);
}


/* NULL: it cannot be kept */

ngx_http_kerberos_save_t *
ngx_http_kerberos_begin_archive(ngx_http_kerberos_state_t *state,
    ngx_array_t *sources, ngx_log_t *log)
{
    kerberos_result     result;
    kerberos_document  *document;

    result = kerberos_save_sources(sources->elts, sources->nelts, &document);

    if (result != KERBEROS_OK) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "the registry is not kept in \"%V\": %s",
                      &state->registry,
                      result == KERBEROS_REFUSED ? "it is no UTF-8"
                                                 : "no memory");
        return NULL;
    }

    return ngx_http_kerberos_create_save(document, &state->folder,
                                         &state->registry, log);
}


void
ngx_http_kerberos_end_archive(ngx_http_kerberos_state_t *state,
    ngx_http_kerberos_save_t *save, ngx_log_t *log)
{
    if (save->failed) {
        ngx_log_error(NGX_LOG_ERR, log, save->err,
                      "the registry is not kept: %s of \"%s\" failed",
                      save->failed, save->file);
    }

    ngx_http_kerberos_free_save(save);
}
