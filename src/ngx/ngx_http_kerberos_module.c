
/* SPDX-License-Identifier: MIT
 *
 * The module: its directives, its configurations and where nginx calls it.
 */

#include "ngx/ngx_http_kerberos_idle.h"
#include "ngx/ngx_http_kerberos_registry.h"
#include "ngx/ngx_http_kerberos_request.h"
#include "ngx/ngx_http_kerberos_tls.h"


static void *ngx_http_kerberos_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_kerberos_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_kerberos_create_srv_conf(ngx_conf_t *cf);
static void *ngx_http_kerberos_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_kerberos_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_kerberos_postconfiguration(ngx_conf_t *cf);
static void ngx_http_kerberos_cleanup(void *data);


static ngx_command_t  ngx_http_kerberos_commands[] = {

    { ngx_string("kerberos_zone"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_kerberos_zone,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_registry"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_kerberos_registry,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_state"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_kerberos_set_state,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_service"),
      NGX_HTTP_UPS_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_kerberos_service,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_balance"),
      NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ngx_http_kerberos_balance,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_breaker"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ngx_http_kerberos_breaker,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_failure_on"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ngx_http_kerberos_failure_on,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_keepalive"),
      NGX_HTTP_UPS_CONF|NGX_CONF_1MORE,
      ngx_http_kerberos_keepalive,
      NGX_HTTP_SRV_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("kerberos_problem_json"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_kerberos_loc_conf_t, problem_json),
      NULL },

    { ngx_string("kerberos_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS|NGX_CONF_TAKE1,
      ngx_http_kerberos_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_kerberos_module_ctx = {
    ngx_http_kerberos_add_variables,       /* preconfiguration */
    ngx_http_kerberos_postconfiguration,   /* postconfiguration */

    ngx_http_kerberos_create_main_conf,    /* create main configuration */
    ngx_http_kerberos_init_main_conf,      /* init main configuration */

    ngx_http_kerberos_create_srv_conf,     /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_kerberos_create_loc_conf,     /* create location configuration */
    ngx_http_kerberos_merge_loc_conf       /* merge location configuration */
};


ngx_module_t  ngx_http_kerberos_module = {
    NGX_MODULE_V1,
    &ngx_http_kerberos_module_ctx,         /* module context */
    ngx_http_kerberos_commands,            /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_kerberos_init_module,         /* init module */
    ngx_http_kerberos_init_process,        /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_kerberos_exit_process,        /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static void *
ngx_http_kerberos_create_main_conf(ngx_conf_t *cf)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kerberos_main_conf_t));
    if (kmcf == NULL) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    kmcf->cycle = cf->cycle;
    kmcf->zone_size = NGX_CONF_UNSET_SIZE;
    ngx_queue_init(&kmcf->pools);
    ngx_queue_init(&kmcf->trusts);
    kerberos_settings_init(&kmcf->breaker);

    kmcf->config = kerberos_config_create();
    if (kmcf->config == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_kerberos_cleanup;
    cln->data = kmcf;

    return kmcf;
}


static ngx_int_t
ngx_http_kerberos_postconfiguration(ngx_conf_t *cf)
{
    if (ngx_http_kerberos_init_header_filter(cf) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_kerberos_init_routes(cf);
}


static void
ngx_http_kerberos_cleanup(void *data)
{
    ngx_http_kerberos_main_conf_t  *kmcf = data;

    ngx_http_kerberos_free_store(kmcf);

    kerberos_config_destroy(kmcf->config);

    if (kmcf->state && kmcf->state->sources) {
        ngx_http_kerberos_free_save(kmcf->state->sources);
    }

    ngx_http_kerberos_free_leader(kmcf);

    if (kmcf->watch.timer_set) {
        ngx_del_timer(&kmcf->watch);
    }

    ngx_http_kerberos_free_sessions(kmcf);

#if (NGX_HTTP_SSL)
    ngx_http_kerberos_free_trusts(kmcf);
#endif

    if (kmcf->process) {
        kerberos_process_free(kmcf->process);
    }

    if (kmcf->zone) {
        kerberos_zone_close(kmcf->zone);
    }
}


/* runs when all upstream blocks have been initialized */

static char *
ngx_http_kerberos_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_kerberos_main_conf_t  *kmcf = conf;

    ngx_conf_init_size_value(kmcf->zone_size, NGX_HTTP_KERBEROS_ZONE_SIZE);

    if (kmcf->service_used && kmcf->registries == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"kerberos_service\" without "
                           "\"kerberos_registry\"");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_kerberos_check_upstreams(cf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (kmcf->used) {
        ngx_http_kerberos_name_variables(cf);
    }

    if (ngx_http_kerberos_read_registries(cf, kmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_kerberos_check_keys(cf, kmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

#if (NGX_HTTP_SSL)

    if (kmcf->registries && ngx_http_kerberos_create_tls(cf, kmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

#endif

    if (kmcf->used && ngx_http_kerberos_add_zone(cf, kmcf) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static void *
ngx_http_kerberos_create_srv_conf(ngx_conf_t *cf)
{
    ngx_http_kerberos_srv_conf_t  *kscf;

    kscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kerberos_srv_conf_t));
    if (kscf == NULL) {
        return NULL;
    }

    kerberos_settings_init(&kscf->breaker);

    kscf->pool.limits.max = NGX_CONF_UNSET_UINT;
    kscf->pool.limits.requests = NGX_CONF_UNSET_UINT;
    kscf->pool.limits.total = NGX_CONF_UNSET_UINT;
    kscf->pool.limits.idle = NGX_CONF_UNSET_MSEC;
    kscf->pool.time = NGX_CONF_UNSET_MSEC;

    return kscf;
}


static void *
ngx_http_kerberos_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_kerberos_loc_conf_t  *klcf;

    klcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_kerberos_loc_conf_t));
    if (klcf == NULL) {
        return NULL;
    }

    klcf->problem_json = NGX_CONF_UNSET;

    return klcf;
}


static char *
ngx_http_kerberos_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_kerberos_loc_conf_t  *prev = parent;
    ngx_http_kerberos_loc_conf_t  *conf = child;

    if (conf->service == NULL) {
        conf->service = prev->service;
    }

    ngx_conf_merge_value(conf->problem_json, prev->problem_json, 0);

    return NGX_CONF_OK;
}
