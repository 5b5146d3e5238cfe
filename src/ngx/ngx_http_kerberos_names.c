
/* SPDX-License-Identifier: MIT
 *
 * Names that are followed: one worker asks nginx's resolver for them, and asks
 * again when an answer's time is over.
 */

#include "ngx/ngx_http_kerberos_names.h"

#include <ngx_md5.h>


/* ms; a failure is asked again after 1, 2, 4, 8, 10, 10... s */
#define NGX_HTTP_KERBEROS_NAME_AGAIN     1000
#define NGX_HTTP_KERBEROS_NAME_PATIENCE  10000

/* ms that a change waits for a name that it brings */
#define NGX_HTTP_KERBEROS_NAME_WAIT      5000


static void ngx_http_kerberos_note_name(void *context, kerberos_text name);
static ngx_http_kerberos_name_t *ngx_http_kerberos_get_name(
    ngx_http_kerberos_main_conf_t *kmcf, ngx_str_t *name);
static void ngx_http_kerberos_forget_name(ngx_http_kerberos_names_t *names,
    ngx_http_kerberos_name_t *name);
static void ngx_http_kerberos_ask_handler(ngx_event_t *ev);
static void ngx_http_kerberos_split_name(ngx_str_t *whole, ngx_str_t *service,
    ngx_str_t *name);
static void ngx_http_kerberos_answer_handler(ngx_resolver_ctx_t *question);
static ngx_int_t ngx_http_kerberos_hear_answer(ngx_http_kerberos_name_t *name,
    ngx_resolver_ctx_t *question);
static void ngx_http_kerberos_hear_failure(ngx_http_kerberos_name_t *name,
    ngx_uint_t error);
static uint64_t ngx_http_kerberos_print_of(ngx_resolver_ctx_t *question);


/* called by the leader, some times a second */

void
ngx_http_kerberos_follow_names(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t                *q, *next;
    ngx_http_kerberos_name_t   *name;
    ngx_http_kerberos_names_t  *names;

    if (kmcf->resolver == NULL) {
        return;
    }

    names = &kmcf->leader.names;

    if (names->asked.next == NULL) {
        ngx_queue_init(&names->asked);
        ngx_rbtree_init(&names->tree, &names->sentinel,
                        ngx_str_rbtree_insert_value);
    }

    names->round++;

    kerberos_names(kmcf->process, ngx_http_kerberos_note_name, kmcf);

    for (q = ngx_queue_head(&names->asked);
         q != ngx_queue_sentinel(&names->asked);
         q = next)
    {
        next = ngx_queue_next(q);
        name = ngx_queue_data(q, ngx_http_kerberos_name_t, link);

        if (name->round != names->round && !name->wanted) {
            ngx_http_kerberos_forget_name(names, name);
        }
    }

    ngx_http_kerberos_tell_news(kmcf);
}


void
ngx_http_kerberos_want_name(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_str_t *text)
{
    ngx_http_kerberos_name_t  *name;

    name = ngx_http_kerberos_get_name(kmcf, text);

    if (name && !name->wanted) {
        name->wanted = 1;
        name->failures = 0;
        kmcf->leader.names.wanted++;

        /* one that is under way may take longer than a change waits */

        if (name->question) {
            ngx_resolve_name_done(name->question);
            name->question = NULL;
        }

        ngx_add_timer(&name->again, 1);
    }
}


/* another worker leads, or this one ends */

void
ngx_http_kerberos_leave_names(ngx_http_kerberos_main_conf_t *kmcf)
{
    ngx_queue_t                *q;
    ngx_http_kerberos_name_t   *name;
    ngx_http_kerberos_names_t  *names;

    names = &kmcf->leader.names;

    if (names->wanted) {
        /* the change that waits for them is looked at again */
        kmcf->leader.noticed = 1;
    }

    while (names->asked.next && !ngx_queue_empty(&names->asked)) {
        q = ngx_queue_head(&names->asked);
        name = ngx_queue_data(q, ngx_http_kerberos_name_t, link);

        ngx_http_kerberos_forget_name(names, name);
    }
}


static void
ngx_http_kerberos_note_name(void *context, kerberos_text text)
{
    ngx_http_kerberos_main_conf_t  *kmcf = context;

    ngx_str_t                  key;
    ngx_http_kerberos_name_t  *name;

    key.data = (u_char *) text.data;
    key.len = text.len;

    name = ngx_http_kerberos_get_name(kmcf, &key);

    if (name) {
        name->round = kmcf->leader.names.round;
    }
}


static ngx_http_kerberos_name_t *
ngx_http_kerberos_get_name(ngx_http_kerberos_main_conf_t *kmcf,
    ngx_str_t *text)
{
    ngx_http_kerberos_name_t   *name;
    ngx_http_kerberos_names_t  *names;

    names = &kmcf->leader.names;

    name = ngx_http_kerberos_find_name(names, text);

    if (name) {
        return name;
    }

    name = ngx_calloc(sizeof(ngx_http_kerberos_name_t) + text->len,
                      kmcf->cycle->log);
    if (name == NULL) {
        return NULL;
    }

    name->kmcf = kmcf;
    name->sn.node.key = ngx_crc32_short(text->data, text->len);
    name->sn.str.len = text->len;
    name->sn.str.data = (u_char *) (name + 1);
    ngx_memcpy(name->sn.str.data, text->data, text->len);

    ngx_rbtree_insert(&names->tree, &name->sn.node);
    ngx_queue_insert_tail(&names->asked, &name->link);

    ngx_http_kerberos_set_event(&name->again, &name->connection, name,
                                ngx_http_kerberos_ask_handler);
    name->again.log = kmcf->cycle->log;

    ngx_add_timer(&name->again, 1);

    return name;
}


ngx_http_kerberos_name_t *
ngx_http_kerberos_find_name(ngx_http_kerberos_names_t *names, ngx_str_t *text)
{
    /* its node is the first of a name */

    return (ngx_http_kerberos_name_t *)
               ngx_str_rbtree_lookup(&names->tree, text,
                                     ngx_crc32_short(text->data, text->len));
}


static void
ngx_http_kerberos_forget_name(ngx_http_kerberos_names_t *names,
    ngx_http_kerberos_name_t *name)
{
    if (name->question) {
        ngx_resolve_name_done(name->question);
    }

    if (name->again.timer_set) {
        ngx_del_timer(&name->again);
    }

    if (name->wanted) {
        names->wanted--;
    }

    ngx_rbtree_delete(&names->tree, &name->sn.node);
    ngx_queue_remove(&name->link);

    if (name->sockaddrs) {
        ngx_free(name->sockaddrs);
    }

    ngx_free(name);
}


static void
ngx_http_kerberos_ask_handler(ngx_event_t *ev)
{
    ngx_msec_t                      wait;
    ngx_connection_t               *c;
    ngx_resolver_ctx_t             *question;
    ngx_http_kerberos_name_t       *name;
    ngx_http_kerberos_main_conf_t  *kmcf;

    c = ev->data;
    name = c->data;
    kmcf = name->kmcf;

    if (ngx_exiting || ngx_terminate || ngx_quit) {
        return;
    }

    question = ngx_resolve_start(kmcf->resolver, NULL);

    if (question == NULL || question == NGX_NO_RESOLVER) {
        ngx_add_timer(ev, NGX_HTTP_KERBEROS_NAME_PATIENCE);
        return;
    }

    ngx_http_kerberos_split_name(&name->sn.str, &question->service,
                                 &question->name);

    question->handler = ngx_http_kerberos_answer_handler;
    question->data = name;
    question->cancelable = 1;
    question->timeout = kmcf->resolver_timeout;

    if (name->wanted) {
        wait = NGX_HTTP_KERBEROS_NAME_WAIT;

        if (question->service.len) {
            /* the hosts are asked for when the records have come */
            wait /= 2;
        }

        question->timeout = ngx_min(question->timeout, wait);
    }

    name->question = question;

    /* the answer may come before this returns */

    if (ngx_resolve_name(question) != NGX_OK) {
        name->question = NULL;
        ngx_add_timer(ev, NGX_HTTP_KERBEROS_NAME_PATIENCE);
    }
}


/* "_http._tcp.users.example.org" is a service of a name */

static void
ngx_http_kerberos_split_name(ngx_str_t *whole, ngx_str_t *service,
    ngx_str_t *name)
{
    u_char  *dot, *last;

    *name = *whole;

    if (whole->data[0] != '_') {
        return;
    }

    last = whole->data + whole->len;

    dot = ngx_strlchr(whole->data, last, '.');

    if (dot == NULL || (size_t) (last - dot) <= sizeof("._tcp.") - 1
        || ngx_strncmp(dot, "._tcp.", sizeof("._tcp.") - 1) != 0)
    {
        return;
    }

    dot += sizeof("._tcp") - 1;

    service->data = whole->data;
    service->len = dot - whole->data;

    name->data = dot + 1;
    name->len = last - name->data;
}


static void
ngx_http_kerberos_answer_handler(ngx_resolver_ctx_t *question)
{
    time_t                          now;
    ngx_msec_t                      again;
    ngx_http_kerberos_name_t       *name;
    ngx_http_kerberos_main_conf_t  *kmcf;

    name = question->data;
    kmcf = name->kmcf;
    now = ngx_time();

    if (question->state == NGX_OK && question->naddrs
        && ngx_http_kerberos_hear_answer(name, question) == NGX_OK)
    {
        again = question->valid > now ? question->valid - now + 1 : 1;
        again *= 1000;

    } else {
        again = NGX_HTTP_KERBEROS_NAME_AGAIN << ngx_min(name->failures, 4);
        again = ngx_min(again, NGX_HTTP_KERBEROS_NAME_PATIENCE);

        ngx_http_kerberos_hear_failure(name, question->state
                                             ? question->state
                                             : NGX_RESOLVE_NXDOMAIN);
    }

    name->question = NULL;
    ngx_resolve_name_done(question);

    ngx_add_timer(&name->again, again);

    if (name->news) {
        ngx_http_kerberos_tell_news(kmcf);
    }
}


/* NGX_ERROR: no memory */

static ngx_int_t
ngx_http_kerberos_hear_answer(ngx_http_kerberos_name_t *name,
    ngx_resolver_ctx_t *question)
{
    uint64_t         print;
    ngx_uint_t       i, partial;
    ngx_sockaddr_t  *sockaddrs;

    partial = 0;

    for (i = 0; i < question->nsrvs; i++) {

        /* a host that does not exist will not come */

        if (question->srvs[i].state != NGX_OK
            && question->srvs[i].state != NGX_RESOLVE_NXDOMAIN)
        {
            partial = 1;
        }
    }

    print = ngx_http_kerberos_print_of(question);

    if (print == name->print && partial == name->partial && !name->failures
        && !name->wanted)
    {
        return NGX_OK;
    }

    sockaddrs = ngx_alloc(question->naddrs * (sizeof(ngx_sockaddr_t)
                                              + sizeof(kerberos_named)),
                          name->again.log);
    if (sockaddrs == NULL) {
        return NGX_ERROR;
    }

    if (name->sockaddrs) {
        ngx_free(name->sockaddrs);
    }

    name->sockaddrs = sockaddrs;
    name->addresses = (kerberos_named *) (sockaddrs + question->naddrs);
    name->naddresses = question->naddrs;

    for (i = 0; i < question->naddrs; i++) {
        ngx_memcpy(&sockaddrs[i], question->addrs[i].sockaddr,
                   question->addrs[i].socklen);

        name->addresses[i].sockaddr = &sockaddrs[i];
        name->addresses[i].priority = question->addrs[i].priority;
        name->addresses[i].weight = question->addrs[i].weight;
    }

    name->print = print;
    name->partial = partial;
    name->failures = 0;
    name->error = 0;
    name->news = ++name->kmcf->leader.names.serial;

    return NGX_OK;
}


static void
ngx_http_kerberos_hear_failure(ngx_http_kerberos_name_t *name,
    ngx_uint_t error)
{
    if (name->failures++ && !name->wanted) {
        return;
    }

    name->naddresses = 0;
    name->error = error;
    name->news = ++name->kmcf->leader.names.serial;
}


/* addresses in another order have the same */

static uint64_t
ngx_http_kerberos_print_of(ngx_resolver_ctx_t *question)
{
    uint64_t              sum, part[2];
    ngx_md5_t             md5;
    ngx_uint_t            i;
    ngx_resolver_addr_t  *addr;

    sum = question->naddrs;

    for (i = 0; i < question->naddrs; i++) {
        addr = &question->addrs[i];

        ngx_md5_init(&md5);
        ngx_md5_update(&md5, addr->sockaddr, addr->socklen);
        ngx_md5_update(&md5, &addr->priority, sizeof(addr->priority));
        ngx_md5_update(&md5, &addr->weight, sizeof(addr->weight));
        ngx_md5_final((u_char *) part, &md5);

        sum += part[0];
    }

    return sum;
}
