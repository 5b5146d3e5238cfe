
/* SPDX-License-Identifier: MIT
 *
 * What outlives the shared memory: a folder for it, and in that the states of
 * the breakers, for the next start and for a binary upgrade.
 *
 * To write is to wait for the disk, so it comes in three parts: the text is
 * made in the event loop, whoever may wait writes it, and how that went is
 * told in the event loop again.
 */

#include "ngx/ngx_http_kerberos_registry.h"


#define NGX_HTTP_KERBEROS_STATE_REST  1000    /* ms between two writings */


static ngx_int_t ngx_http_kerberos_name_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *folder, const char *name);
static void ngx_http_kerberos_tidy(ngx_http_kerberos_state_t *state);
static ngx_http_kerberos_save_t *ngx_http_kerberos_begin_save(
    ngx_http_kerberos_main_conf_t *kmcf);
static ngx_uint_t ngx_http_kerberos_is_ours(ngx_http_kerberos_state_t *state);
static void ngx_http_kerberos_run_save(void *data);
static void ngx_http_kerberos_end_save(void *data);
static int64_t ngx_http_kerberos_unix_time(void);


/*
 * The folder is nginx's as those of its caches are: nginx makes it where it is
 * missing, and gives it to the user of the workers
 */

char *
ngx_http_kerberos_set_state(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_kerberos_main_conf_t  *kmcf = conf;

    ngx_str_t                  *value;
    ngx_path_t                 *path;
    ngx_file_info_t             fi;
    ngx_http_kerberos_state_t  *state;

    if (kmcf->state) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive",
                           &value[1], &cmd->name);
        return NGX_CONF_ERROR;
    }

    path = ngx_pcalloc(cf->pool, sizeof(ngx_path_t));
    if (path == NULL) {
        return NGX_CONF_ERROR;
    }

    path->name = value[1];

    while (path->name.len > 1 && path->name.data[path->name.len - 1] == '/') {
        path->name.data[--path->name.len] = '\0';
    }

    if (ngx_conf_full_name(cf->cycle, &path->name, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    path->conf_file = cf->conf_file->file.name.data;
    path->line = cf->conf_file->line;

    if (ngx_file_info(path->name.data, &fi) != NGX_FILE_ERROR) {

        if (!ngx_is_dir(&fi)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"%V\" is not a folder", &path->name);
            return NGX_CONF_ERROR;
        }

        /* what it holds may still be of use */

        if (faccessat(AT_FDCWD, (char *) path->name.data, W_OK|X_OK,
                      AT_EACCESS)
            == -1)
        {
            ngx_conf_log_error(NGX_LOG_WARN, cf, ngx_errno,
                               "no state can be kept in \"%V\"", &path->name);
        }
    }

    if (ngx_add_path(cf, &path) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    state = ngx_pcalloc(cf->pool, sizeof(ngx_http_kerberos_state_t));
    if (state == NULL) {
        return NGX_CONF_ERROR;
    }

    state->folder = path->name;

    if (ngx_http_kerberos_name_file(cf, &state->breakers, &state->folder,
                                    "breakers.json")
        != NGX_OK
        || ngx_http_kerberos_name_file(cf, &state->registry, &state->folder,
                                       "registry.json")
           != NGX_OK
        || ngx_http_kerberos_name_file(cf, &state->names, &state->folder,
                                       "names.json")
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    kmcf->used = 1;
    kmcf->state = state;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_kerberos_name_file(ngx_conf_t *cf, ngx_str_t *file,
    ngx_str_t *folder, const char *name)
{
    u_char  *p;

    file->len = folder->len + 1 + ngx_strlen(name);

    file->data = ngx_pnalloc(cf->pool, file->len + 1);
    if (file->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(file->data, "%V/%s", folder, name);
    *p = '\0';

    return NGX_OK;
}


/*
 * What processes have left that died while they wrote.  Called where a master
 * starts; of who lives, such as the old processes of a binary upgrade, nothing
 * is touched
 */

static void
ngx_http_kerberos_tidy(ngx_http_kerberos_state_t *state)
{
    u_char      *name, *p;
    u_char       path[NGX_MAX_PATH];
    ngx_dir_t    dir;
    ngx_int_t    pid;

    if (ngx_open_dir(&state->folder, &dir) == NGX_ERROR) {
        return;
    }

    while (ngx_read_dir(&dir) == NGX_OK) {

        name = ngx_de_name(&dir);

        p = (u_char *) ngx_strstr(name, ".json.");

        if (p == NULL
            || (ngx_strncmp(name, "breakers.", p + 1 - name) != 0
                && ngx_strncmp(name, "registry.", p + 1 - name) != 0
                && ngx_strncmp(name, "names.", p + 1 - name) != 0))
        {
            continue;
        }

        p += sizeof(".json.") - 1;
        pid = ngx_atoi(p, ngx_strlen(p));

        if (pid == NGX_ERROR || kill((ngx_pid_t) pid, 0) == 0
            || ngx_errno != NGX_ESRCH)
        {
            continue;
        }

        p = ngx_snprintf(path, NGX_MAX_PATH - 1, "%V/%s", &state->folder,
                         name);
        *p = '\0';

        (void) ngx_delete_file(path);
    }

    (void) ngx_close_dir(&dir);
}


/* into a zone that is new, before anything is built in it: under its mutex */

void
ngx_http_kerberos_restore_names(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log)
{
    char              problem[128];
    size_t            names;
    ngx_str_t         text, *file;
    kerberos_text     saved;
    kerberos_result   result;

    if (kmcf->state == NULL || kmcf->resolver == NULL || ngx_test_config) {
        return;
    }

    file = &kmcf->state->names;

    if (ngx_http_kerberos_read_whole(file, &text, log) != NGX_OK) {
        return;
    }

    saved.data = (char *) text.data;
    saved.len = text.len;

    result = kerberos_restore_names(kmcf->zone, saved, ngx_current_msec,
                                    &names, problem, sizeof(problem));

    ngx_free(text.data);

    if (result == KERBEROS_OK) {
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "last answers of %uz names restored from \"%V\"", names,
                      file);
        return;
    }

    ngx_log_error(NGX_LOG_ERR, log, 0,
                  "no answers of names restored: \"%V\" %s", file,
                  result == KERBEROS_REFUSED ? problem
                  : result == KERBEROS_NO_MEMORY ? "is too long for the zone"
                                                 : "met an internal fault");
}


/* into the first generation, before anybody works with it: the same */

void
ngx_http_kerberos_restore_breakers(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_log_t *log)
{
    char               problem[128];
    ngx_str_t          text, *file;
    kerberos_text      saved;
    kerberos_result    result;
    kerberos_restored  restored;

    if (kmcf->state == NULL || ngx_test_config) {
        return;
    }

    ngx_http_kerberos_tidy(kmcf->state);

    file = &kmcf->state->breakers;

    if (ngx_http_kerberos_read_whole(file, &text, log) != NGX_OK) {
        return;
    }

    saved.data = (char *) text.data;
    saved.len = text.len;

    result = kerberos_restore_breakers(kmcf->zone, kmcf->lineage, saved,
                                       ngx_current_msec,
                                       ngx_http_kerberos_unix_time(),
                                       &restored, problem, sizeof(problem));

    ngx_free(text.data);

    switch (result) {

    case KERBEROS_OK:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "state of %uz breakers restored, %uz of them open "
                      "(%uz of other peers, %uz invalid) from \"%V\"",
                      restored.peers, restored.open, restored.unknown,
                      restored.invalid, file);
        break;

    case KERBEROS_REFUSED:
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "no state of breakers restored: \"%V\" %s",
                      file, problem);
        break;

    default:
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "no state of breakers restored from \"%V\": %s", file,
                      result == KERBEROS_NO_MEMORY ? "no memory"
                                                   : "internal fault");
    }
}


/* called by the leader, some times a second */

void
ngx_http_kerberos_keep_state(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_save_t   *save;
    ngx_http_kerberos_state_t  *state;

    state = kmcf->state;

    if (state == NULL || state->work.busy
        || (state->keeping
            && ngx_current_msec - state->looked < NGX_HTTP_KERBEROS_STATE_REST))
    {
        return;
    }

    state->keeping = 1;
    state->looked = ngx_current_msec;

    save = ngx_http_kerberos_begin_save(kmcf);

    if (save
        && ngx_http_kerberos_begin_work(&state->work,
                                        ngx_http_kerberos_run_save,
                                        ngx_http_kerberos_end_save, save,
                                        kmcf->cycle->log)
           != NGX_OK)
    {
        state->mark = 0;
        ngx_http_kerberos_free_save(save);
    }
}


/*
 * The last word of who leads no more, and has the time to wait; unless others
 * have theirs already, after a reload or a binary upgrade
 */

void
ngx_http_kerberos_leave_state(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_http_kerberos_save_t   *save;
    ngx_http_kerberos_state_t  *state;

    state = kmcf->state;

    if (state == NULL || !state->keeping) {
        return;
    }

    ngx_http_kerberos_close_work(&state->work);

    state->keeping = 0;

    if (!ngx_http_kerberos_is_ours(state)) {
        return;
    }

    save = ngx_http_kerberos_begin_save(kmcf);

    if (save) {
        ngx_http_kerberos_run_save(save);
        ngx_http_kerberos_end_save(save);
    }
}


/* NULL: nothing has changed, or nothing can be done */

static ngx_http_kerberos_save_t *
ngx_http_kerberos_begin_save(ngx_http_kerberos_main_conf_t *kmcf)
{
    kerberos_result             result;
    kerberos_document          *document;
    ngx_http_kerberos_save_t   *save;
    ngx_http_kerberos_state_t  *state;

    state = kmcf->state;

    if (!ngx_http_kerberos_is_ours(state)) {
        state->mark = 0;
    }

    result = kerberos_save_breakers(kmcf->process, ngx_current_msec,
                                    ngx_http_kerberos_unix_time(),
                                    &state->mark, &document);

    if (result != KERBEROS_OK) {
        ngx_log_error(NGX_LOG_ERR, kmcf->cycle->log, 0,
                      "could not write the state of breakers: %s",
                      result == KERBEROS_NO_MEMORY ? "no memory"
                                                   : "internal fault");
        return NULL;
    }

    if (document == NULL) {
        return NULL;
    }

    save = ngx_http_kerberos_create_save(document, &state->folder,
                                         &state->breakers, kmcf->cycle->log);
    if (save == NULL) {
        state->mark = 0;
        return NULL;
    }

    save->kmcf = kmcf;

    return save;
}


/*
 * Another may have written it, as the old process does for a while after a
 * binary upgrade, or taken it away
 */

static ngx_uint_t
ngx_http_kerberos_is_ours(ngx_http_kerberos_state_t *state)
{
    ngx_file_info_t  fi;

    return ngx_file_info(state->breakers.data, &fi) != NGX_FILE_ERROR
           && ngx_file_uniq(&fi) == ngx_file_uniq(&state->written)
           && ngx_file_mtime(&fi) == ngx_file_mtime(&state->written)
           && ngx_file_size(&fi) == ngx_file_size(&state->written);
}


/* in the thread */

static void
ngx_http_kerberos_run_save(void *data)
{
    (void) ngx_http_kerberos_write(data);
}


/* in the event loop again: tells once what goes wrong every second */

static void
ngx_http_kerberos_end_save(void *data)
{
    ngx_http_kerberos_save_t *save = data;

    ngx_log_t                      *log;
    ngx_http_kerberos_state_t      *state;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = save->kmcf;
    log = kmcf->cycle->log;
    state = kmcf->state;

    if (save->failed == NULL) {

        if (state->failed) {
            ngx_log_error(NGX_LOG_NOTICE, log, 0,
                          "state is kept in \"%V\" again", &state->folder);
        }

        state->written = save->info;

    } else {

        if (state->failed == NULL || state->err != save->err) {
            ngx_log_error(NGX_LOG_ERR, log, save->err,
                          "no state is kept: %s of \"%s\" failed",
                          save->failed, save->file);
        }

        ngx_memzero(&state->written, sizeof(ngx_file_info_t));
    }

    state->failed = save->failed;
    state->err = save->err;

    ngx_http_kerberos_free_save(save);
}


/* the same moment as ngx_current_msec */

static int64_t
ngx_http_kerberos_unix_time(void)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return (int64_t) tp->sec * 1000 + tp->msec;
}
