
/* SPDX-License-Identifier: MIT
 *
 * What names stand for now, learnt in the leader's thread: it keeps the
 * answers in the zone, and builds a generation where addresses have changed.
 */

#include "ngx/ngx_http_kerberos_names.h"
#include "ngx/ngx_http_kerberos_registry.h"


/* a job of the thread */

typedef struct {
    ngx_http_kerberos_main_conf_t   *kmcf;
    ngx_pool_t                      *pool;
    ngx_log_t                        log;            /* silent */
    kerberos_hearing                *hearings;
    ngx_uint_t                       nhearings;
    ngx_uint_t                      *news;           /* their numbers */
    ngx_array_t                      lines;
    ngx_uint_t                       due;            /* a generation */
    kerberos_result                  learnt;
    kerberos_result                  refreshed;      /* if it was due */
    ngx_http_kerberos_save_t        *save;           /* NULL: not kept */
} ngx_http_kerberos_lesson_t;


typedef struct {
    ngx_uint_t                       level;
    ngx_str_t                        text;
} ngx_http_kerberos_lesson_line_t;


static ngx_http_kerberos_lesson_t *ngx_http_kerberos_create_lesson(
    ngx_http_kerberos_main_conf_t *kmcf);
static ngx_int_t ngx_http_kerberos_take_news(
    ngx_http_kerberos_lesson_t *lesson);
static void ngx_http_kerberos_learn(void *data);
static void ngx_http_kerberos_refresh(ngx_http_kerberos_lesson_t *lesson);
static void ngx_http_kerberos_add_lesson_line(void *context,
    kerberos_text line, int warning);
static void ngx_http_kerberos_end_lesson(void *data);
static void ngx_http_kerberos_end_refresh(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_result result);
static void ngx_http_kerberos_settle_news(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_lesson_t *lesson);


/* if the thread is at work, its end will see to it */

void
ngx_http_kerberos_tell_news(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t                 *q;
    ngx_uint_t                   n;
    ngx_http_kerberos_name_t    *name;
    ngx_http_kerberos_names_t   *names;
    ngx_http_kerberos_lesson_t  *lesson;

    names = &kmcf->leader.names;

    if (names->asked.next == NULL || kmcf->leader.work.busy) {
        return;
    }

    n = 0;

    for (q = ngx_queue_head(&names->asked);
         q != ngx_queue_sentinel(&names->asked);
         q = ngx_queue_next(q))
    {
        name = ngx_queue_data(q, ngx_http_kerberos_name_t, link);
        n += name->news != 0;
    }

    if (n == 0 && !names->due) {
        return;
    }

    lesson = ngx_http_kerberos_create_lesson(kmcf);
    if (lesson == NULL) {
        return;
    }

    lesson->nhearings = n;

    if (ngx_http_kerberos_take_news(lesson) != NGX_OK
        || ngx_http_kerberos_begin_work(&kmcf->leader.work,
                                        ngx_http_kerberos_learn,
                                        ngx_http_kerberos_end_lesson, lesson,
                                        kmcf->cycle->log)
           != NGX_OK)
    {
        ngx_destroy_pool(lesson->pool);
    }
}


static ngx_http_kerberos_lesson_t *
ngx_http_kerberos_create_lesson(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_pool_t                  *pool;
    ngx_http_kerberos_lesson_t  *lesson;

    pool = ngx_create_pool(NGX_DEFAULT_POOL_SIZE, kmcf->cycle->log);
    if (pool == NULL) {
        return NULL;
    }

    lesson = ngx_pcalloc(pool, sizeof(ngx_http_kerberos_lesson_t));

    if (lesson == NULL
        || ngx_array_init(&lesson->lines, pool, 4,
                          sizeof(ngx_http_kerberos_lesson_line_t))
           != NGX_OK)
    {
        ngx_destroy_pool(pool);
        return NULL;
    }

    lesson->kmcf = kmcf;
    lesson->pool = pool;
    ngx_http_kerberos_silence(&lesson->log, kmcf->cycle->log);
    pool->log = &lesson->log;

    return lesson;
}


/* copies: names go on while the thread learns */

static ngx_int_t
ngx_http_kerberos_take_news(ngx_http_kerberos_lesson_t *lesson)
{
    ngx_queue_t                *q;
    ngx_str_t                   copy;
    ngx_uint_t                  i, *news;
    kerberos_named             *addresses;
    kerberos_hearing           *hearing;
    ngx_sockaddr_t             *sockaddrs;
    ngx_http_kerberos_name_t   *name;
    ngx_http_kerberos_names_t  *names;

    names = &lesson->kmcf->leader.names;

    hearing = ngx_pcalloc(lesson->pool,
                          (lesson->nhearings + 1) * sizeof(kerberos_hearing));
    news = ngx_palloc(lesson->pool,
                      (lesson->nhearings + 1) * sizeof(ngx_uint_t));

    if (hearing == NULL || news == NULL) {
        return NGX_ERROR;
    }

    lesson->hearings = hearing;
    lesson->news = news;

    for (q = ngx_queue_head(&names->asked);
         q != ngx_queue_sentinel(&names->asked);
         q = ngx_queue_next(q))
    {
        name = ngx_queue_data(q, ngx_http_kerberos_name_t, link);

        if (!name->news) {
            continue;
        }

        copy.len = name->sn.str.len;
        copy.data = ngx_pstrdup(lesson->pool, &name->sn.str);

        sockaddrs = ngx_palloc(lesson->pool, (name->naddresses + 1)
                                             * sizeof(ngx_sockaddr_t));
        addresses = ngx_palloc(lesson->pool, (name->naddresses + 1)
                                             * sizeof(kerberos_named));

        if (copy.data == NULL || sockaddrs == NULL || addresses == NULL) {
            return NGX_ERROR;
        }

        for (i = 0; i < name->naddresses; i++) {
            sockaddrs[i] = name->sockaddrs[i];
            addresses[i] = name->addresses[i];
            addresses[i].sockaddr = &sockaddrs[i];
        }

        hearing->name.data = (char *) copy.data;
        hearing->name.len = copy.len;
        hearing->addresses = addresses;
        hearing->count = name->naddresses;
        hearing->error = name->error;
        hearing->partial = name->partial;
        hearing++;

        *news++ = name->news;
    }

    return NGX_OK;
}


/* in the thread */

static void
ngx_http_kerberos_learn(void *data)
{
    ngx_http_kerberos_lesson_t *lesson = data;

    int                             changed;
    kerberos_document              *document;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = lesson->kmcf;
    lesson->learnt = KERBEROS_FAULT;
    lesson->refreshed = KERBEROS_OK;

    if (!ngx_http_kerberos_lock_zone(kmcf)) {
        return;
    }

    if (!kerberos_leads(kmcf->process)) {
        /* who leads now has asked later than we did */
        ngx_http_kerberos_unlock_zone(kmcf);
        return;
    }

    lesson->learnt = kerberos_zone_learn(kmcf->zone, lesson->hearings,
                                         lesson->nhearings, ngx_current_msec,
                                         ngx_http_kerberos_add_lesson_line,
                                         lesson, &changed);

    lesson->due = kerberos_zone_stale(kmcf->zone);

    if (lesson->due) {
        ngx_http_kerberos_refresh(lesson);
    }

    document = NULL;

    if ((changed || lesson->due) && kmcf->state) {
        (void) kerberos_save_names(kmcf->zone, &document);
    }

    ngx_http_kerberos_unlock_zone(kmcf);

    if (document == NULL) {
        return;
    }

    lesson->save = ngx_http_kerberos_create_save(document,
                                                 &kmcf->state->folder,
                                                 &kmcf->state->names,
                                                 &lesson->log);
    if (lesson->save) {
        (void) ngx_http_kerberos_write(lesson->save);
    }
}


/*
 * By the configuration that this process has read itself; else by the one that
 * it began with, if that is what is in force.
 */

static void
ngx_http_kerberos_refresh(ngx_http_kerberos_lesson_t *lesson)
{
    uint64_t                        generation;
    kerberos_config                *config;
    kerberos_edition               *edition;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = lesson->kmcf;

    config = kmcf->leader.config ? kmcf->leader.config : kmcf->config;
    edition = kmcf->leader.config ? &kmcf->leader.edition : &kmcf->edition;

    lesson->refreshed = kerberos_zone_refresh(kmcf->zone, config,
                                              kmcf->lineage, edition,
                                              ngx_current_msec, &generation);
}


static void
ngx_http_kerberos_add_lesson_line(void *context, kerberos_text text,
    int warning)
{
    ngx_http_kerberos_lesson_t *lesson = context;

    ngx_http_kerberos_lesson_line_t  *line;

    line = ngx_array_push(&lesson->lines);

    if (line == NULL) {
        return;
    }

    line->level = warning ? NGX_LOG_WARN : NGX_LOG_NOTICE;

    if (ngx_http_kerberos_copy_text(lesson->pool, &line->text, text) != NGX_OK)
    {
        lesson->lines.nelts--;
    }
}


/* in the event loop again */

static void
ngx_http_kerberos_end_lesson(void *data)
{
    ngx_http_kerberos_lesson_t *lesson = data;

    ngx_log_t                        *log;
    ngx_uint_t                        i, lacks;
    ngx_http_kerberos_names_t        *names;
    ngx_http_kerberos_main_conf_t    *kmcf;
    ngx_http_kerberos_lesson_line_t  *line;

    kmcf = lesson->kmcf;
    names = &kmcf->leader.names;
    log = kmcf->cycle->log;
    line = lesson->lines.elts;

    for (i = 0; i < lesson->lines.nelts; i++) {
        ngx_log_error(line[i].level, log, 0, "%V", &line[i].text);
    }

    lacks = lesson->learnt == KERBEROS_NO_MEMORY
            || lesson->refreshed == KERBEROS_NO_MEMORY;

    if (lacks && !names->lacked) {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "zone \"%V\" of %uzk has no memory for what names stand "
                      "for now beside what is in use, trying again",
                      &kmcf->shm_zone->shm.name,
                      kmcf->shm_zone->shm.size / 1024);
    }

    names->lacked = lacks;

    if (lesson->save) {

        if (lesson->save->failed) {
            ngx_log_error(NGX_LOG_ERR, log, lesson->save->err,
                          "what names stand for is not kept: %s of \"%s\" "
                          "failed", lesson->save->failed, lesson->save->file);
        }

        ngx_http_kerberos_free_save(lesson->save);
    }

    names->unsettled = lesson->learnt != KERBEROS_OK;

    if (lesson->due) {
        ngx_http_kerberos_end_refresh(kmcf, lesson->refreshed);

    } else if (lesson->learnt == KERBEROS_OK) {
        names->due = 0;
    }

    if (lesson->learnt == KERBEROS_OK) {
        ngx_http_kerberos_settle_news(kmcf, lesson);
    }

    ngx_destroy_pool(lesson->pool);

    ngx_http_kerberos_end_job(kmcf);
}


static void
ngx_http_kerberos_end_refresh(ngx_http_kerberos_main_conf_t *kmcf,
    kerberos_result result)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;
    leader->names.due = 0;

    switch (result) {

    case KERBEROS_OK:
        ngx_http_kerberos_adopt(kmcf);
        break;

    case KERBEROS_REFUSED:

        /* somebody else has taken over a registry: it has to be read here */

        if (leader->config) {
            kerberos_config_destroy(leader->config);
            leader->config = NULL;
        }

        leader->noticed = 1;
        break;

    default:
        leader->names.due = 1;
        leader->names.unsettled = 1;
        break;
    }
}


/* what was learnt is no news any more, unless there are others since */

static void
ngx_http_kerberos_settle_news(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_http_kerberos_lesson_t *lesson)
{
    ngx_str_t                   key;
    ngx_uint_t                  i;
    ngx_http_kerberos_name_t   *name;
    ngx_http_kerberos_names_t  *names;

    names = &kmcf->leader.names;

    for (i = 0; i < lesson->nhearings; i++) {
        key.data = (u_char *) lesson->hearings[i].name.data;
        key.len = lesson->hearings[i].name.len;

        name = ngx_http_kerberos_find_name(names, &key);

        if (name == NULL || name->news != lesson->news[i]) {
            continue;
        }

        name->news = 0;

        if (!name->wanted) {
            continue;
        }

        name->wanted = 0;

        if (--names->wanted == 0) {
            /* the change that waits for them */
            kmcf->leader.noticed = 1;
        }
    }
}
