/* SPDX-License-Identifier: MIT
 *
 * Settings: what is taken, what is refused and with which words, what is inherited.
 */
#include "abi/gate.h"

#define PARAMETERS                                                                         \
    "threshold, failure_rate, slow, slow_rate, window, min_requests, timeout, max_timeout, " \
    "jitter, probes, successes, probe_timeout, probe_grace, ramp, max_open, panic, mode"

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
          "did you mean \"threshold\"? allowed: " PARAMETERS },
        { "", "", KERBEROS_UNKNOWN, "allowed: " PARAMETERS },
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

static void failures_are_named_by_words(void **state)
{
    static const struct {
        const char       *word;
        kerberos_verdict  verdict;
        const char       *allowed;
    } rows[] = {
        { "error", KERBEROS_TAKEN, "" },
        { "http_429", KERBEROS_TAKEN, "" },
        { "error", KERBEROS_DUPLICATE, "each word once" },
        { "http_200", KERBEROS_UNKNOWN,
          "allowed: error, timeout, invalid_header, slow, http_5xx, http_400 to http_599" },
        { "slow", KERBEROS_TAKEN, "" },
    };
    kerberos_settings settings;
    char allowed[256];
    size_t i;

    (void) state;
    kerberos_settings_init(&settings);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memset(allowed, 'x', sizeof(allowed));
        assert_int_equal(kerberos_settings_add_failure(&settings, text(rows[i].word), allowed,
                                                       sizeof(allowed)),
                         rows[i].verdict);
        assert_string_equal(allowed, rows[i].allowed);
    }
    assert_int_equal(kerberos_settings_contradict(&settings, allowed, sizeof(allowed)), 1);
    assert_string_equal(allowed,
                        "failure_on slow without slow, the time from which a response is slow");
    assert_int_equal(set(&settings, "slow", "1s"), KERBEROS_TAKEN);
    assert_int_equal(kerberos_settings_contradict(&settings, allowed, sizeof(allowed)), 0);
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
    char problem[256];
    kerberos_text words[3];

    (void) state;
    words[0] = text("round_robin");
    words[1] = text("adaptive");
    assert_int_equal(kerberos_balance_wrong(words, 1, problem, sizeof(problem)), 0);
    assert_int_equal(kerberos_balance_wrong(words, 2, problem, sizeof(problem)), 0);
    assert_string_equal(problem, "");
    words[0] = text("round_robins");
    assert_int_equal(kerberos_balance_wrong(words, 1, problem, sizeof(problem)), 1);
    assert_string_equal(problem, "invalid balancing method \"round_robins\" (did you mean "
                                 "\"round_robin\"? allowed: round_robin, least_conn, random, ewma, "
                                 "hash)");
    words[0] = text("hash");
    assert_int_equal(kerberos_balance_wrong(words, 1, problem, sizeof(problem)), 1);
    assert_non_null(strstr(problem, "hash without a key"));
}

static kerberos_verdict set_kept(kerberos_kept *kept, const char *name, const char *value,
                                 char *allowed, size_t room) {
    kerberos_text n = {strlen(name), name};
    kerberos_text v = {strlen(value), value};

    return kerberos_kept_set(kept, n, v, allowed, room);
}

static void keepalive_is_read_by_the_table_of_the_registry(void **state) {
    kerberos_kept kept;
    char allowed[256];
    (void) state;

    kerberos_kept_init(&kept);
    assert_int_equal(kept.connections, -1);
    assert_int_equal(set_kept(&kept, "connections", "64", allowed, sizeof(allowed)),
                     KERBEROS_TAKEN);
    assert_int_equal(set_kept(&kept, "idle", "1m30s", allowed, sizeof(allowed)), KERBEROS_TAKEN);
    assert_int_equal(kept.connections, 64);
    assert_int_equal(kept.idle, 90000);
    assert_int_equal(kept.requests, -1);
    assert_int_equal(kept.total, -1);

    assert_int_equal(set_kept(&kept, "idle", "1s", allowed, sizeof(allowed)), KERBEROS_DUPLICATE);
    assert_int_equal(set_kept(&kept, "requests", "0", allowed, sizeof(allowed)), KERBEROS_INVALID);
    assert_string_equal(allowed, "a whole number from 1 to 1000000000");
    assert_int_equal(set_kept(&kept, "totl", "1", allowed, sizeof(allowed)), KERBEROS_UNKNOWN);
    assert_string_equal(allowed,
                        "did you mean \"total\"? allowed: connections, idle, requests, total");
    assert_int_equal(kept.idle, 90000);
    assert_int_equal(kept.requests, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(settings_are_taken_once_and_in_their_range),
        cmocka_unit_test(failures_are_named_by_words),
        cmocka_unit_test(a_text_is_cut_where_its_room_ends),
        cmocka_unit_test(a_text_ends_where_its_length_says),
        cmocka_unit_test(what_is_not_said_is_inherited),
        cmocka_unit_test(balancing_methods_have_names),
        cmocka_unit_test(keepalive_is_read_by_the_table_of_the_registry),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
