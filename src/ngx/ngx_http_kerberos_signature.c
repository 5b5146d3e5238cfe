
/* SPDX-License-Identifier: MIT
 *
 * What the registry's files look like from outside: whether it is worth to
 * read them.  In the thread, for a disk may hang.
 */

#include "ngx/ngx_http_kerberos_registry.h"

#include <ngx_md5.h>


static int64_t ngx_http_kerberos_sign(ngx_array_t *registries,
    u_char signature[16]);
static int64_t ngx_http_kerberos_sign_file(ngx_md5_t *md5, u_char *name);


/*
 * Nobody told of a change: then it has to show, and to last for two looks, for
 * who looks by himself may look at half a file
 */

ngx_uint_t
ngx_http_kerberos_look_new(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_uint_t noticed, int64_t now)
{
    u_char                       signature[16];
    int64_t                      newest;
    ngx_uint_t                   first, settled;
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;
    newest = ngx_http_kerberos_sign(kmcf->registries, signature);

    settled = ngx_memcmp(signature, leader->seen, 16) == 0;
    first = !leader->looked;

    ngx_memcpy(leader->seen, signature, 16);
    leader->looked = 1;

    if (!noticed && !first
        && (!settled || ngx_memcmp(signature, leader->read, 16) == 0))
    {
        return 0;
    }

    /* what is written twice in one tick of the clock looks the same */

    if (now - newest < 1000) {
        signature[0] ^= 0xff;
    }

    ngx_memcpy(leader->read, signature, 16);

    return 1;
}


/* what the files look like from outside; returns when the last one changed */

static int64_t
ngx_http_kerberos_sign(ngx_array_t *registries, u_char signature[16])
{
    glob_t       gl;
    int64_t      newest, changed;
    size_t       n;
    ngx_md5_t    md5;
    ngx_str_t   *name;
    ngx_uint_t   i;

    ngx_md5_init(&md5);

    newest = 0;
    name = registries->elts;

    for (i = 0; i < registries->nelts; i++) {

        if (strpbrk((char *) name[i].data, "*?[") == NULL) {
            changed = ngx_http_kerberos_sign_file(&md5, name[i].data);
            newest = ngx_max(newest, changed);
            continue;
        }

        if (glob((char *) name[i].data, GLOB_NOSORT, NULL, &gl) == 0) {

            for (n = 0; n < gl.gl_pathc; n++) {
                changed = ngx_http_kerberos_sign_file(&md5,
                                                  (u_char *) gl.gl_pathv[n]);
                newest = ngx_max(newest, changed);
            }
        }

        globfree(&gl);
    }

    ngx_md5_final(signature, &md5);

    return newest;
}


/* 0: there is none */

static int64_t
ngx_http_kerberos_sign_file(ngx_md5_t *md5, u_char *name)
{
    struct stat  st;

    ngx_md5_update(md5, name, ngx_strlen(name));

    if (stat((char *) name, &st) == -1) {
        return 0;
    }

    ngx_md5_update(md5, &st.st_dev, sizeof(st.st_dev));
    ngx_md5_update(md5, &st.st_ino, sizeof(st.st_ino));
    ngx_md5_update(md5, &st.st_size, sizeof(st.st_size));
    ngx_md5_update(md5, &st.st_mtim, sizeof(st.st_mtim));
    ngx_md5_update(md5, &st.st_ctim, sizeof(st.st_ctim));

    return (int64_t) st.st_ctim.tv_sec * 1000 + st.st_ctim.tv_nsec / 1000000;
}
