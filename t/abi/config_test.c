/* SPDX-License-Identifier: MIT
 *
 * Configuration: services of blocks and of registry files, before they have a place in a zone.
 */
#include "abi/gate.h"

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
    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("users"), &users));
    assert_true(kerberos_find(at->process, KERBEROS_OF_REGISTRY, text("product"), &product));
    assert_int_equal(kerberos_service_peers(at->process, users), 3);
    assert_int_equal(kerberos_service_peers(at->process, product), 1);
    assert_false(kerberos_service_tls(at->process, users));
    assert_true(kerberos_service_tls(at->process, product));
    assert_text(kerberos_service_name(at->process, users), "users");
    kerberos_open(at->process, product, 1, kNoKey, &request);
    kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
    assert_int_equal(pick.peer, 7);
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
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    failure_on: [slow]\n",
          1, 2, 3, "failure_on slow without slow" },
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    failure_on: [http_200]\n",
          1, 4, 18, "http_400 to http_599" },
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
        kerberos_open(at->process, 0, 1, kNoKey, &request);
        kerberos_pick_peer(at->process, &request, 1000, &pick, &notices);
        assert_text(pick.id, who[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        gate_test(a_configuration_counts_what_it_has),
        gate_test(a_peer_wants_a_service_and_an_address_a_peer),
        gate_test(a_registry_is_read_and_resolved),
        gate_test(a_client_reaches_no_block_by_name),
        gate_test(a_bad_registry_is_refused_as_a_whole),
        gate_test(what_peers_may_say_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
