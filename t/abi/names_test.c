/* SPDX-License-Identifier: MIT
 *
 * Names that are followed: what was heard of them, and generations that come of it.
 */
#include "abi/gate.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/un.h>

#define SERVICES "users: [\"http://users.test:80\", \"http+srv://_http._tcp.users.test\"]\n"

typedef struct {
    int  count;
    int  warnings;
    char text[1024];
} lines;

static void note_line(void *context, kerberos_text line, int warning)
{
    lines *noted = context;
    size_t length = strlen(noted->text);

    snprintf(noted->text + length, sizeof(noted->text) - length, "%.*s\n", (int) line.len,
             line.data);
    noted->count++;
    noted->warnings += warning;
}

static void note_name(void *context, kerberos_text name)
{
    lines *noted = context;

    note_line(noted, name, 0);
}

static void ignore_message(void *context, kerberos_text line)
{
    (void) context;
    (void) line;
}

static kerberos_config *following(const char *yaml)
{
    kerberos_config *config = kerberos_config_create();
    kerberos_settings inherited = quick();
    kerberos_source source = { text("/a.yaml"), text(yaml) };
    size_t i;

    assert_int_equal(kerberos_config_read(config, &source, 1, NULL, 0, &inherited, ignore_message,
                                          NULL),
                     KERBEROS_OK);
    assert_false(kerberos_config_follows(config));
    for (i = 0; i < kerberos_config_targets(config); i++) {
        kerberos_config_follow(config, i);
    }
    return config;
}

static struct sockaddr_in v4(const char *ip, int port)
{
    struct sockaddr_in address;

    memset(&address, 0, sizeof(address));
    address.sin_family = AF_INET;
    address.sin_port = htons((uint16_t) port);
    inet_pton(AF_INET, ip, &address.sin_addr);
    return address;
}

/* One address, or with NULL a failure. */
static int hear(gate *at, const char *name, const char *ip, int port, lines *noted)
{
    struct sockaddr_in address = v4(ip != NULL ? ip : "0.0.0.0", port);
    kerberos_named named = { &address, 1, 5 };
    kerberos_hearing hearing = { text(name), &named, ip != NULL, ip != NULL ? 0 : ETIMEDOUT, 0 };
    int changed = -1;

    assert_int_equal(kerberos_zone_learn(at->zone, &hearing, 1, 1, note_line, noted, &changed),
                     KERBEROS_OK);
    return changed;
}

static void four(gate *at, const char *name)
{
    struct sockaddr_in addresses[4];
    kerberos_named named[4];
    kerberos_hearing hearing = { text(name), named, 4, 0, 0 };
    lines noted = { 0, 0, "" };
    char ip[32];
    int changed = 0;
    int i;

    for (i = 0; i < 4; i++) {
        snprintf(ip, sizeof(ip), "10.0.0.%d", i + 1);
        addresses[i] = v4(ip, 0);
        named[i].sockaddr = &addresses[i];
        named[i].priority = named[i].weight = 0;
    }
    assert_int_equal(kerberos_zone_learn(at->zone, &hearing, 1, 1, note_line, &noted, &changed),
                     KERBEROS_OK);
}

static void names_are_learnt_and_followed(void **state)
{
    gate *at = *state;
    kerberos_edition other = { { 9, 9 }, 1 };
    uint64_t generation = 0;
    lines noted = { 0, 0, "" };

    at->config = following(SERVICES);
    assert_true(kerberos_config_follows(at->config));
    start(at);
    assert_int_equal(kerberos_service_peers(at->process, 0), 0);
    kerberos_names(at->process, note_name, &noted);
    assert_string_equal(noted.text, "_http._tcp.users.test\nusers.test\n");

    memset(&noted, 0, sizeof(noted));
    assert_int_equal(kerberos_zone_unheard(at->zone, at->config, 1, note_name, &noted),
                     KERBEROS_OK);
    assert_int_equal(noted.count, 2);

    memset(&noted, 0, sizeof(noted));
    assert_int_equal(hear(at, "users.test", "10.0.0.1", 0, &noted), 1);
    assert_int_equal(hear(at, "users.test", "10.0.0.1", 0, &noted), 0);
    assert_int_equal(hear(at, "_http._tcp.users.test", "10.0.0.2", 81, &noted), 1);
    assert_int_equal(hear(at, "users.test", NULL, 0, &noted), 0);
    assert_int_equal(noted.warnings, 1);
    assert_string_equal(noted.text,
                        "name \"users.test\" is 1 address: +10.0.0.1\n"
                        "name \"_http._tcp.users.test\" is 1 address: +10.0.0.2:81\n"
                        "name \"users.test\" could not be resolved (110: Operation timed out), "
                        "1 address stays\n");

    memset(&noted, 0, sizeof(noted));
    assert_int_equal(kerberos_zone_unheard(at->zone, at->config, 1, note_name, &noted),
                     KERBEROS_OK);
    assert_int_equal(noted.count, 0);

    /* not of another edition, nor of another configuration */
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation, &other, 1,
                                           &generation),
                     KERBEROS_REFUSED);
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation + 1, &kEdition, 1,
                                           &generation),
                     KERBEROS_REFUSED);
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation, &kEdition, 1,
                                           &generation),
                     KERBEROS_OK);
    assert_int_equal(kerberos_adopt(at->process), 1);
    assert_int_equal(kerberos_service_peers(at->process, 0), 2);
    assert_int_equal(kerberos_config_peers(at->config), 2);
}

/* Also where another has learnt it. */
static void what_was_learnt_is_due_until_it_is_built(void **state)
{
    gate *at = *state;
    uint64_t generation = 0;
    lines noted = { 0, 0, "" };

    at->config = following(SERVICES);
    start(at);
    assert_false(kerberos_zone_stale(at->zone));
    hear(at, "users.test", "10.0.0.1", 0, &noted);
    hear(at, "users.test", "10.0.0.1", 0, &noted);
    assert_true(kerberos_zone_stale(at->zone));
    at->memory.fail_at = 1;
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation, &kEdition, 1,
                                           &generation),
                     KERBEROS_NO_MEMORY);
    assert_true(kerberos_zone_stale(at->zone));
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation, &kEdition, 1,
                                           &generation),
                     KERBEROS_OK);
    assert_false(kerberos_zone_stale(at->zone));
}

/* Who was held up learns nothing any more: he asks whether another leads. */
static void one_leads(void **state)
{
    gate *at = *state;
    kerberos_process *other = NULL;

    at->config = following(SERVICES);
    start(at);
    assert_int_equal(kerberos_attach(at->zone, 5, 4712, at->generation, 1, &other), KERBEROS_OK);
    assert_true(kerberos_lead(at->process, 1000));
    assert_true(kerberos_leads(at->process));
    assert_false(kerberos_leads(other));
    assert_true(kerberos_lead(other, 9000));
    assert_false(kerberos_leads(at->process));
    assert_true(kerberos_leads(other));
    kerberos_detach(other);
    kerberos_process_free(other);
}

/* Four peers, and then a name that nobody can tell: no file that was cut off. */
static void what_nobody_can_tell_is_no_shrinking(void **state)
{
    gate *at = *state;
    lines noted = { 0, 0, "" };
    size_t before = 0;
    size_t after = 0;

    at->config = following("users: [\"http://a.test:80\"]\n");
    open_zone(at);
    four(at, "a.test");
    kerberos_zone_close(at->zone);
    start(at);
    assert_int_equal(kerberos_service_peers(at->process, 0), 4);
    kerberos_config_destroy(at->config);

    at->config = following("users: [\"http://b.test:80\"]\n");
    hear(at, "b.test", NULL, 0, &noted);
    assert_false(kerberos_zone_shrinks(at->zone, at->config, &before, &after));
    assert_int_equal(before, 4);
    assert_int_equal(after, 0);
    hear(at, "b.test", "10.0.0.1", 0, &noted);
    assert_true(kerberos_zone_shrinks(at->zone, at->config, &before, &after));
    assert_int_equal(after, 1);
}

/* What a bad file has to say stays, whatever DNS says. */
static void a_refresh_leaves_a_refusal(void **state)
{
    gate *at = *state;
    kerberos_edition bad = { { 7, 7 }, 1 };
    uint64_t generation = 0;
    lines noted = { 0, 0, "" };

    at->config = following(SERVICES);
    start(at);
    kerberos_zone_refuse(at->zone, &bad, text("no good"));
    hear(at, "users.test", "10.0.0.1", 0, &noted);
    assert_int_equal(kerberos_zone_refresh(at->zone, at->config, at->generation, &kEdition, 1,
                                           &generation),
                     KERBEROS_OK);
    assert_int_equal(kerberos_zone_knows(at->zone, at->generation, &bad), KERBEROS_REFUSED_BEFORE);
    assert_int_equal(kerberos_zone_knows(at->zone, at->generation, &kEdition), KERBEROS_REPAIRED);
}

static void assert_saved(gate *at, const char *expected)
{
    kerberos_document *document = NULL;

    assert_int_equal(kerberos_save_names(at->zone, &document), KERBEROS_OK);
    assert_text(kerberos_document_text(document), expected);
    kerberos_document_free(document);
}

static kerberos_result learn(gate *at, const kerberos_hearing *hearings, size_t count,
                             lines *noted, int *changed)
{
    *changed = -1;
    return kerberos_zone_learn(at->zone, hearings, count, 1, note_line, noted, changed);
}

#define ROW(name, ip, port, priority, weight)                                                   \
    "{\"name\":\"" name "\",\"ip\":\"" ip "\",\"port\":" port ",\"priority\":" priority          \
    ",\"weight\":" weight "}"
#define SAVED(rows) "{\"schema\":1,\"kind\":\"kerberos names\",\"addresses\":[" rows "]}\n"

/* Of both families, whatever the order, and without what is neither. */
static void what_is_heard_is_kept_whole(void **state)
{
    gate *at = *state;
    struct sockaddr_in four = v4("10.0.0.1", 81);
    struct sockaddr_in6 six;
    struct sockaddr_un other;
    kerberos_named named[3] = { { &four, 3, 4 }, { &other, 0, 0 }, { &six, 1, 2 } };
    kerberos_named turned[3];
    kerberos_hearing hearing = { text("users.test"), named, 3, 0, 0 };
    lines noted = { 0, 0, "" };
    int changed;

    memset(&six, 0, sizeof(six));
    six.sin6_family = AF_INET6;
    six.sin6_port = htons(82);
    inet_pton(AF_INET6, "2001:db8::1", &six.sin6_addr);
    memset(&other, 0, sizeof(other));
    other.sun_family = AF_UNIX;

    open_zone(at);
    assert_int_equal(learn(at, &hearing, 1, &noted, &changed), KERBEROS_OK);
    assert_int_equal(changed, 1);
    assert_saved(at, SAVED(ROW("users.test", "10.0.0.1", "81", "3", "4") ","
                           ROW("users.test", "2001:db8::1", "82", "1", "2")));
    turned[0] = named[2];
    turned[1] = named[0];
    hearing.addresses = turned;
    hearing.count = 2;
    assert_int_equal(learn(at, &hearing, 1, &noted, &changed), KERBEROS_OK);
    assert_int_equal(changed, 0);

    /* a part of it takes nothing away */
    hearing.count = 1;
    hearing.partial = 1;
    assert_int_equal(learn(at, &hearing, 1, &noted, &changed), KERBEROS_OK);
    assert_int_equal(changed, 0);
    hearing.partial = 0;
    assert_int_equal(learn(at, &hearing, 1, &noted, &changed), KERBEROS_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(noted.count, 2);
}

/* Where one has no memory the others are learnt, and nothing is told of it. */
static void one_that_is_not_kept_is_heard_again(void **state)
{
    gate *at = *state;
    struct sockaddr_in address = v4("10.0.0.1", 0);
    kerberos_named named = { &address, 0, 0 };
    kerberos_hearing hearings[2] = { { text("a.test"), &named, 1, 0, 0 },
                                     { text("b.test"), &named, 1, 0, 0 } };
    lines noted = { 0, 0, "" };
    int changed;

    open_zone(at);
    at->memory.fail_at = 1;
    assert_int_equal(learn(at, hearings, 2, &noted, &changed), KERBEROS_NO_MEMORY);
    assert_int_equal(changed, 1);
    assert_string_equal(noted.text, "name \"b.test\" is 1 address: +10.0.0.1\n");
    assert_int_equal(learn(at, hearings, 2, &noted, &changed), KERBEROS_OK);
    assert_int_equal(changed, 1);
    assert_int_equal(noted.count, 2);

    address = v4("10.0.0.9", 0);
    at->memory.fail_at = 1;
    assert_int_equal(learn(at, hearings, 1, &noted, &changed), KERBEROS_NO_MEMORY);
    assert_int_equal(changed, 0);
    assert_int_equal(noted.count, 2);
}

/* What the next build takes away as history is asked for again. */
static void what_is_history_is_unheard(void **state)
{
    gate *at = *state;
    lines noted = { 0, 0, "" };

    at->config = following("users: [\"http://users.test:80\"]\n");
    open_zone(at);
    hear(at, "users.test", "10.0.0.1", 0, &noted);
    memset(&noted, 0, sizeof(noted));
    assert_int_equal(kerberos_zone_unheard(at->zone, at->config, 600000, note_name, &noted),
                     KERBEROS_OK);
    assert_int_equal(noted.count, 0);
    assert_int_equal(kerberos_zone_unheard(at->zone, at->config, 600001, note_name, &noted),
                     KERBEROS_OK);
    assert_string_equal(noted.text, "users.test\n");
}

/* Whoever wrote it may have had another order. */
static void what_is_restored_is_in_order(void **state)
{
    gate *at = *state;
    const char *saved = SAVED(ROW("a.test", "10.0.0.2", "0", "0", "0") ","
                              ROW("b.test", "10.0.0.3", "0", "0", "0") ","
                              ROW("a.test", "10.0.0.1", "0", "0", "0"));
    char problem[128];
    size_t names = 0;

    open_zone(at);
    at->memory.fail_at = 1;
    assert_int_equal(kerberos_restore_names(at->zone, text(saved), 1, &names, problem,
                                            sizeof(problem)),
                     KERBEROS_NO_MEMORY);
    assert_int_equal(kerberos_restore_names(at->zone, text(saved), 1, &names, problem,
                                            sizeof(problem)),
                     KERBEROS_OK);
    assert_int_equal(names, 2);
    assert_saved(at, SAVED(ROW("a.test", "10.0.0.1", "0", "0", "0") ","
                           ROW("a.test", "10.0.0.2", "0", "0", "0") ","
                           ROW("b.test", "10.0.0.3", "0", "0", "0")));
}

static void a_restart_knows_them(void **state)
{
    gate *at = *state;
    kerberos_document *document = NULL;
    lines noted = { 0, 0, "" };
    char problem[128];
    size_t names = 0;

    open_zone(at);
    hear(at, "users.test", "10.0.0.1", 0, &noted);
    hear(at, "gone.test", NULL, 0, &noted);
    assert_int_equal(kerberos_save_names(at->zone, &document), KERBEROS_OK);
    kerberos_zone_close(at->zone);
    at->header = NULL;

    at->config = following(SERVICES);
    open_zone(at);
    assert_int_equal(kerberos_restore_names(at->zone, text("{}"), 1, &names, problem,
                                            sizeof(problem)),
                     KERBEROS_REFUSED);
    assert_true(strlen(problem) > 0);
    assert_int_equal(kerberos_restore_names(at->zone, kerberos_document_text(document), 1, &names,
                                            problem, sizeof(problem)),
                     KERBEROS_OK);
    assert_int_equal(names, 1);
    kerberos_document_free(document);
    reload(at);
    assert_int_equal(kerberos_attach(at->zone, 3, 4711, at->generation, 1, &at->process),
                     KERBEROS_OK);
    assert_int_equal(kerberos_service_peers(at->process, 0), 1);
}

static void a_target_is_refused_with_its_place(void **state)
{
    gate *at = *state;
    lines noted = { 0, 0, "" };

    at->config = following(SERVICES);
    assert_int_equal(kerberos_config_target(at->config, 0).kind, KERBEROS_NAME);
    assert_int_equal(kerberos_config_target(at->config, 1).kind, KERBEROS_SRV);
    assert_int_equal(kerberos_config_refuse_target(at->config, 0, text("who is that?"), note_name, &noted),
                     KERBEROS_OK);
    assert_string_equal(noted.text,
                        "/a.yaml:1:9: who is that?\n"
                        "    1 | users: [\"http://users.test:80\", "
                        "\"http+srv://_http._tcp.users.test\"]\n"
                        "      |         ^\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(names_are_learnt_and_followed),
        gate_test(what_was_learnt_is_due_until_it_is_built),
        gate_test(one_leads),
        gate_test(what_nobody_can_tell_is_no_shrinking),
        gate_test(a_refresh_leaves_a_refusal),
        gate_test(what_is_heard_is_kept_whole),
        gate_test(one_that_is_not_kept_is_heard_again),
        gate_test(what_is_history_is_unheard),
        gate_test(what_is_restored_is_in_order),
        gate_test(a_restart_knows_them),
        gate_test(a_target_is_refused_with_its_place),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
