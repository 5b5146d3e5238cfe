/* SPDX-License-Identifier: MIT
 *
 * What a service says of connections, as whoever makes them asks for it.
 */
#include <stdio.h>

#include "abi/gate.h"

static void ignore(void *context, kerberos_text line)
{
    (void) context;
    (void) line;
}

static void read_yaml(kerberos_config *config, const char *yaml)
{
    kerberos_settings inherited = quick();
    kerberos_source source = {text("/a.yaml"), text(yaml)};
    size_t i;

    assert_int_equal(
        kerberos_config_read(config, &source, 1, NULL, 0, &inherited, ignore, NULL), KERBEROS_OK);
    for (i = 0; i < kerberos_config_targets(config); i++) {
        assert_int_equal(kerberos_config_resolve(config, i, "\1", 1, text("address")),
                         KERBEROS_OK);
    }
}

static kerberos_request open_one(gate *at, const char *name)
{
    kerberos_request request;
    uint32_t service;

    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text(name), &service));
    kerberos_open(at->process, service, 1, kNoKey, &request);
    return request;
}

static kerberos_terms terms_of(gate *at, kerberos_request *request)
{
    kerberos_terms terms;

    memset(&terms, 'x', sizeof(terms));
    assert_true(kerberos_get_terms(at->process, request, &terms));
    return terms;
}

static void a_service_says_what_its_file_says(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_terms terms;

    at->config = config_of("block", "z", NULL);
    read_yaml(at->config,
              "plain: [http://a]\n"
              "all:\n"
              "  peers: [https://a]\n"
              "  timeouts: {connect: 1s, send: 2s, read: 3s}\n"
              "  keepalive: {connections: 4, idle: 5s, requests: 6, total: 7}\n"
              "  tls: {name: a.example, verify: false}\n");
    start(at);

    request = open_one(at, "plain");
    terms = terms_of(at, &request);
    assert_int_equal(terms.connect, -1);
    assert_int_equal(terms.send, -1);
    assert_int_equal(terms.read, -1);
    assert_int_equal(terms.kept.connections, -1);
    assert_int_equal(terms.kept.idle, -1);
    assert_int_equal(terms.kept.requests, -1);
    assert_int_equal(terms.kept.total, -1);
    assert_int_equal(terms.tls, 0);
    assert_int_equal(terms.verify, -1);
    assert_int_equal(terms.name.len, 0);
    assert_int_equal(terms.trusted.len, 0);

    request = open_one(at, "all");
    terms = terms_of(at, &request);
    assert_int_equal(terms.connect, 1000);
    assert_int_equal(terms.send, 2000);
    assert_int_equal(terms.read, 3000);
    assert_int_equal(terms.kept.connections, 4);
    assert_int_equal(terms.kept.idle, 5000);
    assert_int_equal(terms.kept.requests, 6);
    assert_int_equal(terms.kept.total, 7);
    assert_int_equal(terms.tls, 1);
    assert_int_equal(terms.verify, 0);
    assert_text(terms.name, "a.example");
    assert_int_equal(terms.trusted.len, 0);
}

static void note(void *context, kerberos_text line)
{
    char *first = context;

    if (*first == '\0') {
        snprintf(first, 100, "%.*s", (int) line.len, line.data);
    }
}

static void files_are_asked_for_once(void **state)
{
    static const uint64_t digest[2] = {11, 22};
    gate *at = *state;
    kerberos_request request;
    kerberos_terms terms;
    kerberos_config *renewed;
    char said[100] = "";

    at->config = config_of("block", "z", NULL);
    read_yaml(at->config,
              "version: 1\n"
              "defaults: {tls: {trusted_certificate: ca.pem}}\n"
              "services:\n"
              "  plain: [http://a]\n"
              "  one: [https://a]\n"
              "  two: [https://a]\n"
              "  own: {peers: [https://a], tls: {trusted_certificate: own.pem}}\n");
    assert_int_equal(kerberos_config_files(at->config), 2);
    assert_text(kerberos_config_file(at->config, 0), "ca.pem");
    assert_text(kerberos_config_file(at->config, 1), "own.pem");
    assert_int_equal(kerberos_config_refuse_file(at->config, 0, text("not there"), note, said),
                     KERBEROS_OK);
    assert_string_equal(said, "/a.yaml:2:39: not there");
    said[0] = '\0';
    assert_int_equal(kerberos_config_refuse_file(at->config, 1, text("not there"), note, said),
                     KERBEROS_OK);
    assert_string_equal(said, "/a.yaml:7:56: not there");
    assert_int_equal(kerberos_config_tell_file(at->config, 0, text("PEM"), digest), KERBEROS_OK);
    renewed = kerberos_config_renew(at->config);
    assert_int_equal(kerberos_config_files(renewed), 0);
    kerberos_config_destroy(renewed);
    start(at);

    request = open_one(at, "two");
    terms = terms_of(at, &request);
    assert_int_equal(terms.verify, 1);
    assert_text(terms.trusted, "PEM");
    assert_int_equal(terms.digest[0], 11);
    assert_int_equal(terms.digest[1], 22);
    request = open_one(at, "own");
    terms = terms_of(at, &request);
    assert_int_equal(terms.verify, 1); /* by nobody: all fail */
    assert_int_equal(terms.trusted.len, 0);
    request = open_one(at, "plain");
    assert_int_equal(terms_of(at, &request).verify, -1);
}

static void change(gate *at, const char *yaml)
{
    kerberos_config *config = kerberos_config_renew(at->config);
    uint64_t id;

    read_yaml(config, yaml);
    assert_int_equal(kerberos_zone_change(at->zone, config, at->generation, &kEdition, 1, &id),
                     KERBEROS_OK);
    kerberos_config_destroy(config);
    assert_true(kerberos_adopt(at->process));
}

static void a_request_keeps_the_terms_of_its_generation(void **state)
{
    gate *at = *state;
    kerberos_request request;
    kerberos_request later;
    kerberos_terms terms;
    int i;

    at->config = config_of("block", "z", NULL);
    read_yaml(at->config, "a: {peers: [https://a], timeouts: {read: 1s}, tls: {name: old}}\n");
    start(at);
    request = open_one(at, "a");

    change(at, "a: {peers: [https://a], timeouts: {read: 2s}, tls: {name: new}}\n");
    assert_int_equal(terms_of(at, &request).read, 1000);
    assert_text(terms_of(at, &request).name, "old");
    later = open_one(at, "a");
    assert_int_equal(terms_of(at, &later).read, 2000);

    /* A process holds eight generations. */
    for (i = 0; i < 8; i++) {
        kerberos_request each = open_one(at, "a");

        (void) each;
        change(at, "a: {peers: [https://a], timeouts: {read: 3s}, tls: {name: newest}}\n");
    }
    assert_int_equal(terms_of(at, &request).read, 3000);
    assert_text(terms_of(at, &request).name, "newest");
    kerberos_close(at->process, &request);

    request = open_one(at, "a");
    for (i = 0; i < 9; i++) {
        kerberos_request each = open_one(at, "a");

        (void) each;
        change(at, i == 8 ? "b: [https://a]\n" : "a: [https://a]\n");
        if (i < 8) {
            continue;
        }
        assert_false(kerberos_get_terms(at->process, &request, &terms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_service_says_what_its_file_says),
        gate_test(files_are_asked_for_once),
        gate_test(a_request_keeps_the_terms_of_its_generation),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
