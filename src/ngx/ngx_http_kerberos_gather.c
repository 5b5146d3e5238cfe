
/* SPDX-License-Identifier: MIT
 *
 * The texts of a registry, as they stand in files at a moment.  Somebody may
 * be writing: a file is taken only when it rests.
 *
 * A thread calls this as well: problems are told by a callback.
 */

#include "ngx/ngx_http_kerberos_registry.h"

#include <ngx_md5.h>


#define NGX_HTTP_KERBEROS_FILE_MAX    (16 * 1024 * 1024)
#define NGX_HTTP_KERBEROS_FILE_TRIES  10
#define NGX_HTTP_KERBEROS_FILE_PAUSE  10              /* ms between them */
#define NGX_HTTP_KERBEROS_FILE_REST   20              /* ms without a change */


static ngx_int_t ngx_http_kerberos_gather_files(ngx_pool_t *pool,
    ngx_str_t *pattern, ngx_array_t *sources,
    ngx_http_kerberos_teller_t *teller);
static ngx_int_t ngx_http_kerberos_gather_source(ngx_pool_t *pool,
    ngx_str_t *name, ngx_array_t *sources,
    ngx_http_kerberos_teller_t *teller);
static ngx_int_t ngx_http_kerberos_read_file(ngx_pool_t *pool,
    ngx_str_t *name, kerberos_text *text, ngx_http_kerberos_teller_t *teller);
static ssize_t ngx_http_kerberos_read_all(ngx_fd_t fd, u_char *buf,
    size_t size);
static ngx_uint_t ngx_http_kerberos_rests(ngx_fd_t fd, ngx_file_info_t *info);
static ngx_uint_t ngx_http_kerberos_same(ngx_file_info_t *one,
    ngx_file_info_t *other);


/* by which texts are known again */

void
ngx_http_kerberos_digest_sources(kerberos_edition *edition,
    ngx_array_t *sources)
{
    ngx_md5_t         md5;
    ngx_uint_t        i;
    kerberos_source  *source;

    ngx_md5_init(&md5);

    source = sources->elts;

    for (i = 0; i < sources->nelts; i++) {
        ngx_md5_update(&md5, &source[i].name.len, sizeof(size_t));
        ngx_md5_update(&md5, source[i].name.data, source[i].name.len);
        ngx_md5_update(&md5, &source[i].text.len, sizeof(size_t));
        ngx_md5_update(&md5, source[i].text.data, source[i].text.len);
    }

    ngx_md5_final((u_char *) edition->digest, &md5);
}


/* the files as they are now, and what stands for the variables; NGX_BUSY:
   somebody writes them */

ngx_int_t
ngx_http_kerberos_gather(ngx_pool_t *pool, ngx_http_kerberos_main_conf_t *kmcf,
    ngx_array_t *sources, kerberos_on_message on_message, void *context)
{
    ngx_int_t                    rc, found;
    ngx_str_t                   *pattern;
    ngx_uint_t                   i;
    kerberos_source             *source;
    ngx_http_kerberos_teller_t   teller;

    rc = NGX_OK;
    teller.tell = on_message;
    teller.context = context;

    pattern = kmcf->registries->elts;

    for (i = 0; i < kmcf->registries->nelts; i++) {

        if (!ngx_http_kerberos_is_variables(&pattern[i])) {

            found = ngx_http_kerberos_gather_files(pool, &pattern[i],
                                                   sources, &teller);

            if (rc != NGX_ERROR && found != NGX_OK) {
                rc = found;
            }

            continue;
        }

        source = ngx_array_push(sources);
        if (source == NULL) {
            ngx_http_kerberos_tell(&teller, "no memory");
            return NGX_ERROR;
        }

        source->name.data = (char *) pattern[i].data;
        source->name.len = pattern[i].len;
        source->text.data = "";
        source->text.len = 0;
    }

    return rc;
}


/* as "include" has it: in order, and no file at all is as good */

static ngx_int_t
ngx_http_kerberos_gather_files(ngx_pool_t *pool, ngx_str_t *pattern,
    ngx_array_t *sources, ngx_http_kerberos_teller_t *teller)
{
    ngx_int_t   rc, found;
    ngx_str_t   name, copy;
    ngx_glob_t  gl;

    if (strpbrk((char *) pattern->data, "*?[") == NULL) {
        return ngx_http_kerberos_gather_source(pool, pattern, sources,
                                               teller);
    }

    ngx_memzero(&gl, sizeof(ngx_glob_t));

    gl.pattern = pattern->data;
    gl.log = pool->log;
    gl.test = 1;

    if (ngx_open_glob(&gl) != NGX_OK) {
        ngx_http_kerberos_tell_failed(teller, ngx_open_glob_n, pattern,
                                      ngx_errno);
        return NGX_ERROR;
    }

    rc = NGX_OK;

    while (ngx_read_glob(&gl, &name) == NGX_OK) {

        copy.len = name.len;
        copy.data = ngx_pnalloc(pool, name.len + 1);

        if (copy.data == NULL) {
            ngx_http_kerberos_tell(teller, "no memory");
            rc = NGX_ERROR;
            break;
        }

        (void) ngx_cpystrn(copy.data, name.data, name.len + 1);

        found = ngx_http_kerberos_gather_source(pool, &copy, sources, teller);

        if (rc != NGX_ERROR && found != NGX_OK) {
            rc = found;
        }
    }

    ngx_close_glob(&gl);

    return rc;
}


/* one whose name is no pattern */

ngx_int_t
ngx_http_kerberos_gather_file(ngx_pool_t *pool, ngx_str_t *name,
    ngx_array_t *sources, kerberos_on_message on_message, void *context)
{
    ngx_http_kerberos_teller_t  teller;

    teller.tell = on_message;
    teller.context = context;

    return ngx_http_kerberos_gather_source(pool, name, sources, &teller);
}


static ngx_int_t
ngx_http_kerberos_gather_source(ngx_pool_t *pool, ngx_str_t *name,
    ngx_array_t *sources, ngx_http_kerberos_teller_t *teller)
{
    ngx_int_t         rc;
    ngx_uint_t        tries;
    kerberos_text     text;
    kerberos_source  *source;

    for (tries = 0; tries < NGX_HTTP_KERBEROS_FILE_TRIES; tries++) {

        rc = ngx_http_kerberos_read_file(pool, name, &text, teller);

        if (rc == NGX_ERROR) {
            return NGX_ERROR;
        }

        if (rc == NGX_AGAIN) {
            ngx_msleep(NGX_HTTP_KERBEROS_FILE_PAUSE);
            continue;
        }

        source = ngx_array_push(sources);
        if (source == NULL) {
            ngx_http_kerberos_tell(teller, "no memory");
            return NGX_ERROR;
        }

        source->name.data = (char *) name->data;
        source->name.len = name->len;
        source->text = text;

        return NGX_OK;
    }

    ngx_http_kerberos_tell(teller, "\"%V\" changes while it is read", name);

    return NGX_BUSY;
}


/* NGX_AGAIN: it has changed meanwhile */

static ngx_int_t
ngx_http_kerberos_read_file(ngx_pool_t *pool, ngx_str_t *name,
    kerberos_text *text, ngx_http_kerberos_teller_t *teller)
{
    size_t            size;
    u_char           *buf;
    ssize_t           n;
    ngx_fd_t          fd;
    ngx_int_t         rc;
    ngx_file_info_t   before, after;

    /* whoever opens a pipe would wait for its other end */

    fd = ngx_open_file(name->data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        ngx_http_kerberos_tell_failed(teller, ngx_open_file_n, name, ngx_errno);
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    buf = NULL;

    if (ngx_fd_info(fd, &before) == NGX_FILE_ERROR) {
        ngx_http_kerberos_tell_failed(teller, ngx_fd_info_n, name, ngx_errno);
        goto done;
    }

    if (!ngx_is_file(&before)
        || ngx_file_size(&before) > NGX_HTTP_KERBEROS_FILE_MAX)
    {
        ngx_http_kerberos_tell(teller, "\"%V\" is not a file of at most %dm",
                               name, NGX_HTTP_KERBEROS_FILE_MAX / 1024 / 1024);
        goto done;
    }

    if (!ngx_http_kerberos_rests(fd, &before)) {
        rc = NGX_AGAIN;
        goto done;
    }

    size = (size_t) ngx_file_size(&before);

    buf = ngx_palloc(pool, size + 1);
    if (buf == NULL) {
        ngx_http_kerberos_tell(teller, "no memory to read \"%V\"", name);
        goto done;
    }

    n = ngx_http_kerberos_read_all(fd, buf, size + 1);

    if (n == -1) {
        ngx_http_kerberos_tell_failed(teller, ngx_read_fd_n, name, ngx_errno);
        goto done;
    }

    if (ngx_fd_info(fd, &after) == NGX_FILE_ERROR) {
        ngx_http_kerberos_tell_failed(teller, ngx_fd_info_n, name, ngx_errno);
        goto done;
    }

    if ((size_t) n != size || !ngx_http_kerberos_same(&before, &after)) {
        rc = NGX_AGAIN;
        goto done;
    }

    text->data = (char *) buf;
    text->len = size;

    rc = NGX_OK;

done:

    if (rc != NGX_OK && buf) {
        (void) ngx_pfree(pool, buf);
    }

    (void) ngx_close_file(fd);

    return rc;
}


/* a byte more than there should be tells a file that has grown */

static ssize_t
ngx_http_kerberos_read_all(ngx_fd_t fd, u_char *buf, size_t size)
{
    size_t   done;
    ssize_t  n;

    done = 0;

    while (done < size) {

        n = ngx_read_fd(fd, buf + done, size - done);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            continue;
        }

        if (n == -1) {
            return -1;
        }

        if (n == 0) {
            break;
        }

        done += n;
    }

    return done;
}


/*
 * Whoever writes now may write again before the file's time tells: the clock
 * of a file system ticks slowly.  So a file is read some ms after its last
 * change, and it is the one opened that has to rest, not the name: another may
 * be put in its place as often as somebody likes.
 */

static ngx_uint_t
ngx_http_kerberos_rests(ngx_fd_t fd, ngx_file_info_t *info)
{
    int64_t          age;
    ngx_msec_t       left;
    struct timeval   tv;
    ngx_file_info_t  before;

    ngx_gettimeofday(&tv);

    age = ((int64_t) tv.tv_sec - info->st_ctim.tv_sec) * 1000
          + tv.tv_usec / 1000 - info->st_ctim.tv_nsec / 1000000;

    if (age < 0 || age >= NGX_HTTP_KERBEROS_FILE_REST) {
        return 1;
    }

    left = NGX_HTTP_KERBEROS_FILE_REST - age;
    ngx_msleep(left);

    before = *info;

    return ngx_fd_info(fd, info) != NGX_FILE_ERROR
           && ngx_http_kerberos_same(&before, info);
}


/* a file loses its name, and has its status changed, when another takes it */

static ngx_uint_t
ngx_http_kerberos_same(ngx_file_info_t *one, ngx_file_info_t *other)
{
    return one->st_size == other->st_size
           && one->st_mtim.tv_sec == other->st_mtim.tv_sec
           && one->st_mtim.tv_nsec == other->st_mtim.tv_nsec
           && (other->st_nlink == 0
               || (one->st_ctim.tv_sec == other->st_ctim.tv_sec
                   && one->st_ctim.tv_nsec == other->st_ctim.tv_nsec));
}
