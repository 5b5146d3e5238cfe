/* SPDX-License-Identifier: MIT
 *
 * What the tests of the C face share: the header as whoever embeds the core has it, in C99, and a
 * gate, which is a zone with its memory, a configuration and a process at work on them.
 */
#pragma once

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

static const kerberos_text kNoKey = {0, ""};
static const kerberos_edition kEdition = {{1, 2}, 1000};

/* The memory of a zone: nothing that was given back is used again. */
typedef struct {
    char    *base;
    size_t   size;
    size_t   used;
    size_t   blocks;
    size_t   fail_at; /* this allocation from now on, counted from 1; 0: none */
} arena;

static inline void *arena_allocate(void *context, size_t size)
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

static inline void arena_release(void *context, void *block)
{
    arena *from = context;

    assert_true((char *) block > from->base && (char *) block < from->base + from->size);
    from->blocks--;
}

static inline kerberos_memory memory_of(arena *from)
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

static inline int setup(void **state)
{
    gate *made = calloc(1, sizeof(gate));

    made->memory.size = (size_t) 1 << 20;
    made->memory.used = 64; /* offset 0 is nothing */
    made->memory.base = calloc(1, made->memory.size);
    *state = made;
    return 0;
}

static inline int teardown(void **state)
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

static inline kerberos_text text(const char *from)
{
    kerberos_text made;

    made.len = strlen(from);
    made.data = from;
    return made;
}

static inline void assert_text(kerberos_text actual, const char *expected)
{
    assert_int_equal(actual.len, strlen(expected));
    assert_memory_equal(actual.data, expected, actual.len);
}

static inline kerberos_verdict set(kerberos_settings *settings, const char *name, const char *value)
{
    char allowed[256];

    return kerberos_settings_set(settings, text(name), text(value), allowed, sizeof(allowed));
}

/* Two failures in a row open it for exactly ten seconds. */
static inline kerberos_settings quick(void)
{
    kerberos_settings settings;

    kerberos_settings_init(&settings);
    assert_int_equal(set(&settings, "threshold", "2"), KERBEROS_TAKEN);
    assert_int_equal(set(&settings, "timeout", "10s"), KERBEROS_TAKEN);
    assert_int_equal(set(&settings, "jitter", "0%"), KERBEROS_TAKEN);
    return settings;
}

static inline void add_peer(kerberos_config *config, const char *address)
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

static inline kerberos_config *config_of(const char *service, const char *first, const char *second)
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

static inline int nobody_exists(int64_t pid)
{
    (void) pid;
    return 0;
}

static inline int everybody_exists(int64_t pid)
{
    (void) pid;
    return 1;
}

static inline void open_zone(gate *at)
{
    kerberos_memory memory = memory_of(&at->memory);

    assert_int_equal(kerberos_zone_open(&memory, &at->header, &at->zone), KERBEROS_OK);
}

static inline void reload(gate *at)
{
    assert_int_equal(
        kerberos_zone_build(at->zone, at->config, &kEdition, everybody_exists, 1, &at->generation),
        KERBEROS_OK);
    kerberos_zone_publish(at->zone, at->generation);
}

/* Opens the zone and attaches to it. */
static inline void start(gate *at)
{
    open_zone(at);
    reload(at);
    assert_int_equal(
        kerberos_attach(at->zone, 3, 4711, at->generation, 1, &at->process),
        KERBEROS_OK);
}

/* What the server shows of an attempt of which nothing happened yet. */
static inline kerberos_evidence nothing(void)
{
    kerberos_evidence shown;

    memset(&shown, 0, sizeof(shown));
    shown.grpc_status = -1;
    return shown;
}

static inline kerberos_evidence answer(int status)
{
    kerberos_evidence shown = nothing();

    shown.finalized = 1;
    shown.status = status;
    shown.header_received = shown.header_sent = shown.request_sent = shown.bytes_received = 1;
    return shown;
}

static inline kerberos_evidence success(void)
{
    return answer(200);
}

static inline kerberos_evidence refused(void)
{
    kerberos_evidence shown = nothing();

    shown.freed = 4;
    return shown;
}

static inline kerberos_evidence client_left(void)
{
    kerberos_evidence shown = nothing();

    shown.finalized = 1;
    shown.finalize = 499;
    shown.client_gone = 1;
    return shown;
}

/* The one line that the notices hold. */
static inline const char *the_line(const kerberos_notices *notices, int bad)
{
    static char line[KERBEROS_LINE_MAX + 1];
    size_t length;
    int warning = -1;

    assert_int_equal(notices->count, 1);
    length = kerberos_notice_line(notices, 0, line, KERBEROS_LINE_MAX, &warning);
    assert_true(length < KERBEROS_LINE_MAX);
    line[length] = '\0';
    assert_int_equal(warning, bad);
    return line;
}

/* Whether the status document has this in it. */
static inline void assert_shown(gate *at, int64_t now, const char *part)
{
    char whole[4096];
    kerberos_text shown;
    kerberos_document *document = NULL;

    assert_int_equal(kerberos_status_json(at->process, now, 1795167000123, 4711, 65536, &document),
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

/* The rank of the first peer of the first service, which has one itself. */
enum { kFirst = 1 };

/* Fails on the first peer until that opens; returns its line. */
static inline const char *trip(gate *at, int64_t now)
{
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown;
    kerberos_pick pick;
    int i;

    for (i = 0; i < 100; i++) {
        kerberos_open(at->process, 0, 1, kNoKey, &request);
        kerberos_pick_peer(at->process, &request, now, &pick, &notices);
        assert_true(pick.picked);
        shown = pick.peer == kFirst ? refused() : success();
        kerberos_report(at->process, &request, &shown, now, &notices);
        if (notices.count != 0) {
            return the_line(&notices, 1);
        }
    }
    fail_msg("it never opened");
    return NULL;
}

#define gate_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
