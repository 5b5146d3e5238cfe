
/* SPDX-License-Identifier: MIT
 *
 * Looking at the registry now and then: a thread does it, for a disk may hang,
 * and what came of it is logged here.
 */

#include "ngx/ngx_http_kerberos_load.h"
#include "ngx/ngx_http_kerberos_names.h"


/* so many times as long as it took, where there was no memory for it */
#define NGX_HTTP_KERBEROS_LOAD_REST  10


static void ngx_http_kerberos_end_load(void *data);
static void ngx_http_kerberos_keep_config(ngx_http_kerberos_load_t *load);


void
ngx_http_kerberos_look(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_time_t                  *tp;
    ngx_http_kerberos_load_t    *load;
    ngx_http_kerberos_leader_t  *leader;

    leader = &kmcf->leader;

    if (leader->work.busy) {
        /* what was noticed is seen to when it is done */
        return;
    }

    load = ngx_calloc(sizeof(ngx_http_kerberos_load_t), kmcf->cycle->log);
    if (load == NULL) {
        return;
    }

    if (leader->lacked
        && (ngx_msec_int_t) (ngx_current_msec - leader->rested) >= 0)
    {
        leader->lacked = 0;
        ngx_memzero(leader->read, sizeof(leader->read));
    }

    tp = ngx_timeofday();

    load->kmcf = kmcf;
    ngx_http_kerberos_silence(&load->log, kmcf->cycle->log);
    load->edition.unix_ms = (int64_t) tp->sec * 1000 + tp->msec;
    load->noticed = leader->noticed;

    leader->noticed = 0;

    if (ngx_http_kerberos_begin_work(&leader->work, ngx_http_kerberos_load,
                                     ngx_http_kerberos_end_load, load,
                                     kmcf->cycle->log)
        != NGX_OK)
    {
        leader->noticed = load->noticed;
        ngx_free(load);
    }
}


/* in the event loop again */

static void
ngx_http_kerberos_end_load(void *data)
{
    ngx_http_kerberos_load_t *load = data;

    ngx_log_t                      *log;
    ngx_str_t                      *line;
    ngx_uint_t                      i;
    ngx_http_kerberos_leader_t     *leader;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = load->kmcf;
    log = kmcf->cycle->log;
    leader = &kmcf->leader;

    switch (load->end) {

    case NGX_HTTP_KERBEROS_TAKEN:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "registry taken over: generation %uL, %uz services, "
                      "%uz peers; read in %Mms, built in %Mms",
                      load->generation, load->services, load->peers,
                      load->read, load->built);

        ngx_http_kerberos_adopt(kmcf);
        break;

    case NGX_HTTP_KERBEROS_KEPT:
        break;

    case NGX_HTTP_KERBEROS_AWAITING:
        line = load->names.elts;

        for (i = 0; i < load->names.nelts; i++) {
            ngx_log_error(NGX_LOG_INFO, log, 0,
                          "the registry has a new name \"%V\", asking for it "
                          "before it is taken over", &line[i]);

            ngx_http_kerberos_want_name(kmcf, &line[i]);
        }

        break;

    case NGX_HTTP_KERBEROS_REPAIRED:
        ngx_log_error(NGX_LOG_NOTICE, log, 0,
                      "registry is again what is in force");
        break;

    case NGX_HTTP_KERBEROS_REFUSED:
        line = load->lines.elts;

        for (i = 0; i < load->lines.nelts; i++) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "%V", &line[i]);
        }

        ngx_log_error(NGX_LOG_ERR, log, 0,
                      "registry not taken over, what is in force stays");
        break;

    case NGX_HTTP_KERBEROS_SHORT:

        /*
         * Processes let go of older generations, then there may be some; or
         * there never will be, and nobody shall be kept busy by that.
         */

        leader->lacked = 1;
        leader->rested = ngx_current_msec
                         + NGX_HTTP_KERBEROS_LOAD_REST * (load->read
                                                          + load->built);

        line = load->lines.elts;

        for (i = 0; load->told && i < load->lines.nelts; i++) {
            ngx_log_error(NGX_LOG_ERR, log, 0, "%V", &line[i]);
        }

        break;

    default:
        break;
    }

    if (load->save) {
        ngx_http_kerberos_end_archive(kmcf->state, load->save, log);
    }

    if (load->config || load->end == NGX_HTTP_KERBEROS_TAKEN) {
        ngx_http_kerberos_keep_config(load);
    }

    if (load->pool) {
        ngx_destroy_pool(load->pool);
    }

    ngx_free(load);

    ngx_http_kerberos_end_job(kmcf);
}


/* for when its names stand for something else */

static void
ngx_http_kerberos_keep_config(ngx_http_kerberos_load_t *load)
{
    ngx_http_kerberos_leader_t  *leader;

    leader = &load->kmcf->leader;

    if (leader->config) {
        kerberos_config_destroy(leader->config);
    }

    leader->config = load->config;
    leader->edition = load->edition;

    if (load->end != NGX_HTTP_KERBEROS_TAKEN) {
        /* there is a reason why it was read again */
        leader->names.due = 1;
    }
}
