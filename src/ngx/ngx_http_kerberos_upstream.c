
/* SPDX-License-Identifier: MIT
 *
 * Upstream blocks: how one becomes a service, and how the registry gets one
 * without a block.
 */

#include "ngx/ngx_http_kerberos_request.h"


static ngx_int_t ngx_http_kerberos_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us);
static ngx_int_t ngx_http_kerberos_add_service(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf);
static ngx_int_t ngx_http_kerberos_add_server(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *inherited);
static ngx_int_t ngx_http_kerberos_server_settings(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *settings);
static ngx_int_t ngx_http_kerberos_server_setting(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *settings, char *parameter, char *setting,
    u_char *number);


/* called by every directive of ours in an upstream block */

ngx_int_t
ngx_http_kerberos_serve_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf)
{
    ngx_http_kerberos_main_conf_t  *kmcf;

    if (kscf->used) {
        return NGX_OK;
    }

    kscf->used = 1;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);
    kmcf->used = 1;

    us->flags = NGX_HTTP_UPSTREAM_CREATE
                |NGX_HTTP_UPSTREAM_WEIGHT
                |NGX_HTTP_UPSTREAM_MAX_CONNS
                |NGX_HTTP_UPSTREAM_MAX_FAILS
                |NGX_HTTP_UPSTREAM_FAIL_TIMEOUT
                |NGX_HTTP_UPSTREAM_DOWN
                |NGX_HTTP_UPSTREAM_BACKUP;

    return ngx_http_kerberos_hook_upstream(cf, us,
                                           ngx_http_kerberos_init_upstream);
}


static ngx_int_t
ngx_http_kerberos_init_upstream(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_kerberos_srv_conf_t   *kscf;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kscf = ngx_http_conf_upstream_srv_conf(us, ngx_http_kerberos_module);

    /*
     * nginx's own balancer is set up too: it validates the servers, is what
     * the "zone" directive copies, and is what we fall back to
     */

    if (ngx_http_upstream_init_round_robin(cf, us) != NGX_OK) {
        return NGX_ERROR;
    }

    kscf->served = 1;
    kscf->round_robin = us->peer.init;
    us->peer.init = ngx_http_kerberos_init_peer;

    ngx_http_kerberos_settle_keepalive(cf, us, kscf);

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    if (kscf->service || us == kmcf->registry) {

        if (us->servers->nelts > 1 || kscf->balance) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "\"%s\" is not allowed together with "
                          "\"kerberos_service\" in upstream \"%V\" in %s:%ui",
                          kscf->balance ? "kerberos_balance" : "server",
                          &us->host, us->file_name, us->line);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    return ngx_http_kerberos_add_service(cf, us, kscf);
}


static ngx_int_t
ngx_http_kerberos_add_service(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_kerberos_srv_conf_t *kscf)
{
    char                            text[256];
    ngx_uint_t                      i;
    kerberos_text                   name;
    kerberos_settings               settings;
    ngx_http_upstream_server_t     *server;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    settings = kscf->breaker;
    kerberos_settings_inherit(&settings, &kmcf->breaker);

    if (kerberos_settings_contradict(&settings, text, sizeof(text))) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"kerberos_breaker\" %s in upstream \"%V\" in %s:%ui",
                      text, &us->host, us->file_name, us->line);
        return NGX_ERROR;
    }

    name.data = (char *) us->host.data;
    name.len = us->host.len;

    if (kerberos_config_add_service(kmcf->config, name) != KERBEROS_OK) {
        return NGX_ERROR;
    }

    if (kscf->balance
        && kerberos_config_balance(kmcf->config, kscf->balance,
                                   kscf->balance_words)
           != KERBEROS_OK)
    {
        return NGX_ERROR;
    }

    server = us->servers->elts;

    for (i = 0; i < us->servers->nelts; i++) {
        if (ngx_http_kerberos_add_server(cf, us, &server[i], &settings)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_add_server(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *inherited)
{
    ngx_uint_t                      i;
    kerberos_peer                   peer;
    kerberos_text                   name;
    kerberos_settings               settings;
    ngx_http_kerberos_main_conf_t  *kmcf;

    kmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_kerberos_module);

    kerberos_settings_init(&settings);

    if (ngx_http_kerberos_server_settings(cf, us, server, &settings)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    kerberos_settings_inherit(&settings, inherited);

    ngx_memzero(&peer, sizeof(kerberos_peer));

    peer.weight = server->weight;
    peer.max_conns = server->max_conns;
    peer.backup = server->backup;
    peer.down = server->down;
    peer.settings = &settings;

    if (kerberos_config_add_peer(kmcf->config, &peer) != KERBEROS_OK) {
        return NGX_ERROR;
    }

    for (i = 0; i < server->naddrs; i++) {
        name.data = (char *) server->addrs[i].name.data;
        name.len = server->addrs[i].name.len;

        if (kerberos_config_add_address(kmcf->config,
                                        server->addrs[i].sockaddr,
                                        server->addrs[i].socklen, name)
            != KERBEROS_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/*
 * "max_fails" and "fail_timeout" mean the breaker where they differ from
 * nginx's defaults, which nobody can tell from not being there
 */

static ngx_int_t
ngx_http_kerberos_server_settings(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *settings)
{
    u_char  value[NGX_INT64_LEN + 2];

    if (server->max_fails != 1) {
        ngx_sprintf(value, "%ui%Z", server->max_fails);

        if (ngx_http_kerberos_server_setting(cf, us, server, settings,
                                             "max_fails", "threshold", value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (server->fail_timeout != 10) {

        /* none at all means the shortest there is */

        if (server->fail_timeout == 0) {
            ngx_sprintf(value, "1ms%Z");

        } else {
            ngx_sprintf(value, "%Ts%Z", server->fail_timeout);
        }

        if (ngx_http_kerberos_server_setting(cf, us, server, settings,
                                             "fail_timeout", "timeout", value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_kerberos_server_setting(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us, ngx_http_upstream_server_t *server,
    kerberos_settings *settings, char *parameter, char *setting,
    u_char *number)
{
    char           allowed[256];
    kerberos_text  name, value;

    name.data = setting;
    name.len = ngx_strlen(setting);
    value.data = (char *) number;
    value.len = ngx_strlen(number);

    if (kerberos_settings_set(settings, name, value, allowed, sizeof(allowed))
        == KERBEROS_TAKEN)
    {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "invalid parameter \"%s=%s\" of server \"%V\" (%s) in "
                  "upstream \"%V\" in %s:%ui",
                  parameter, number, &server->name, allowed, &us->host,
                  us->file_name, us->line);

    return NGX_ERROR;
}


/* a block whose service comes from the registry has no servers of its own,
   and nginx wants one */

ngx_int_t
ngx_http_kerberos_add_placeholder(ngx_conf_t *cf,
    ngx_http_upstream_srv_conf_t *us)
{
    struct sockaddr_in          *sin;
    ngx_http_upstream_server_t  *server;

    server = ngx_array_push(us->servers);
    if (server == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(server, sizeof(ngx_http_upstream_server_t));

    server->addrs = ngx_pcalloc(cf->pool, sizeof(ngx_addr_t));
    sin = ngx_pcalloc(cf->pool, sizeof(struct sockaddr_in));

    if (server->addrs == NULL || sin == NULL) {
        return NGX_ERROR;
    }

    sin->sin_family = AF_INET;

    server->name = us->host;
    server->addrs[0].sockaddr = (struct sockaddr *) sin;
    server->addrs[0].socklen = sizeof(struct sockaddr_in);
    server->addrs[0].name = us->host;
    server->naddrs = 1;
    server->weight = 1;
    server->max_fails = 1;
    server->fail_timeout = 10;
    server->down = 1;

    return NGX_OK;
}


/* does what nginx does at "upstream NAME {" and "}" */

ngx_http_upstream_srv_conf_t *
ngx_http_kerberos_add_upstream(ngx_conf_t *cf, ngx_str_t *name)
{
    void                          *mconf;
    ngx_url_t                      u;
    ngx_uint_t                     m;
    ngx_module_t                  *module;
    ngx_http_module_t             *http;
    ngx_http_upstream_srv_conf_t  *us;

    ngx_memzero(&u, sizeof(ngx_url_t));

    u.host = *name;
    u.no_resolve = 1;
    u.no_port = 1;

    us = ngx_http_upstream_add(cf, &u, NGX_HTTP_UPSTREAM_CREATE);
    if (us == NULL) {
        return NULL;
    }

    us->srv_conf = ngx_pcalloc(cf->pool, sizeof(void *) * ngx_http_max_module);
    us->servers = ngx_array_create(cf->pool, 1,
                                   sizeof(ngx_http_upstream_server_t));

    if (us->srv_conf == NULL || us->servers == NULL) {
        return NULL;
    }

    us->srv_conf[ngx_http_upstream_module.ctx_index] = us;

    for (m = 0; cf->cycle->modules[m]; m++) {
        module = cf->cycle->modules[m];

        if (module->type != NGX_HTTP_MODULE) {
            continue;
        }

        http = module->ctx;

        if (http->create_srv_conf == NULL
            || module == &ngx_http_upstream_module)
        {
            continue;
        }

        mconf = http->create_srv_conf(cf);
        if (mconf == NULL) {
            return NULL;
        }

        us->srv_conf[module->ctx_index] = mconf;
    }

    if (ngx_http_kerberos_add_placeholder(cf, us) != NGX_OK) {
        return NULL;
    }

    return us;
}


/* a balancing method that stands after our directives would silently win */

ngx_int_t
ngx_http_kerberos_check_upstreams(ngx_conf_t *cf)
{
    ngx_uint_t                       i;
    ngx_http_kerberos_srv_conf_t    *kscf;
    ngx_http_upstream_srv_conf_t   **us;
    ngx_http_upstream_main_conf_t   *umcf;

    umcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_upstream_module);

    us = umcf->upstreams.elts;

    for (i = 0; i < umcf->upstreams.nelts; i++) {

        if (us[i]->srv_conf == NULL) {
            continue;
        }

        kscf = ngx_http_conf_upstream_srv_conf(us[i],
                                               ngx_http_kerberos_module);

        if (kscf->used && !kscf->served) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "another load balancing method is not allowed "
                          "together with \"kerberos_*\" directives (use "
                          "\"kerberos_balance\") in upstream \"%V\" in %s:%ui",
                          &us[i]->host, us[i]->file_name, us[i]->line);
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
