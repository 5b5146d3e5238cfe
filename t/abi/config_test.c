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

/* The lines that were told, each with an end. */
typedef struct {
    int     count;
    size_t  len;
    char    text[4096];
} messages;

static void note_message(void *context, kerberos_text line)
{
    messages *noted = context;

    assert_true(noted->len + line.len + 2 < sizeof(noted->text));
    memcpy(noted->text + noted->len, line.data, line.len);
    noted->len += line.len;
    noted->text[noted->len++] = '\n';
    noted->text[noted->len] = '\0';
    noted->count++;
}

static const messages silence;

/* Reads one file. */
static kerberos_result read_yaml(kerberos_config *config, const char *yaml,
                                 const kerberos_settings *inherited, messages *noted)
{
    kerberos_source source = { text("/a.yaml"), text(yaml) };

    return kerberos_config_read(config, &source, 1, NULL, 0, inherited, note_message, noted);
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
    messages noted = silence;
    uint32_t users;
    uint32_t product;
    char names[64];
    kerberos_request request;
    kerberos_notices notices;
    kerberos_pick pick;

    at->config = config_of("block", "z", NULL);
    assert_int_equal(read_yaml(at->config, yaml, &inherited, &noted), KERBEROS_OK);
    assert_int_equal(noted.count, 0);
    assert_int_equal(kerberos_config_services(at->config), 3);
    assert_int_equal(kerberos_config_targets(at->config), 3);
    target = kerberos_config_target(at->config, 0);
    assert_text(target.target, "10.0.0.1:8080");
    assert_int_equal(target.kind, KERBEROS_ADDRESS);
    target = kerberos_config_target(at->config, 1);
    assert_text(target.target, "name:80");
    assert_int_equal(target.kind, KERBEROS_NAME);
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
    messages noted = silence;
    uint32_t service = 99;

    at->config = config_of("block", "a", NULL);
    assert_int_equal(
        read_yaml(at->config, "file: [\"http://10.0.0.1:80\"]\n", &inherited, &noted),
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
        const char  *says;
    } rows[] = {
        { "good: [\"http://10.0.0.1:80\"]\nbad: [\"http://10.0.0.1:99999\"]\n",
          "/a.yaml:2:7: invalid URL" },
        { "good: [\"http://10.0.0.1:80\"]\ngood: [\"http://10.0.0.1:80\"]\n",
          "/a.yaml:2:1: duplicate key \"good\"" },
        { "block: [\"http://10.0.0.1:80\"]\n",
          "/a.yaml:1:1: service \"block\" has the name of an upstream block\n"
          "    1 | block: [" },
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    breaker: {max_timeout: 5s}\n",
          "/a.yaml:2:3: service \"x\": max_timeout=5s is below timeout=10s" },
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    failure_on: [slow]\n",
          "/a.yaml:2:3: service \"x\": failure_on slow without slow" },
        { "services:\n  x:\n    peers: [\"http://10.0.0.1:80\"]\n    failure_on: [http_200]\n",
          "/a.yaml:4:18: " },
    };
    gate *at = *state;
    kerberos_settings inherited = quick();
    size_t i;

    at->config = config_of("block", "a", NULL);
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        messages noted = silence;

        assert_int_equal(read_yaml(at->config, rows[i].yaml, &inherited, &noted),
                         KERBEROS_REFUSED);
        assert_int_equal(noted.count, 3);  /* with the line and the caret */
        assert_int_equal(strncmp(noted.text, rows[i].says, strlen(rows[i].says)), 0);
        assert_int_equal(kerberos_config_services(at->config), 1);
        assert_int_equal(kerberos_config_targets(at->config), 0);
    }
}

static void several_sources_are_one_registry(void **state)
{
    gate *at = *state;
    kerberos_settings inherited = quick();
    messages noted = silence;
    kerberos_source sources[] = {
        { text("/a.yaml"), text("a: [\"http://${HOST}:80\"]\n") },
        { text("env:"), text("") },
        { text("/b.yaml"), text("b: [\"http://10.0.0.2:80\"]\n") },
    };
    const kerberos_text environment[] = {
        text("PATH=/bin"),
        text("HOST=10.0.0.1"),
        text("V_SVC_INSTANCES=x:http://10.0.0.3:80:http://10.0.0.3/h:1:30s"),
        text("V_SVC_RETRY=3:1s:5s:2.0"),
    };

    at->config = config_of("block", "z", NULL);
    assert_int_equal(kerberos_config_idle(at->config).len, 0);
    assert_int_equal(kerberos_config_variables(at->config), 0);
    assert_int_equal(kerberos_config_read(at->config, sources, 3, environment, 4, &inherited,
                                          note_message, &noted),
                     KERBEROS_OK);
    assert_int_equal(noted.count, 0);
    assert_int_equal(kerberos_config_services(at->config), 4);
    assert_int_equal(kerberos_config_targets(at->config), 3);
    assert_text(kerberos_config_target(at->config, 0).target, "10.0.0.1:80");
    assert_text(kerberos_config_target(at->config, 1).target, "10.0.0.3:80");
    assert_text(kerberos_config_target(at->config, 2).target, "10.0.0.2:80");

    assert_int_equal(kerberos_config_variables(at->config), 3);
    assert_text(kerberos_config_variable(at->config, 0), "HOST");
    assert_text(kerberos_config_variable(at->config, 1), "V_SVC_INSTANCES");
    assert_text(kerberos_config_variable(at->config, 2), "V_SVC_RETRY");
    assert_text(kerberos_config_idle(at->config),
                "no effect in this version: V_SVC_RETRY, V_SVC_INSTANCES (health URLs)");
}

static void the_problems_of_all_sources_are_told(void **state)
{
    gate *at = *state;
    kerberos_settings inherited = quick();
    messages noted = silence;
    kerberos_source sources[] = {
        { text("/a.yaml"), text("block: [\"http://10.0.0.1:80\"]\n") },
        { text("/b.yaml"), text("b: [\"http://${HOST}\"]\nblock: [\"http://10.0.0.2\"]\n") },
    };
    static const char *expected =
        "/a.yaml:1:1: service \"block\" has the name of an upstream block\n"
        "    1 | block: [\"http://10.0.0.1:80\"]\n"
        "      | ^\n"
        "/b.yaml:1:5: variable \"HOST\" is not set (a default: ${HOST:-...})\n"
        "    1 | b: [\"http://${HOST}\"]\n"
        "      |     ^~~~~~~~~~~~~~~~\n"
        "/b.yaml:2:1: service \"block\" is defined twice (first at /a.yaml:1:1)\n"
        "    2 | block: [\"http://10.0.0.2\"]\n"
        "      | ^\n"
        "/b.yaml:2:1: service \"block\" has the name of an upstream block\n"
        "    2 | block: [\"http://10.0.0.2\"]\n"
        "      | ^\n";

    at->config = config_of("block", "z", NULL);
    assert_int_equal(kerberos_config_read(at->config, sources, 2, NULL, 0, &inherited,
                                          note_message, &noted),
                     KERBEROS_REFUSED);
    assert_string_equal(noted.text, expected);
    assert_int_equal(kerberos_config_services(at->config), 1);
    assert_int_equal(kerberos_config_targets(at->config), 0);
    assert_int_equal(kerberos_config_variables(at->config), 0);
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
        gate_test(several_sources_are_one_registry),
        gate_test(the_problems_of_all_sources_are_told),
        gate_test(what_peers_may_say_is_heard),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
