/* SPDX-License-Identifier: MIT
 *
 * Reports: a line for each transition, whoever lives to write it, and the status document.
 */
#include "abi/gate.h"

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

    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 3000, &pick, &notices);
    assert_false(pick.picked);
    assert_int_equal(pick.met, KERBEROS_OPEN);
    assert_int_equal(pick.retry_after, 8000);
    assert_int_equal(notices.count, 0);

    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 11000, &pick, &notices);
    assert_true(pick.picked);
    assert_int_equal(pick.met, KERBEROS_HALF_OPEN);
    assert_string_equal(
        the_line(&notices, 0),
        "circuit HALF_OPEN service \"product\" peer 10.0.0.1:80: timeout passed");
    assert_int_equal(
        kerberos_notice_line(&notices, 0, line, sizeof(line), &warning), 11);
    assert_memory_equal(line, "circuit HAL", 11);

    shown = client_left();
    assert_int_equal(kerberos_report(at->process, &request, &shown, 11001, &notices),
                     KERBEROS_NEUTRAL);
    assert_int_equal(notices.count, 0);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 11002, &pick, &notices);
    assert_int_equal(pick.met, KERBEROS_HALF_OPEN);
    assert_int_equal(notices.count, 0);
    shown = success();
    kerberos_answered(at->process, &request, &shown, 11500);
    assert_int_equal(kerberos_report(at->process, &request, &shown, 12500, &notices),
                     KERBEROS_SUCCESS);
    assert_string_equal(
        the_line(&notices, 0),
        "circuit CLOSED service \"product\" peer 10.0.0.1:80: recovered after 11.5s");
}

typedef struct {
    int     count;
    int     warnings;
    char    last[256];
} lines;

static void note_line(void *context, kerberos_text line, int warning)
{
    lines *noted = context;

    noted->count++;
    noted->warnings += warning;
    assert_true(line.len < sizeof(noted->last));
    memcpy(noted->last, line.data, line.len);
    noted->last[line.len] = '\0';
}

static int is_4712(int64_t pid)
{
    return pid == 4712;
}

static void what_the_dead_did_not_log_is_told_by_the_living(void **state)
{
    gate *at = *state;
    kerberos_process *dead;
    kerberos_process *alive;
    lines noted = { 0, 0, "" };
    int look;

    at->config = config_of("product", "a", NULL);
    start(at);
    dead = at->process;
    assert_int_equal(kerberos_attach(at->zone, 4, 4712, at->generation, 1, &alive), KERBEROS_OK);
    trip(at, 1000); /* and dies before its line is written */
    kerberos_tell_orphans(alive, note_line, &noted);
    kerberos_bury(alive, is_4712);
    assert_int_equal(noted.count, 0);
    for (look = 0; look < 4; look++) {
        kerberos_tell_orphans(alive, note_line, &noted);
    }
    assert_int_equal(noted.count, 1);
    assert_int_equal(noted.warnings, 1);
    assert_non_null(strstr(noted.last, "circuit OPEN service \"product\" peer a: "));
    kerberos_process_free(dead);
    at->process = alive;
}

static void what_was_logged_is_not_told_again(void **state)
{
    gate *at = *state;
    kerberos_process *dead;
    kerberos_process *alive;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = refused();
    kerberos_pick pick;
    lines noted = { 0, 0, "" };
    int i;

    at->config = config_of("product", "a", NULL);
    start(at);
    dead = at->process;
    assert_int_equal(kerberos_attach(at->zone, 4, 4712, at->generation, 1, &alive), KERBEROS_OK);
    for (i = 0; i < 2; i++) {
        kerberos_open(dead, 0, 1, kNoKey, &request);
        kerberos_pick_peer(dead, &request, 1000, &pick, &notices);
        kerberos_told(dead, &notices);
        kerberos_report(dead, &request, &shown, 1000, &notices);
        kerberos_told(dead, &notices);
    }
    assert_shown(at, 1000, "\"state\":\"open\"");
    kerberos_bury(alive, is_4712);
    for (i = 0; i < 4; i++) {
        kerberos_tell_orphans(alive, note_line, &noted);
    }
    assert_int_equal(noted.count, 0);
    kerberos_process_free(dead);
    at->process = alive;
}

static void a_report_without_an_attempt_says_nothing(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = refused();

    at->config = config_of("product", "a", NULL);
    start(at);
    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_answered(at->process, &request, &shown, 1000);
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
        "\"breaker\":{\"state\":\"open\",\"mode\":\"enforce\",\"forced\":null,"
        "\"reason\":\"consecutive\",\"last\":\"connect refused\",\"consecutive_failures\":2,",
        "\"retry_in\":9.5,\"ramp\":1.0}",
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_circuit_opens_and_closes_with_a_line_each),
        gate_test(what_the_dead_did_not_log_is_told_by_the_living),
        gate_test(what_was_logged_is_not_told_again),
        gate_test(a_report_without_an_attempt_says_nothing),
        gate_test(the_status_is_a_document),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
