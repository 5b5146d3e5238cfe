
/* SPDX-License-Identifier: MIT
 *
 * Files of our own: replaced at once, so that whoever reads one finds the old
 * text or the new, and read whole or not at all.
 */

#include "ngx/ngx_http_kerberos_registry.h"


static ngx_fd_t ngx_http_kerberos_open_temp(ngx_http_kerberos_save_t *save);
static ngx_int_t ngx_http_kerberos_write_text(ngx_http_kerberos_save_t *save,
    ngx_fd_t fd);
static ngx_int_t ngx_http_kerberos_sync_folder(ngx_http_kerberos_save_t *save);
static ngx_int_t ngx_http_kerberos_failed(ngx_http_kerberos_save_t *save,
    const char *what);


/* takes the document over, which is ended in any case */

ngx_http_kerberos_save_t *
ngx_http_kerberos_create_save(kerberos_document *document, ngx_str_t *folder,
    ngx_str_t *file, ngx_log_t *log)
{
    u_char                    *p;
    size_t                     size;
    ngx_http_kerberos_save_t  *save;

    /* of its own: whoever writes may outlive the configuration */

    size = sizeof(ngx_http_kerberos_save_t) + 2 * (file->len + 1)
           + sizeof(".-") + 2 * NGX_INT64_LEN + folder->len + 1;

    save = ngx_alloc(size, log);
    if (save == NULL) {
        kerberos_document_free(document);
        return NULL;
    }

    ngx_memzero(save, sizeof(ngx_http_kerberos_save_t));

    save->document = document;

    p = (u_char *) save + sizeof(ngx_http_kerberos_save_t);

    save->folder = p;
    p = ngx_cpymem(p, folder->data, folder->len);
    *p++ = '\0';

    save->file = p;
    p = ngx_cpymem(p, file->data, file->len);
    *p++ = '\0';

    /* two processes may be at it, before and after a binary upgrade */

    save->temp = p;
    p = ngx_sprintf(p, "%V.%P", file, ngx_pid);
    *p = '\0';

    return save;
}


void
ngx_http_kerberos_free_save(ngx_http_kerberos_save_t *save)
{
    kerberos_document_free(save->document);
    ngx_free(save);
}


/* waits for the disk, and touches nothing but `save`: any thread may call it */

ngx_int_t
ngx_http_kerberos_write(ngx_http_kerberos_save_t *save)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    fd = ngx_http_kerberos_open_temp(save);

    if (fd == NGX_INVALID_FILE) {
        return ngx_http_kerberos_failed(save, "open()");
    }

    rc = ngx_http_kerberos_write_text(save, fd);

    if (ngx_close_file(fd) == NGX_FILE_ERROR && rc == NGX_OK) {
        rc = ngx_http_kerberos_failed(save, "close()");
    }

    if (rc == NGX_OK
        && ngx_rename_file(save->temp, save->file) == NGX_FILE_ERROR)
    {
        rc = ngx_http_kerberos_failed(save, "rename()");
    }

    if (rc != NGX_OK) {
        (void) ngx_delete_file(save->temp);
        return NGX_ERROR;
    }

    return ngx_http_kerberos_sync_folder(save);
}


/* what stands there was left by a process that had our pid before */

static ngx_fd_t
ngx_http_kerberos_open_temp(ngx_http_kerberos_save_t *save)
{
    ngx_fd_t    fd;
    ngx_uint_t  i;

    for (i = 0; i < 2; i++) {
        fd = open((char *) save->temp,
                  O_WRONLY|O_CREAT|O_EXCL|O_NOFOLLOW|O_CLOEXEC, 0600);

        if (fd != NGX_INVALID_FILE || ngx_errno != NGX_EEXIST) {
            return fd;
        }

        (void) ngx_delete_file(save->temp);
    }

    return NGX_INVALID_FILE;
}


static ngx_int_t
ngx_http_kerberos_write_text(ngx_http_kerberos_save_t *save, ngx_fd_t fd)
{
    size_t         done;
    ssize_t        n;
    kerberos_text  text;

    text = kerberos_document_text(save->document);

    if (text.len > NGX_HTTP_KERBEROS_STATE_MAX) {
        ngx_set_errno(EFBIG);    /* nobody would read it */
        return ngx_http_kerberos_failed(save, "write()");
    }

    for (done = 0; done < text.len; done += n) {
        n = write(fd, text.data + done, text.len - done);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n == -1) {
            return ngx_http_kerberos_failed(save, "write()");
        }
    }

    if (fsync(fd) == -1) {
        return ngx_http_kerberos_failed(save, "fsync()");
    }

    if (ngx_fd_info(fd, &save->info) == NGX_FILE_ERROR) {
        return ngx_http_kerberos_failed(save, "fstat()");
    }

    return NGX_OK;
}


/* without it, the file's name may be lost with the power */

static ngx_int_t
ngx_http_kerberos_sync_folder(ngx_http_kerberos_save_t *save)
{
    ngx_fd_t   fd;
    ngx_int_t  rc;

    fd = open((char *) save->folder, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        return ngx_http_kerberos_failed(save, "open()");
    }

    rc = NGX_OK;

    /* some file systems cannot, and need not */

    if (fsync(fd) == -1 && ngx_errno != NGX_EINVAL) {
        rc = ngx_http_kerberos_failed(save, "fsync()");
    }

    (void) ngx_close_file(fd);

    return rc;
}


static ngx_int_t
ngx_http_kerberos_failed(ngx_http_kerberos_save_t *save, const char *what)
{
    save->err = ngx_errno;
    save->failed = what;

    return NGX_ERROR;
}


/* NGX_DECLINED: there is none; otherwise the text is to be freed */

ngx_int_t
ngx_http_kerberos_read_whole(ngx_str_t *name, ngx_str_t *text, ngx_log_t *log)
{
    size_t           size;
    ssize_t          n;
    ngx_fd_t         fd;
    ngx_err_t        err;
    ngx_file_info_t  fi;

    /* the folder is the workers', who are not to be trusted by a master */

    fd = open((char *) name->data, O_RDONLY|O_NONBLOCK|O_NOFOLLOW|O_CLOEXEC);

    if (fd == NGX_INVALID_FILE) {
        err = ngx_errno;

        if (err == NGX_ENOENT) {
            return NGX_DECLINED;
        }

        ngx_log_error(NGX_LOG_ERR, log, err,
                      ngx_open_file_n " \"%V\" failed", name);
        return NGX_ERROR;
    }

    text->data = NULL;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                      ngx_fd_info_n " \"%V\" failed", name);
        goto failed;
    }

    if (!ngx_is_file(&fi)
        || ngx_file_size(&fi) > NGX_HTTP_KERBEROS_STATE_MAX)
    {
        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "\"%V\" is not a file of at most %dm", name,
                      NGX_HTTP_KERBEROS_STATE_MAX / 1024 / 1024);
        goto failed;
    }

    size = (size_t) ngx_file_size(&fi);

    text->data = ngx_alloc(size + 1, log);
    if (text->data == NULL) {
        goto failed;
    }

    for (text->len = 0; text->len < size; text->len += n) {
        n = ngx_read_fd(fd, text->data + text->len, size - text->len);

        if (n == -1) {
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "read() \"%V\" failed", name);
            goto failed;
        }

        if (n == 0) {
            break;
        }
    }

    (void) ngx_close_file(fd);

    return NGX_OK;

failed:

    if (text->data) {
        ngx_free(text->data);
    }

    (void) ngx_close_file(fd);

    return NGX_ERROR;
}
