/* SPDX-License-Identifier: MIT
 *
 * What outlives the shared memory: breakers and sources as texts, and the next gate that reads them.
 */
#include "abi/gate.h"

#define UNIX 1790000000000

/* The text of the breakers, where there is something else to say than `mark` stands for. */
static kerberos_document *saved(gate *at, int64_t now, uint64_t *mark)
{
    kerberos_document *document = NULL;

    assert_int_equal(
        kerberos_save_breakers(at->process, now, UNIX + now, mark, &document), KERBEROS_OK);
    return document;
}

/* Whether the only peer can be had. */
static int serves(gate *at, int64_t now)
{
    kerberos_request request;
    kerberos_notices notices;
    kerberos_evidence shown = success();
    kerberos_pick pick;

    kerberos_open(at->process, 0, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, now, &pick, &notices);
    kerberos_report(at->process, &request, &shown, now, &notices);
    return pick.picked;
}

static void a_breaker_is_open_in_the_next_zone(void **state)
{
    gate *at = *state;
    gate *next;
    uint64_t mark = 0;
    kerberos_document *document;
    kerberos_restored restored;
    char problem[128];

    at->config = config_of("product", "10.0.0.1:80", NULL);
    start(at);
    trip(at, 1000);
    document = saved(at, 2000, &mark);
    assert_non_null(document);
    assert_int_not_equal(mark, 0);

    /* The machine was started anew, and nobody served for three seconds. */
    setup((void **) &next);
    next->config = config_of("product", "10.0.0.1:80", NULL);
    open_zone(next);
    reload(next);
    assert_int_equal(
        kerberos_restore_breakers(next->zone, next->generation, kerberos_document_text(document),
                                  50, UNIX + 5000, &restored, problem, sizeof(problem)),
        KERBEROS_OK);
    assert_int_equal(restored.peers, 1);
    assert_int_equal(restored.open, 1);
    assert_int_equal(restored.unknown, 0);
    assert_int_equal(restored.invalid, 0);
    assert_int_equal(
        kerberos_attach(next->zone, 3, 4711, next->generation, 1, &next->process), KERBEROS_OK);
    assert_false(serves(next, 50));
    assert_false(serves(next, 50 + 5999));
    assert_true(serves(next, 50 + 6000));
    kerberos_document_free(document);
    teardown((void **) &next);
}

static void it_is_saved_again_where_something_has_changed(void **state)
{
    gate *at = *state;
    uint64_t mark = 0;
    uint64_t before;
    kerberos_document *document;

    at->config = config_of("product", "10.0.0.1:80", NULL);
    start(at);
    document = saved(at, 500, &mark);
    assert_non_null(document); /* that there is nothing is news, too */
    kerberos_document_free(document);
    assert_true(serves(at, 600));
    assert_null(saved(at, 700, &mark));
    before = mark;
    trip(at, 1000);
    document = saved(at, 1500, &mark);
    assert_non_null(document);
    assert_int_not_equal(mark, before);
    kerberos_document_free(document);
    assert_null(saved(at, 9000, &mark));
    mark = 0;
    document = saved(at, 9000, &mark);
    assert_non_null(document);
    kerberos_document_free(document);
}

static void nonsense_is_refused_and_says_why(void **state)
{
    gate *at = *state;
    kerberos_restored restored;
    char problem[32];

    at->config = config_of("product", "10.0.0.1:80", NULL);
    open_zone(at);
    reload(at);
    assert_int_equal(
        kerberos_restore_breakers(at->zone, at->generation, text("nonsense"), 1, UNIX, &restored,
                                  problem, sizeof(problem)),
        KERBEROS_REFUSED);
    assert_string_equal(problem, "is no JSON from byte 2 on");
    assert_int_equal(
        kerberos_restore_breakers(at->zone, at->generation + 1, text("{}"), 1, UNIX, &restored,
                                  problem, sizeof(problem)),
        KERBEROS_FAULT);
    assert_int_equal(
        kerberos_restore_breakers(
            at->zone, at->generation,
            text("{\"schema\":1,\"kind\":\"kerberos breakers\",\"breakers\":[{},"
                 "{\"service\":\"x\",\"peer\":\"y\",\"address\":\"z\",\"state\":\"closed\"}]}"),
            1, UNIX, &restored, problem, sizeof(problem)),
        KERBEROS_OK);
    assert_int_equal(restored.peers, 0);
    assert_int_equal(restored.open, 0);
    assert_int_equal(restored.unknown, 1);
    assert_int_equal(restored.invalid, 1);
}

static void sources_come_back(void **state)
{
    kerberos_source sources[2];
    kerberos_source source;
    kerberos_document *document;
    kerberos_archive *archive;
    char problem[128];

    (void) state;
    sources[0].name = text("one.yaml");
    sources[0].text = text("a: [http://127.0.0.1:1]\n");
    sources[1].name = text("two.yaml");
    sources[1].text = text("");
    assert_int_equal(kerberos_save_sources(sources, 2, &document), KERBEROS_OK);
    assert_int_equal(
        kerberos_restore_sources(kerberos_document_text(document), &archive, problem,
                                 sizeof(problem)),
        KERBEROS_OK);
    kerberos_document_free(document);
    assert_int_equal(kerberos_archive_sources(archive), 2);
    source = kerberos_archive_source(archive, 0);
    assert_text(source.name, "one.yaml");
    assert_text(source.text, "a: [http://127.0.0.1:1]\n");
    source = kerberos_archive_source(archive, 1);
    assert_text(source.name, "two.yaml");
    assert_text(source.text, "");
    kerberos_archive_free(archive);

    sources[1].text = text("\xff");
    assert_int_equal(kerberos_save_sources(sources, 2, &document), KERBEROS_REFUSED);
    assert_int_equal(
        kerberos_restore_sources(text("{}"), &archive, problem, sizeof(problem)), KERBEROS_REFUSED);
    assert_string_equal(problem, "is not a document of \"kerberos registry\"");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_breaker_is_open_in_the_next_zone),
        gate_test(it_is_saved_again_where_something_has_changed),
        gate_test(nonsense_is_refused_and_says_why),
        gate_test(sources_come_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
