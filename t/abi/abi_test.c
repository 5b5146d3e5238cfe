/* SPDX-License-Identifier: MIT
 *
 * The face of the core as whoever embeds it has it: the header and the archive, in C99.
 */
#pragma GCC diagnostic error "-Wpedantic"
#include "abi/kerberos.h"
#pragma GCC diagnostic warning "-Wpedantic"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* The memory of a zone: nothing that was given back is used again. */
typedef struct {
    char    *base;
    size_t   size;
    size_t   used;
    size_t   blocks;
    size_t   fail_at; /* this allocation from now on, counted from 1; 0: none */
} arena;

static void *arena_allocate(void *context, size_t size)
{
    arena *from = context;
    void *block = from->base + from->used;

    if (from->fail_at != 0 && --from->fail_at == 0) {
        return NULL;
    }
    size = (size + 63) / 64 * 64;
    if (size > from->size - from->used) {
        return NULL;
    }
    from->used += size;
    from->blocks++;
    return block;
}

static void arena_release(void *context, void *block)
{
    arena *from = context;

    assert_true((char *) block > from->base && (char *) block < from->base + from->size);
    from->blocks--;
}

static kerberos_memory memory_of(arena *from)
{
    kerberos_memory memory;

    memory.base = from->base;
    memory.size = from->size;
    memory.context = from;
    memory.allocate = arena_allocate;
    memory.release = arena_release;
    return memory;
}

/* A gate: a zone, a configuration, and what is at work on them. */
typedef struct {
    arena             memory;
    void             *header;
    kerberos_zone    *zone;
    kerberos_config  *config;
    kerberos_process *process;
    uint64_t          generation;
} gate;

static int setup(void **state)
{
    gate *made = calloc(1, sizeof(gate));

    made->memory.size = (size_t) 1 << 20;
    made->memory.used = 64; /* offset 0 is nothing */
    made->memory.base = calloc(1, made->memory.size);
    *state = made;
    return 0;
}

static int teardown(void **state)
{
    gate *made = *state;

    if (made->process != NULL) {
        kerberos_detach(made->process);
        kerberos_process_free(made->process);
    }
    if (made->zone != NULL) {
        kerberos_zone_close(made->zone);
    }
    if (made->config != NULL) {
        kerberos_config_destroy(made->config);
    }
    free(made->memory.base);
    free(made);
    return 0;
}

static kerberos_text text(const char *from)
{
    kerberos_text made;

    made.len = strlen(from);
    made.data = from;
    return made;
}

static void assert_text(kerberos_text actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static kerberos_verdict set(kerberos_settings *settings, const char *name, const char *value)
{
    char allowed[256];

    return kerberos_settings_set(settings, text(name), text(value), allowed, sizeof(allowed));
}

/* Two failures in a row open it for exactly ten seconds. */
static kerberos_settings quick(void)
{
    kerberos_settings settings;

    kerberos_settings_init(&settings);
    assert_int_equal(set(&settings, "threshold", "2"), KERBEROS_TAKEN);
    assert_int_equal(set(&settings, "timeout", "10s"), KERBEROS_TAKEN);
    assert_int_equal(set(&settings, "jitter", "0%"), KERBEROS_TAKEN);
    return settings;
}

static void add_peer(kerberos_config *config, const char *address)
{
    kerberos_peer peer;
    kerberos_settings settings = quick();

    memset(&peer, 0, sizeof(peer));
    peer.id = text("");
    peer.weight = 1;
    peer.settings = &settings;
    assert_int_equal(kerberos_config_add_peer(config, &peer), KERBEROS_OK);
    assert_int_equal(
        kerberos_config_add_address(config, address, strlen(address), text(address)),
        KERBEROS_OK);
}

static kerberos_config *config_of(const char *service, const char *first, const char *second)
{
    kerberos_config *config = kerberos_config_create();

    assert_non_null(config);
    assert_int_equal(kerberos_config_add_service(config, text(service)), KERBEROS_OK);
    add_peer(config, first);
    if (second != NULL) {
        add_peer(config, second);
    }
    return config;
}

static int nobody_exists(int64_t pid)
{
    (void) pid;
    return 0;
}

static int everybody_exists(int64_t pid)
{
    (void) pid;
    return 1;
}

static void open_zone(gate *at)
{
    kerberos_memory memory = memory_of(&at->memory);

    assert_int_equal(kerberos_zone_open(&memory, &at->header, &at->zone), KERBEROS_OK);
}

static void reload(gate *at)
{
    assert_int_equal(
        kerberos_zone_build(at->zone, at->config, everybody_exists, &at->generation),
        KERBEROS_OK);
    kerberos_zone_publish(at->zone, at->generation);
}

/* Opens the zone and attaches to it. */
static void start(gate *at)
{
    open_zone(at);
    reload(at);
    assert_int_equal(
        kerberos_attach(at->zone, 3, 4711, at->generation, 1, &at->process),
        KERBEROS_OK);
}

static kerberos_evidence success(void)
{
    kerberos_evidence shown;

    memset(&shown, 0, sizeof(shown));
    shown.finalized = 1;
    shown.status = 200;
    shown.header_received = shown.header_sent = shown.request_sent = shown.bytes_received = 1;
    return shown;
}

static kerberos_evidence refused(void)
{
    kerberos_evidence shown;

    memset(&shown, 0, sizeof(shown));
    shown.freed = 4;
    return shown;
}

static kerberos_evidence client_left(void)
{
    kerberos_evidence shown;

    memset(&shown, 0, sizeof(shown));
    shown.finalized = 1;
    shown.finalize = 499;
    shown.client_gone = 1;
    return shown;
}

/* The one line that the notices hold. */
static const char *the_line(gate *at, const kerberos_notices *notices, int bad)
{
    static char line[KERBEROS_LINE_MAX + 1];
    size_t length;
    int warning = -1;

    assert_int_equal(notices->count, 1);
    length = kerberos_notice_line(at->process, notices, 0, line, KERBEROS_LINE_MAX, &warning);
    assert_true(length < KERBEROS_LINE_MAX);
    line[length] = '\0';
    assert_int_equal(warning, bad);
    return line;
}

/* Whether the status document has this in it. */
static void assert_shown(gate *at, int64_t now, const char *part)
{
    char whole[4096];
    kerberos_text shown;
    kerberos_document *document = NULL;

    assert_int_equal(kerberos_status_json(at->process, now, 1795167000123, 4711, &document),
                     KERBEROS_OK);
    shown = kerberos_document_text(document);
    assert_true(shown.len < sizeof(whole));
    memcpy(whole, shown.data, shown.len);
    whole[shown.len] = '\0';
    kerberos_document_free(document);
    if (strstr(whole, part) == NULL) {
        fail_msg("no %s in %s", part, whole);
    }
}

/* Settings. */

static void settings_are_taken_once_and_in_their_range(void **state)
{
    static const struct {
        const char       *name;
        const char       *value;
        kerberos_verdict  verdict;
        const char       *allowed;
    } rows[] = {
        { "threshold", "7", KERBEROS_TAKEN, "" },
        { "threshold", "8", KERBEROS_DUPLICATE, "each parameter once" },
        { "probes", "9", KERBEROS_INVALID, "a whole number from 1 to 8" },
        { "probes", "2", KERBEROS_TAKEN, "" },
        { "timeout", "30", KERBEROS_TAKEN, "" },
        { "jitter", "10", KERBEROS_INVALID, "a share from 0% to 100%" },
        { "treshold", "7", KERBEROS_UNKNOWN,
          "did you mean \"threshold\"? allowed: threshold, timeout, max_timeout, jitter, probes, "
          "successes, probe_timeout" },
        { "", "", KERBEROS_UNKNOWN,
          "allowed: threshold, timeout, max_timeout, jitter, probes, successes, probe_timeout" },
    };
    kerberos_settings settings;
    char allowed[256];
    size_t i;

    (void) state;
    kerberos_settings_init(&settings);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(allowed, 'x', sizeof(allowed));
        assert_int_equal(kerberos_settings_set(&settings, text(rows[i].name), text(rows[i].value),
                                               allowed, sizeof(allowed)),
                         rows[i].verdict);
        /* Only a refusal promises a text. */
        if (rows[i].verdict != KERBEROS_TAKEN) {
            assert_string_equal(allowed, rows[i].allowed);
        }
    }
}

static void a_text_is_cut_where_its_room_ends(void **state)
{
    kerberos_settings settings;
    char allowed[16];

    (void) state;
    kerberos_settings_init(&settings);
    memset(allowed, 'x', sizeof(allowed));
    kerberos_settings_set(&settings, text("probes"), text("9"), allowed, 8);
    assert_string_equal(allowed, "a whole");
    assert_int_equal(allowed[8], 'x');
    kerberos_settings_set(&settings, text("probes"), text("9"), allowed, 0);
    assert_string_equal(allowed, "a whole");
}

static void a_text_ends_where_its_length_says(void **state)
{
    kerberos_settings settings;
    kerberos_text name = text("timeoutless");
    kerberos_text value = text("30seconds");
    char allowed[256];

    (void) state;
    name.len = strlen("timeout");
    value.len = strlen("30s");
    kerberos_settings_init(&settings);
    assert_int_equal(kerberos_settings_set(&settings, name, value, allowed, sizeof(allowed)),
                     KERBEROS_TAKEN);
}

static void what_is_not_said_is_inherited(void **state)
{
    kerberos_settings own;
    kerberos_settings outer;
    char what[128];

    (void) state;
    kerberos_settings_init(&own);
    kerberos_settings_init(&outer);
    assert_int_equal(set(&own, "max_timeout", "20s"), KERBEROS_TAKEN);
    assert_int_equal(set(&outer, "timeout", "10s"), KERBEROS_TAKEN);
    assert_int_equal(kerberos_settings_contradict(&own, what, sizeof(what)), 1);
    assert_string_equal(what, "max_timeout=20s is below timeout=30s");
    kerberos_settings_inherit(&own, &outer);
    assert_int_equal(kerberos_settings_contradict(&own, what, sizeof(what)), 0);
    assert_string_equal(what, "");
    assert_int_equal(set(&own, "timeout", "5s"), KERBEROS_DUPLICATE);
    assert_int_equal(set(&own, "max_timeout", "5s"), KERBEROS_DUPLICATE);
    assert_int_equal(set(&own, "threshold", "5"), KERBEROS_TAKEN);
}

static void balancing_methods_have_names(void **state)
{
    char known[128];

    (void) state;
    assert_int_equal(kerberos_balance_known(text("round_robin"), known, sizeof(known)), 1);
    assert_int_equal(kerberos_balance_known(text("round_robins"), known, sizeof(known)), 0);
    assert_non_null(strstr(known, "round_robin"));
}

/* Configuration. */

static void a_configuration_counts_what_it_has(void **state)
{
    gate *at = *state;

    at->config = config_of("product", "a", "b");
    assert_int_equal(kerberos_config_add_address(at->config, "c", 1, text("c")), KERBEROS_OK);
    assert_int_equal(kerberos_config_add_service(at->config, text("product")), KERBEROS_REFUSED);
    assert_int_equal(kerberos_config_add_service(at->config, text("users")), KERBEROS_OK);
    add_peer(at->config, "a");
    assert_int_equal(kerberos_config_services(at->config), 2);
    assert_int_equal(kerberos_config_peers(at->config), 4);
    assert_int_equal(kerberos_config_targets(at->config), 0);
    assert_true(kerberos_config_bytes(at->config, 4) > 0);
    assert_true(kerberos_config_bytes(at->config, 400) > kerberos_config_bytes(at->config, 4));
}

static void a_peer_wants_a_service_and_an_address_a_peer(void **state)
{
    gate *at = *state;
    kerberos_settings settings = quick();
    kerberos_peer peer;

    memset(&peer, 0, sizeof(peer));
    peer.id = text("");
    peer.settings = &settings;
    at->config = kerberos_config_create();
    assert_int_equal(kerberos_config_add_peer(at->config, &peer), KERBEROS_REFUSED);
    assert_int_equal(kerberos_config_add_address(at->config, "a", 1, text("a")), KERBEROS_REFUSED);
    assert_int_equal(kerberos_config_add_service(at->config, text("x")), KERBEROS_OK);
    assert_int_equal(kerberos_config_add_address(at->config, "a", 1, text("a")), KERBEROS_REFUSED);
}

typedef struct {
    int     count;
    int     line;
    int     column;
    char    text[512];
} problems;

static void note_problem(void *context, int line, int column, kerberos_text what)
{
    problems *noted = context;

    noted->count++;
    noted->line = line;
    noted->column = column;
    assert_true(what.len < sizeof(noted->text));
    memcpy(noted->text, what.data, what.len);
    noted->text[what.len] = '\0';
}

static void a_registry_is_read_and_resolved(void **state)
{
    static const char yaml[] =
        "version: 1\n"
        "services:\n"
        "  users:\n"
        "    peers:\n"
        "      - http://10.0.0.1:8080\n"
        "      - {url: http://name:80, id: n}\n"
        "  product: [\"https://localhost:9001\"]\n";
    gate *at = *state;
    kerberos_settings inherited = quick();
    kerberos_target target;
    problems noted = { 0, 0, 0, "" };
    uint32_t users;
    uint32_t product;
    char names[64];
    kerberos_request request;
    kerberos_notices notices;
    kerberos_pick pick;

    at->config = config_of("block", "z", NULL);
    assert_int_equal(
        kerberos_config_read(at->config, text(yaml), &inherited, note_problem, &noted),
        KERBEROS_OK);
    assert_int_equal(noted.count, 0);
    assert_int_equal(kerberos_config_services(at->config), 3);
    assert_int_equal(kerberos_config_targets(at->config), 3);
    target = kerberos_config_target(at->config, 0);
    assert_text(target.target, "10.0.0.1:8080");
    assert_int_equal(target.line, 5);
    target = kerberos_config_target(at->config, 1);
    assert_text(target.target, "name:80");
    assert_int_equal(target.line, 6);
    assert_text(kerberos_config_target(at->config, 2).target, "127.0.0.1:9001");

    assert_int_equal(kerberos_config_resolve(at->config, 0, "\1", 1, text("10.0.0.1:8080")),
                     KERBEROS_OK);
    assert_int_equal(kerberos_config_resolve(at->config, 1, "\2", 1, text("10.0.0.2:80")),
                     KERBEROS_OK);
    assert_int_equal(kerberos_config_resolve(at->config, 1, "\3", 1, text("10.0.0.3:80")),
                     KERBEROS_OK);
    assert_int_equal(kerberos_config_resolve(at->config, 2, "\4", 1, text("127.0.0.1:9001")),
                     KERBEROS_OK);
    assert_int_equal(kerberos_config_peers(at->config), 5);

    start(at);
    assert_int_equal(kerberos_peers(at->process), 5);
    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("users"), &users));
    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("product"), &product));
    assert_int_equal(kerberos_service_peers(at->process, users), 3);
    assert_int_equal(kerberos_service_peers(at->process, product), 1);
    assert_false(kerberos_service_tls(at->process, users));
    assert_true(kerberos_service_tls(at->process, product));
    assert_text(kerberos_service_name(at->process, users), "users");
    kerberos_open(at->process, product, &request);
    kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
    assert_int_equal(pick.peer, 4);
    assert_text(pick.address, "127.0.0.1:9001");
    assert_int_equal(pick.sockaddr_len, 1);
    assert_memory_equal(pick.sockaddr, "\4", 1);
    memset(names, 'x', sizeof(names));
    assert_int_equal(kerberos_service_names(at->process, names, sizeof(names)), 14);
    assert_string_equal(names, "users, product");
    assert_int_equal(kerberos_service_names(at->process, names, 9), 8);
    assert_string_equal(names, "users, p");
}

static void a_client_reaches_no_block_by_name(void **state)
{
    gate *at = *state;
    kerberos_settings inherited = quick();
    problems noted = { 0, 0, 0, "" };
    uint32_t service = 99;

    at->config = config_of("block", "a", NULL);
    assert_int_equal(kerberos_config_read(at->config, text("file: [\"http://10.0.0.1:80\"]\n"),
                                          &inherited, note_problem, &noted),
                     KERBEROS_OK);
    kerberos_config_resolve(at->config, 0, "\1", 1, text("10.0.0.1:80"));
    start(at);
    assert_false(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("block"), &service));
    assert_false(kerberos_find(at->process, KERBEROS_OF_BLOCK, text("file"), &service));
    assert_false(kerberos_find(at->process, KERBEROS_OF_BLOCK, text("bloc"), &service));
    assert_false(kerberos_find(at->process, KERBEROS_OF_BLOCK, text(""), &service));
    assert_int_equal(service, 99);
    assert_true(kerberos_find(at->process, KERBEROS_OF_BLOCK, text("block"), &service));
    assert_int_equal(service, 0);
    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("file"), &service));
    assert_int_equal(service, 1);
}

static void a_bad_registry_is_refused_as_a_whole(void **state)
{
    static const struct {
        const char  *yaml;
        int          count;
        int          line;
        int          column;
        const char  *says;
    } rows[] = {
        { "good: [\"http://10.0.0.1:80\"]\nbad: [\"http://10.0.0.1:99999\"]\n", 1, 2, 7, "port" },
        { "good: [\"http://10.0.0.1:80\"]\ngood: [\"http://10.0.0.1:80\"]\n", 1, 2, 1, "good" },
        { "block: [\"http://10.0.0.1:80\"]\n", 1, 1, 1, "block" },
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    breaker: {max_timeout: 5s}\n",
          1, 2, 3, "max_timeout=5s is below timeout=10s" },
    };
    gate *at = *state;
    kerberos_settings inherited = quick();
    size_t i;

    at->config = config_of("block", "a", NULL);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        problems noted = { 0, 0, 0, "" };

        assert_int_equal(
            kerberos_config_read(at->config, text(rows[i].yaml), &inherited, note_problem, &noted),
            KERBEROS_REFUSED);
        assert_int_equal(noted.count, rows[i].count);
        assert_int_equal(noted.line, rows[i].line);
        assert_int_equal(noted.column, rows[i].column);
        assert_non_null(strstr(noted.text, rows[i].says));
        assert_int_equal(kerberos_config_services(at->config), 1);
        assert_int_equal(kerberos_config_targets(at->config), 0);
    }
}

/* The zone. */

static void a_zone_is_opened_again_by_its_header(void **state)
{
    gate *at = *state;
    kerberos_memory memory;
    kerberos_zone *again;
    void *header;

    at->config = config_of("product", "a", "b");
    start(at);
    memory = memory_of(&at->memory);
    header = at->header;
    assert_non_null(header);
    assert_int_equal(kerberos_zone_open(&memory, &header, &again), KERBEROS_OK);
    assert_ptr_equal(header, at->header);
    kerberos_zone_close(again);

    memory.size /= 2;
    assert_int_equal(kerberos_zone_open(&memory, &header, &again), KERBEROS_REFUSED);
    memory.size *= 2;
    memset(at->header, 0, 8);
    assert_int_equal(kerberos_zone_open(&memory, &header, &again), KERBEROS_REFUSED);
}

static void a_zone_without_memory_says_so(void **state)
{
    gate *at = *state;
    kerberos_memory memory = memory_of(&at->memory);
    uint64_t generation = 0;
    kerberos_process *process;
    size_t blocks;
    size_t number;

    at->memory.fail_at = 1;
    assert_int_equal(kerberos_zone_open(&memory, &at->header, &at->zone), KERBEROS_NO_MEMORY);
    assert_null(at->header);
    assert_int_equal(at->memory.blocks, 0);

    at->config = config_of("product", "a", "b");
    open_zone(at);
    blocks = at->memory.blocks;
    /* The generation, the service and its two peers. */
    for (number = 1; number <= 4; number++) {
        at->memory.fail_at = number;
        assert_int_equal(
            kerberos_zone_build(at->zone, at->config, everybody_exists, &generation),
            KERBEROS_NO_MEMORY);
        assert_int_equal(at->memory.fail_at, 0);
        assert_int_equal(at->memory.blocks, blocks);
    }
    reload(at);
    at->memory.fail_at = 1;
    assert_int_equal(kerberos_attach(at->zone, 0, 1, at->generation, 1, &process),
                     KERBEROS_NO_MEMORY);
    assert_int_equal(kerberos_attach(at->zone, 1024, 1, at->generation, 1, &process),
                     KERBEROS_NO_MEMORY);
    assert_int_equal(kerberos_attach(at->zone, 0, 1, at->generation, 1, &at->process),
                     KERBEROS_OK);
}

static void nobody_attaches_where_nothing_was_built(void **state)
{
    gate *at = *state;
    kerberos_process *process;

    open_zone(at);
    assert_int_equal(kerberos_attach(at->zone, 0, 1, 1, 1, &process), KERBEROS_NO_MEMORY);
}

static void a_reload_frees_what_nobody_uses(void **state)
{
    gate *at = *state;
    kerberos_process *old;
    size_t one;

    at->config = config_of("product", "a", "b");
    start(at);
    one = at->memory.blocks;
    reload(at);
    old = at->process;
    assert_int_equal(kerberos_attach(at->zone, 4, 4712, at->generation, 1, &at->process),
                     KERBEROS_OK);
    assert_int_equal(at->memory.blocks, one + 2); /* the generation, and what 4712 counts */
    kerberos_detach(old);
    kerberos_process_free(old);
    reload(at);
    assert_int_equal(at->memory.blocks, one + 2);

    /* Both processes are gone without a word. */
    assert_int_equal(kerberos_zone_build(at->zone, at->config, nobody_exists, &at->generation),
                     KERBEROS_OK);
    assert_int_equal(at->memory.blocks, one + 2);
    kerberos_zone_publish(at->zone, at->generation);
}

/* A request. */

static void a_request_goes_its_way(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown;
    kerberos_pick pick;
    uint32_t service;

    at->config = config_of("product", "first:80", "second:80");
    start(at);
    assert_true(kerberos_find(at->process, KERBEROS_OF_BLOCK, text("product"), &service));

    kerberos_open(at->process, service, &request);
    kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
    assert_true(pick.picked);
    assert_int_equal(notices.count, 0);
    assert_int_equal(pick.peer, 0);
    assert_int_equal(pick.met, KERBEROS_CLOSED);
    assert_text(pick.id, "first:80");
    assert_text(pick.address, "first:80");
    assert_int_equal(pick.sockaddr_len, 8);
    assert_memory_equal(pick.sockaddr, "first:80", 8);
    shown = refused();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 1001, &notices),
                     KERBEROS_FAILURE);
    assert_int_equal(notices.count, 0);
    assert_true(kerberos_has_other(at->process, &request));

    kerberos_pick_peer(at->process, &request, 1002, &pick, &notices);
    assert_int_equal(pick.peer, 1);
    kerberos_answered(at->process, &request);
    shown = success();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 1003, &notices),
                     KERBEROS_SUCCESS);
    assert_false(kerberos_has_other(at->process, &request));

    kerberos_pick_peer(at->process, &request, 1004, &pick, &notices);
    assert_false(pick.picked);
    assert_int_equal(pick.met, KERBEROS_CLOSED);
    assert_int_equal(pick.retry_after, 1000);
}

/* Fails on the first peer until that opens; returns its line. */
static const char *trip(gate *at, int64_t now)
{
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown;
    kerberos_pick pick;
    int i;

    for (i = 0; i < 100; i++) {
        kerberos_open(at->process, 0, &request);
        kerberos_pick_peer(at->process, &request, now, &pick, &notices);
        assert_true(pick.picked);
        shown = pick.peer == 0 ? refused() : success();
        kerberos_report(at->process, &request, &shown, now, &notices);
        if (notices.count != 0) {
            return the_line(at, &notices, 1);
        }
    }
    fail_msg("it never opened");
    return NULL;
}

static void a_circuit_opens_and_closes_with_a_line_each(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown;
    kerberos_pick pick;
    char line[12];
    int warning;

    at->config = config_of("product", "10.0.0.1:80", NULL);
    start(at);
    assert_string_equal(trip(at, 1000),
                        "circuit OPEN service \"product\" peer 10.0.0.1:80: 2 consecutive "
                        "failures (last: connect refused), probe in 10.0s");

    kerberos_open(at->process, 0, &request);
    kerberos_pick_peer(at->process, &request, 3000, &pick, &notices);
    assert_false(pick.picked);
    assert_int_equal(pick.met, KERBEROS_OPEN);
    assert_int_equal(pick.retry_after, 8000);
    assert_int_equal(notices.count, 0);

    kerberos_open(at->process, 0, &request);
    kerberos_pick_peer(at->process, &request, 11000, &pick, &notices);
    assert_true(pick.picked);
    assert_int_equal(pick.met, KERBEROS_HALF_OPEN);
    assert_string_equal(
        the_line(at, &notices, 0),
        "circuit HALF_OPEN service \"product\" peer 10.0.0.1:80: timeout passed");
    assert_int_equal(
        kerberos_notice_line(at->process, &notices, 0, line, sizeof(line), &warning), 11);
    assert_memory_equal(line, "circuit HAL", 11);

    shown = client_left();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 11001, &notices),
                     KERBEROS_NEUTRAL);
    assert_int_equal(notices.count, 0);
    kerberos_pick_peer(at->process, &request, 11002, &pick, &notices);
    assert_int_equal(pick.met, KERBEROS_HALF_OPEN);
    assert_int_equal(notices.count, 0);
    kerberos_answered(at->process, &request);
    shown = success();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 12500, &notices),
                     KERBEROS_SUCCESS);
    assert_string_equal(
        the_line(at, &notices, 0),
        "circuit CLOSED service \"product\" peer 10.0.0.1:80: recovered after 11.5s");
}

static void a_report_without_an_attempt_says_nothing(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = refused();

    at->config = config_of("product", "a", NULL);
    start(at);
    kerberos_open(at->process, 0, &request);
    kerberos_answered(at->process, &request);
    kerberos_report(at->process, &request, &shown, 1000, &notices);
    assert_int_equal(notices.count, 0);
    assert_shown(at, 1000, "\"failures\":0");
}

static void the_status_is_a_document(void **state)
{
    static const char *parts[] = {
        "{\"schema\":1,\"generation\":1,\"time\":\"2026-11-20T09:30:00.123Z\",\"pid\":4711,",
        "\"name\":\"product\"",
        "\"state\":\"degraded\",\"available\":1,",
        "\"reasons\":[\"breaker\"]",
        "\"breaker\":{\"state\":\"open\",\"reason\":\"consecutive\",\"consecutive_failures\":2,",
        "\"retry_in\":9.5}",
        "\"faults\":2",
    };
    gate *at = *state;
    size_t i;

    at->config = config_of("product", "a", "b");
    start(at);
    trip(at, 1000);
    kerberos_count_fault(at->process);
    kerberos_count_fault(at->process);
    for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        assert_shown(at, 1500, parts[i]);
    }
}

static void a_breaker_can_be_off(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = refused();
    kerberos_settings settings = quick();
    kerberos_settings on;
    kerberos_peer peer;
    kerberos_pick pick;
    int i;

    kerberos_settings_init(&on);
    kerberos_settings_enable(&on, 1);
    kerberos_settings_enable(&settings, 0);
    kerberos_settings_inherit(&settings, &on); /* what is off stays off */
    at->config = kerberos_config_create();
    kerberos_config_add_service(at->config, text("product"));
    memset(&peer, 0, sizeof(peer));
    peer.id = text("the id");
    peer.weight = 1;
    peer.settings = &settings;
    kerberos_config_add_peer(at->config, &peer);
    kerberos_config_add_address(at->config, "a", 1, text("a"));
    start(at);
    for (i = 0; i < 20; i++) {
        kerberos_open(at->process, 0, &request);
        kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
        assert_true(pick.picked);
        assert_text(pick.id, "the id");
        kerberos_report(at->process, &request, &shown, 1000, &notices);
        assert_int_equal(notices.count, 0);
    }
}

static void what_peers_may_say_is_heard(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_settings settings = quick();
    kerberos_peer peer;
    kerberos_pick pick;
    int i;
    static const char *who[] = { "heavy", "heavy", "spare" };

    at->config = kerberos_config_create();
    kerberos_config_add_service(at->config, text("product"));
    memset(&peer, 0, sizeof(peer));
    peer.settings = &settings;
    peer.weight = 1;
    peer.id = text("down");
    peer.down = 1;
    kerberos_config_add_peer(at->config, &peer);
    kerberos_config_add_address(at->config, "a", 1, text("a"));
    peer.down = 0;
    peer.id = text("spare");
    peer.backup = 1;
    kerberos_config_add_peer(at->config, &peer);
    kerberos_config_add_address(at->config, "b", 1, text("b"));
    peer.backup = 0;
    peer.id = text("heavy");
    peer.max_conns = 2;
    kerberos_config_add_peer(at->config, &peer);
    kerberos_config_add_address(at->config, "c", 1, text("c"));
    start(at);
    assert_int_equal(kerberos_service_peers(at->process, 0), 2);
    for (i = 0; i < 3; i++) {
        kerberos_open(at->process, 0, &request);
        kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
        assert_text(pick.id, who[i]);
    }
}

#define gate_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken_once_and_in_their_range),
        cmocka_unit_test(a_text_is_cut_where_its_room_ends),
        cmocka_unit_test(a_text_ends_where_its_length_says),
        cmocka_unit_test(what_is_not_said_is_inherited),
        cmocka_unit_test(balancing_methods_have_names),
        gate_test(a_configuration_counts_what_it_has),
        gate_test(a_peer_wants_a_service_and_an_address_a_peer),
        gate_test(a_registry_is_read_and_resolved),
        gate_test(a_client_reaches_no_block_by_name),
        gate_test(a_bad_registry_is_refused_as_a_whole),
        gate_test(a_zone_is_opened_again_by_its_header),
        gate_test(a_zone_without_memory_says_so),
        gate_test(nobody_attaches_where_nothing_was_built),
        gate_test(a_reload_frees_what_nobody_uses),
        gate_test(a_request_goes_its_way),
        gate_test(a_circuit_opens_and_closes_with_a_line_each),
        gate_test(a_report_without_an_attempt_says_nothing),
        gate_test(the_status_is_a_document),
        gate_test(a_breaker_can_be_off),
        gate_test(what_peers_may_say_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
