// SPDX-License-Identifier: MIT
#include "core/registry/service_reader.h"

#include <string>
#include <string_view>

#include "fields.h"

namespace kerberos::registry {
namespace {

void a_list_of_urls_is_a_service(void**) {
  base::Problems problems;
  const Service service = service_of("users:\n  - http://a:1\n  - http://b:2\n", {}, problems);
  expect_text("problems", listed(problems), "");
  expect_text("name", service.name, "users");
  assert_int_equal(service.peers.size(), 2);
  expect_text("second", service.peers[1].target, "b:2");
  assert_int_equal(service.peers[1].place.line, 3);
  assert_int_equal(service.peers[1].place.column, 5);
  assert_int_equal(service.place.line, 1);
  assert_false(service.tls);
  assert_false(service.breaker.enabled.has_value());
}

void a_mapping_sets_breaker_and_balance(void**) {
  base::Problems problems;
  const Service service = service_of(
      "users:\n"
      "  balance: round_robin\n"
      "  peers: [https://a, https://b]\n"
      "  breaker: {threshold: 3, timeout: \"10s\", jitter: 0%}\n",
      {}, problems);
  expect_text("problems", listed(problems), "");
  assert_true(service.tls);
  assert_true(*service.breaker.enabled);
  assert_int_equal(*service.breaker.threshold, 3);
  assert_int_equal(*service.breaker.timeout, 10'000);
  assert_int_equal(*service.breaker.jitter_percent, 0);
  assert_false(service.breaker.probes.has_value());
}

void a_service_inherits_parameter_by_parameter(void**) {
  base::Problems problems;
  const Defaults defaults =
      defaults_of("defaults: {breaker: {threshold: 7, probes: 2}, balance: round_robin}", problems);
  const Service own =
      service_of("a: {peers: [http://a], breaker: {threshold: 3}}", defaults, problems);
  assert_int_equal(*own.breaker.threshold, 3);
  assert_int_equal(*own.breaker.probes, 2);
  const Service off = service_of("a: {peers: [http://a], breaker: off}", defaults, problems);
  assert_false(*off.breaker.enabled);
  const Service plain = service_of("a: [http://a]", defaults, problems);
  assert_true(*plain.breaker.enabled);
  assert_int_equal(*plain.breaker.threshold, 7);
  expect_text("problems", listed(problems), "");
}

void a_mapping_turns_a_breaker_on_again(void**) {
  base::Problems problems;
  const Defaults off = defaults_of("defaults: {breaker: off}", problems);
  assert_false(*service_of("a: [http://a]", off, problems).breaker.enabled);
  assert_true(
      *service_of("a: {peers: [http://a], breaker: {probes: 1}}", off, problems).breaker.enabled);
}

void unusual_services_are_legal(void**) {
  for (const std::string_view text : {
           "a: [http://a, http://a]",
           "a: [{url: http://a, down: true}, {url: http://b, down: true}]",
           "a: [http://a, {url: http://b, backup: true}]",
           "a: [http://a, \"unix:/run/b\"]",
           "a: {peers: [http://a], breaker: {timeout: 1h}}",
           "a: {peers: [http://a], breaker: {max_timeout: 1s}}",
           "a: {peers: [http://a], breaker: {}}",
           "a: {peers: [http://a], breaker: off, failure_on: [http_5xx]}",
           "a: {peers: [http://a], breaker: {mode: observe, max_open: 50%, slow: 1s}}",
       }) {
    base::Problems problems;
    service_of(text, {}, problems);
    expect_text(text, listed(problems), "");
  }
}

void bad_services_say_what_is_allowed(void**) {
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"one URL", "a: http://a",
       "1:4: \"a\" is a single value (a list of URLs, or a mapping of " + kServiceKeys + ")"},
      {"nothing",
       "a:", "1:1: \"a\" has no value (a list of URLs, or a mapping of " + kServiceKeys + ")"},
      {"empty list", "a: []", "1:4: service \"a\" has no peers (at least one)"},
      {"empty peers", "a: {peers: []}", "1:12: service \"a\" has no peers (at least one)"},
      {"no peers", "a: {}",
       "1:1: service \"a\" without \"peers\" (a list of peers, each a URL or a mapping)"},
      {"peers that are a mapping", "a: {peers: {url: http://a}}",
       "1:12: \"peers\" is a mapping (a list of peers, each a URL or a mapping)"},
      {"name", "a/b: [http://a]",
       "1:1: invalid service name \"a/b\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"name that a path loses", "..: [http://a]",
       "1:1: invalid service name \"..\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"key", "a: {peer: [http://a], peers: [http://a]}",
       "1:5: unknown key \"peer\" (did you mean \"peers\"? allowed: " + kServiceKeys + ")"},
      {"key of a later release", "a: {peers: [http://a], check: {path: /}}",
       "1:24: unknown key \"check\" (allowed: " + kServiceKeys + ")"},
      {"balance", "a: {peers: [http://a], balance: round-robin}",
       "1:33: invalid balancing method \"round-robin\" (did you mean \"round_robin\"? allowed: "
       "round_robin, least_conn, random, ewma, hash)"},
      {"balance of the wrong type", "a: {peers: [http://a], balance: [x]}",
       "1:33: \"balance\" is a list (a method, such as least_conn or hash $cookie_x)"},
      {"both schemes", "a: [http://a, https://b, https://c]",
       "1:15: http and https peers in one service (all of them speak one or the other)"},
      {"a socket speaks http", "a: [https://a, \"unix:/run/b\"]",
       "1:16: http and https peers in one service (all of them speak one or the other)"},
      {"ids", "a:\n- {url: http://a, id: x}\n- {url: http://b, id: x}\n",
       "3:23: duplicate id \"x\" (first at 2:23)"},
      {"only backups", "a: [{url: http://a, backup: true}]",
       "1:4: all peers of service \"a\" are backups (a backup stands in for others: at least one "
       "peer must not be a backup)"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    service_of(row.text, {}, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

void bad_breakers_say_what_is_allowed(void**) {
  constexpr std::string_view kTime = "(a time such as 500ms, 30s or 5m, from 1ms to 24h)";
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"on", "on",
       "1:33: invalid value \"on\" of \"breaker\" (off, or a mapping of " + kParameters + ")"},
      {"list", "[off]", "1:33: \"breaker\" is a list (off, or a mapping of " + kParameters + ")"},
      {"unknown", "{treshold: 5}",
       "1:34: unknown key \"treshold\" (did you mean \"threshold\"? allowed: " + kParameters + ")"},
      {"unknown with a list", "{xyz: [5]}",
       "1:34: unknown key \"xyz\" (allowed: " + kParameters + ")"},
      {"unit", "{timeout: 5x}", "1:43: invalid value \"5x\" of \"timeout\" " + std::string(kTime)},
      {"range", "{timeout: 25h}",
       "1:43: invalid value \"25h\" of \"timeout\" " + std::string(kTime)},
      {"type", "{timeout: {s: 5}}", "1:43: \"timeout\" is a mapping " + std::string(kTime)},
      {"nothing", "{timeout: }", "1:34: \"timeout\" has no value " + std::string(kTime)},
      {"percent", "{jitter: 0.1}",
       "1:42: invalid value \"0.1\" of \"jitter\" (a share from 0% to 100%)"},
      {"probes", "{probes: 9}",
       "1:42: invalid value \"9\" of \"probes\" (a whole number from 1 to 8)"},
      {"mode", "{mode: on}",
       "1:40: invalid value \"on\" of \"mode\" (allowed: enforce, observe, off)"},
      {"share of nobody", "{max_open: 0%}",
       "1:44: invalid value \"0%\" of \"max_open\" (a share from 1% to 100%)"},
      {"rate without its sign", "{failure_rate: 50}",
       "1:48: invalid value \"50\" of \"failure_rate\" (a share from 1% to 100%)"},
      {"quoted number", "{threshold: \"5\"}",
       "1:45: invalid value \"5\" of \"threshold\" (a whole number from 0 to 1000000, without "
       "quotes)"},
      {"contradiction", "{timeout: 30s, max_timeout: 10s}",
       "1:33: max_timeout=10s is below timeout=30s"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    service_of("a: {peers: [http://a], breaker: " + std::string(row.text) + "}", {}, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

void contradictions_are_reported_where_they_arise(void**) {
  base::Problems problems;
  const Defaults defaults = defaults_of("defaults: {breaker: {max_timeout: 20s}}", problems);
  expect_text("only one of the two", listed(problems), "");
  service_of("a: {peers: [http://a], breaker: {timeout: 1m}}", defaults, problems);
  expect_text("with the defaults", listed(problems),
              "1:33: max_timeout=20s of the defaults is below timeout=1m");

  problems.clear();
  const Defaults bad =
      defaults_of("defaults: {breaker: {timeout: 1m, max_timeout: 20s}}", problems);
  expect_text("in the defaults", listed(problems), "1:21: max_timeout=20s is below timeout=1m");
  problems.clear();
  service_of("a: {peers: [http://a], breaker: {threshold: 1}}", bad, problems);
  expect_text("but once", listed(problems), "");
}

void bad_defaults_say_what_is_allowed(void**) {
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"type", "defaults: [1]",
       "1:11: \"defaults\" is a list (a mapping of " + kDefaultsKeys + ")"},
      {"key", "defaults: {peers: [http://a]}",
       "1:12: unknown key \"peers\" (allowed: " + kDefaultsKeys + ")"},
      {"balance", "defaults: {balance: x}",
       "1:21: invalid balancing method \"x\" (allowed: round_robin, least_conn, random, ewma, "
       "hash)"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    defaults_of(row.text, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_list_of_urls_is_a_service),
      cmocka_unit_test(a_mapping_sets_breaker_and_balance),
      cmocka_unit_test(a_service_inherits_parameter_by_parameter),
      cmocka_unit_test(a_mapping_turns_a_breaker_on_again),
      cmocka_unit_test(unusual_services_are_legal),
      cmocka_unit_test(bad_services_say_what_is_allowed),
      cmocka_unit_test(bad_breakers_say_what_is_allowed),
      cmocka_unit_test(contradictions_are_reported_where_they_arise),
      cmocka_unit_test(bad_defaults_say_what_is_allowed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
