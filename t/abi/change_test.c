/* SPDX-License-Identifier: MIT
 *
 * Changes of a registry while its configuration is in force: who may make them, who goes over, and
 * what is asked of processes where memory is short.
 */
#include "abi/gate.h"

static kerberos_result change(gate *at, kerberos_config *config, uint64_t lineage,
                              uint64_t *generation)
{
    return kerberos_zone_change(at->zone, config, lineage, &kEdition, 1, generation);
}

static void who_adopts_goes_over_to_the_change(void **state)
{
    gate *at = *state;
    kerberos_config *next = config_of("product", "c", NULL);
    kerberos_notices notices;
    kerberos_request request;
    kerberos_pick pick;
    uint64_t generation = 0;

    at->config = config_of("product", "a", "b");
    start(at);
    assert_int_equal(kerberos_adopt(at->process), 0);
    assert_int_equal(change(at, next, at->generation, &generation), KERBEROS_OK);
    assert_true(generation > at->generation);
    assert_int_equal(kerberos_adopt(at->process), 1);
    assert_int_equal(kerberos_adopt(at->process), 0);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1, &pick, &notices);
    assert_text(pick.address, "c");
    assert_true(kerberos_has_peer(at->process, pick.peer));
    assert_false(kerberos_has_peer(at->process, kFirst));
    assert_int_equal(kerberos_peer_out(at->process, kFirst, 1), 1);
    kerberos_close(at->process, &request);
    kerberos_config_destroy(next);
}

static void a_request_ends_on_what_it_began_on(void **state)
{
    gate *at = *state;
    kerberos_config *next = config_of("other", "a", "b");
    kerberos_evidence shown = refused();
    kerberos_notices notices;
    kerberos_request request;
    kerberos_pick pick;
    uint64_t generation;

    at->config = config_of("product", "a", "b");
    start(at);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1, &pick, &notices);
    assert_text(pick.address, "a");
    assert_int_equal(change(at, next, at->generation, &generation), KERBEROS_OK);
    assert_int_equal(kerberos_adopt(at->process), 1);
    assert_int_equal(kerberos_report(at->process, &request, &shown, 2, &notices),
                     KERBEROS_FAILURE);
    assert_true(kerberos_has_other(at->process, &request));
    kerberos_pick_peer(at->process, &request, 2, &pick, &notices);
    assert_text(pick.address, "b");
    shown = success();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 3, &notices),
                     KERBEROS_SUCCESS);
    kerberos_close(at->process, &request);
    kerberos_config_destroy(next);
}

/* A leader that has not heard of the reload yet. */
static void a_change_of_a_configuration_that_is_over_is_refused(void **state)
{
    gate *at = *state;
    uint64_t old;
    uint64_t generation = 99;
    size_t blocks;

    at->config = config_of("product", "a", "b");
    open_zone(at);
    assert_int_equal(change(at, at->config, 1, &generation), KERBEROS_REFUSED);
    reload(at);
    old = at->generation;
    reload(at);
    blocks = at->memory.blocks;
    assert_int_equal(change(at, at->config, old, &generation), KERBEROS_REFUSED);
    assert_int_equal(change(at, at->config, old + 100, &generation), KERBEROS_REFUSED);
    assert_int_equal(change(at, at->config, 0, &generation), KERBEROS_REFUSED);
    assert_int_equal(generation, 99);
    assert_int_equal(at->memory.blocks, blocks);
    assert_int_equal(change(at, at->config, at->generation, &generation), KERBEROS_OK);
    /* The lineage keeps its name. */
    assert_int_equal(change(at, at->config, generation, &generation), KERBEROS_REFUSED);
    assert_int_equal(change(at, at->config, at->generation, &generation), KERBEROS_OK);
}

static void a_change_that_finds_no_memory_asks_for_some(void **state)
{
    gate *at = *state;
    kerberos_evidence shown = success();
    kerberos_notices notices;
    kerberos_request request;
    kerberos_pick pick;
    uint64_t generation = 0;
    uint64_t second = 0;
    size_t blocks;

    at->config = config_of("product", "a", "b");
    start(at);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1, &pick, &notices);
    assert_int_equal(change(at, at->config, at->generation, &second), KERBEROS_OK);
    assert_int_equal(kerberos_adopt(at->process), 1);
    blocks = at->memory.blocks;

    at->memory.fail_at = 1;
    assert_int_equal(change(at, at->config, at->generation, &generation), KERBEROS_NO_MEMORY);
    assert_int_equal(at->memory.blocks, blocks);
    kerberos_zone_sweep(at->zone, 1);
    assert_int_equal(at->memory.blocks, blocks); /* it is still held */
    kerberos_bury(at->process, everybody_exists);
    kerberos_zone_sweep(at->zone, 1);
    assert_int_equal(at->memory.blocks, blocks - 1);

    /* Whoever was on it goes on. */
    assert_int_equal(kerberos_report(at->process, &request, &shown, 2, &notices),
                     KERBEROS_SUCCESS);
    kerberos_close(at->process, &request);
    assert_shown(at, 3, "\"in_flight\":0");
    assert_int_equal(change(at, at->config, at->generation, &generation), KERBEROS_OK);
}

static void a_request_whose_service_is_gone_ends(void **state)
{
    gate *at = *state;
    kerberos_config *next = config_of("other", "a", "b");
    kerberos_evidence shown = refused();
    kerberos_notices notices;
    kerberos_request request;
    kerberos_pick pick;
    uint64_t generation;
    uint32_t rank;

    at->config = config_of("product", "a", "b");
    start(at);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1, &pick, &notices);
    rank = pick.peer;
    assert_int_equal(change(at, next, at->generation, &generation), KERBEROS_OK);
    at->memory.fail_at = 1;
    assert_int_equal(change(at, next, at->generation, &generation), KERBEROS_NO_MEMORY);
    assert_int_equal(kerberos_adopt(at->process), 1);
    kerberos_bury(at->process, everybody_exists);
    kerberos_answered(at->process, &request, &shown, 2);
    assert_int_equal(kerberos_report(at->process, &request, &shown, 2, &notices),
                     KERBEROS_FAILURE);
    assert_int_equal(notices.count, 0);
    assert_false(kerberos_has_other(at->process, &request));
    kerberos_pick_peer(at->process, &request, 2, &pick, &notices);
    assert_false(pick.picked);
    assert_int_equal(pick.retry_after, 0);
    assert_int_equal(notices.count, 0);
    kerberos_close(at->process, &request);
    assert_false(kerberos_has_peer(at->process, rank));
    kerberos_config_destroy(next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(who_adopts_goes_over_to_the_change),
        gate_test(a_request_ends_on_what_it_began_on),
        gate_test(a_change_of_a_configuration_that_is_over_is_refused),
        gate_test(a_change_that_finds_no_memory_asks_for_some),
        gate_test(a_request_whose_service_is_gone_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
