/* SPDX-License-Identifier: MIT
 *
 * Requests: pick, answer, report; who may be a probe, and what a block says of its pool.
 */
#include "abi/gate.h"

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

    kerberos_open(at->process, service, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
    assert_true(pick.picked);
    assert_int_equal(notices.count, 0);
    assert_int_equal(pick.peer, kFirst);
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
    assert_int_equal(pick.peer, kFirst + 1);
    shown = success();
    kerberos_answered(at->process, &request, &shown, 1002);
    assert_int_equal(kerberos_report(at->process, &request, &shown, 1003, &notices),
                     KERBEROS_SUCCESS);
    assert_false(kerberos_has_other(at->process, &request));

    kerberos_pick_peer(at->process, &request, 1004, &pick, &notices);
    assert_false(pick.picked);
    assert_int_equal(pick.met, KERBEROS_CLOSED);
    assert_int_equal(pick.retry_after, 1000);
}

/* A configuration of two equal peers of a block with one parameter more. */
static kerberos_config *config_with(const char *name, const char *value)
{
    kerberos_config *config = kerberos_config_create();
    kerberos_settings settings = quick();
    kerberos_peer peer;
    const char *address;

    assert_int_equal(set(&settings, name, value), KERBEROS_TAKEN);
    assert_int_equal(kerberos_config_add_service(config, text("product")), KERBEROS_OK);
    memset(&peer, 0, sizeof(peer));
    peer.weight = 1;
    peer.settings = &settings;
    for (address = "ab"; *address != '\0'; address++) {
        peer.id = text(address);
        peer.id.len = 1;
        assert_int_equal(kerberos_config_add_peer(config, &peer), KERBEROS_OK);
        assert_int_equal(kerberos_config_add_address(config, address, 1, peer.id), KERBEROS_OK);
    }
    return config;
}

/* Sends so many requests, each to one peer, and lets each end like this; returns how many were
 * not picked for. */
static int send(gate *at, int requests, int64_t now, kerberos_evidence shown)
{
    kerberos_request request;
    kerberos_notices notices;
    kerberos_pick pick;
    int refusals = 0;

    while (requests-- > 0) {
        kerberos_open(at->process, 0, 1, kNoKey, &request);
        kerberos_pick_peer(at->process, &request, now, &pick, &notices);
        refusals += !pick.picked;
        kerberos_report(at->process, &request, &shown, now, &notices);
    }
    return refusals;
}

/* Takes a gate down, for the next row. */
static void anew(gate *at)
{
    kerberos_detach(at->process);
    kerberos_process_free(at->process);
    kerberos_zone_close(at->zone);
    kerberos_config_destroy(at->config);
    at->process = NULL;
    at->zone = NULL;
    at->config = NULL;
    at->header = NULL;
    at->memory.used = 64;
    at->memory.blocks = 0;
    memset(at->memory.base, 0, at->memory.size);
}

static void a_probe_that_can_be_sent_again_says_within_what_time(void **state)
{
    static const struct {
        const char  *name;
        const char  *value;
        int          replayable;
        int64_t      now;
        int          probe;
        int64_t      replay_within;
    } rows[] = {
        { "probe_timeout", "3s", 1, 11000, 1, 3000 },
        { "probe_timeout", "3s", 0, 11000, 0, 0 }, /* others can serve it */
        { "probe_timeout", "3s", 0, 13000, 1, 0 }, /* after the grace */
        { "probe_grace", "0", 0, 11000, 1, 0 },
        { "mode", "observe", 1, 11000, 1, 0 },     /* changes nothing */
    };
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = success();
    kerberos_pick pick;
    size_t i;

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        at->config = config_with(rows[i].name, rows[i].value);
        start(at);
        trip(at, 1000);
        kerberos_open(at->process, 0, rows[i].replayable, kNoKey, &request);
        kerberos_pick_peer(at->process, &request, rows[i].now, &pick, &notices);
        if (pick.peer != kFirst && rows[i].probe) { /* observed: by turns */
            kerberos_report(at->process, &request, &shown, rows[i].now, &notices);
            kerberos_open(at->process, 0, rows[i].replayable, kNoKey, &request);
            kerberos_pick_peer(at->process, &request, rows[i].now, &pick, &notices);
        }
        assert_true(pick.picked);
        assert_int_equal(pick.met, rows[i].probe ? KERBEROS_HALF_OPEN : KERBEROS_CLOSED);
        assert_int_equal(pick.peer, rows[i].probe ? kFirst : kFirst + 1);
        assert_int_equal(pick.replay_within, rows[i].replay_within);
        anew(at);
    }
}

static void a_probe_that_nobody_could_take_over_is_not_cut(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_pick pick;

    at->config = config_of("product", "a", NULL);
    start(at);
    trip(at, 1000);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 11000, &pick, &notices);
    assert_int_equal(pick.met, KERBEROS_HALF_OPEN);
    assert_int_equal(pick.replay_within, 0);
}

static void what_a_block_says_of_its_pool_holds(void **state)
{
    gate *at = *state;

    at->config = config_with("max_open", "50%");
    start(at);
    assert_int_equal(send(at, 40, 1000, answer(500)), 0);
    assert_shown(at, 1000, "\"overflow\":1,\"peers\"");
    anew(at);

    at->config = config_with("panic", "60%");
    start(at);
    assert_int_equal(send(at, 40, 1000, answer(500)), 0);
    anew(at);

    /* Neither lets requests go where no connection comes about. */
    at->config = config_with("max_open", "50%");
    start(at);
    assert_int_equal(send(at, 40, 1000, refused()), 36);
    anew(at);
    at->config = config_with("panic", "60%");
    start(at);
    assert_int_equal(send(at, 40, 1000, refused()), 36);
}

static void all_that_the_server_shows_counts(void **state)
{
    gate *at = *state;
    kerberos_evidence shown;

    at->config = config_with("slow", "1s");
    start(at);
    shown = answer(200);
    shown.duration = 1001;
    send(at, 2, 1000, shown);
    assert_shown(at, 1000, "\"causes\":{\"slow\":1}");
    shown.duration = 1000;
    send(at, 2, 1000, shown);
    assert_shown(at, 1000, "\"causes\":{\"slow\":1}");
    shown = answer(200);
    shown.grpc_status = 14;
    send(at, 2, 1000, shown);
    assert_shown(at, 1000, "\"causes\":{\"grpc_status\":1,\"slow\":1}");
    shown = answer(503);
    shown.retry_after = 1;
    send(at, 2, 1000, shown);
    assert_shown(at, 1000, "\"causes\":{\"grpc_status\":1,\"slow\":1,\"rate_limited\":1}");
    assert_shown(at, 1000, "\"responses\":{\"1xx\":0,\"2xx\":3,\"3xx\":0,\"4xx\":0,\"5xx\":1}");
    assert_shown(at, 1000, "\"window\":{\"attempts\":3,\"failures\":1,\"slow\":1}");
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
        kerberos_open(at->process, 0, 1, kNoKey, &request);
        kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
        assert_true(pick.picked);
        assert_text(pick.id, "the id");
        kerberos_report(at->process, &request, &shown, 1000, &notices);
        assert_int_equal(notices.count, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_request_goes_its_way),
        gate_test(a_probe_that_can_be_sent_again_says_within_what_time),
        gate_test(a_probe_that_nobody_could_take_over_is_not_cut),
        gate_test(what_a_block_says_of_its_pool_holds),
        gate_test(all_that_the_server_shows_counts),
        gate_test(a_breaker_can_be_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
