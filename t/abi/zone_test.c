/* SPDX-License-Identifier: MIT
 *
 * The zone: opening it, building in it, attaching to it; and what is kept of those who are gone.
 */
#include "abi/gate.h"

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
            kerberos_zone_build(at->zone, at->config, &kEdition, everybody_exists, 1, &generation),
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
    assert_int_equal(at->memory.blocks, one + 3); /* the generation, and what 4712 counts */
    kerberos_detach(old);
    kerberos_process_free(old);
    reload(at);
    assert_int_equal(at->memory.blocks, one + 3);

    /* Both processes are gone without a word. */
    assert_int_equal(kerberos_zone_build(at->zone, at->config, &kEdition, nobody_exists, 1, &at->generation),
                     KERBEROS_OK);
    assert_int_equal(at->memory.blocks, one + 3);
    kerberos_zone_publish(at->zone, at->generation);
}

/* Builds and publishes a generation of these peers, and attaches to it anew. */
static void put_in_force(gate *at, const char *first, const char *second, int64_t now)
{
    if (at->config != NULL) {
        kerberos_config_destroy(at->config);
    }
    if (at->process != NULL) {
        kerberos_detach(at->process);
        kerberos_process_free(at->process);
    }
    at->config = config_of("product", first, second);
    assert_int_equal(
        kerberos_zone_build(at->zone, at->config, &kEdition, everybody_exists, now, &at->generation),
        KERBEROS_OK);
    kerberos_zone_publish(at->zone, at->generation);
    assert_int_equal(kerberos_attach(at->zone, 0, 1, at->generation, 1, &at->process),
                     KERBEROS_OK);
}

static void a_peer_that_comes_back_within_ten_minutes_is_the_one_that_went(void **state)
{
    static const struct {
        int64_t      absent;
        const char  *shown;
    } rows[] = {
        { 599999, "\"id\":\"a\",\"address\":\"a\",\"state\":\"down\"" },
        { 600000, "\"id\":\"a\",\"address\":\"a\",\"state\":\"up\"" },
    };
    gate *at = *state;
    size_t i;

    open_zone(at);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int64_t now = 1000 + (int64_t) i * 10000000;

        put_in_force(at, "a", "z", now);
        trip(at, now);
        put_in_force(at, "z", NULL, now + 1);
        /* The generation that named it goes with the next build, and the time runs from there. */
        put_in_force(at, "z", NULL, now + 2);
        put_in_force(at, "a", "z", now + 2 + rows[i].absent);
        assert_shown(at, now + 2 + rows[i].absent, rows[i].shown);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_zone_is_opened_again_by_its_header),
        gate_test(a_zone_without_memory_says_so),
        gate_test(nobody_attaches_where_nothing_was_built),
        gate_test(a_reload_frees_what_nobody_uses),
        gate_test(a_peer_that_comes_back_within_ten_minutes_is_the_one_that_went),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
