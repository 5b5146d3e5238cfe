// SPDX-License-Identifier: MIT
//
// What services and defaults of a file say of connections: timeouts, keepalive, tls.
#include "core/registry/connections.h"

#include <string>
#include <string_view>

#include "fields.h"

namespace kerberos::registry {
namespace {

Service service_with(std::string_view settings, const Defaults& defaults,
                     base::Problems& problems) {
  return service_of("a: {peers: [https://a], " + std::string(settings) + "}", defaults, problems);
}

void all_of_them_can_be_said(void**) {
  base::Problems problems;
  const Service service = service_with(
      "timeouts: {connect: 1s, send: 10s, read: 500ms}, "
      "keepalive: {connections: 64, idle: 30s, requests: 10000, total: 1000}, "
      "tls: {name: users.example.org, verify: true, trusted_certificate: ca.pem}",
      {}, problems);
  expect_text("problems", listed(problems), "");
  assert_true((service.timeouts == Timeouts{1'000, 10'000, 500}));
  assert_true((service.keepalive == KeepaliveSettings{true, 64, 30'000, 10'000, 1'000}));
  assert_true((service.tls_settings == TlsSettings{"users.example.org", true, "ca.pem"}));
}

void what_nobody_says_is_empty(void**) {
  base::Problems problems;
  const Service service = service_of("a: [https://a]", {}, problems);
  assert_true(service.timeouts == Timeouts());
  assert_true(service.keepalive == KeepaliveSettings());
  assert_true(service.tls_settings == TlsSettings());
}

void keepalive_has_short_forms(void**) {
  base::Problems problems;
  assert_true((service_with("keepalive: 64", {}, problems).keepalive ==
               KeepaliveSettings{true, 64, {}, {}, {}}));
  assert_true((service_with("keepalive: off", {}, problems).keepalive ==
               KeepaliveSettings{false, {}, {}, {}, {}}));
  assert_true((service_with("keepalive: {}", {}, problems).keepalive ==
               KeepaliveSettings{true, {}, {}, {}, {}}));
  expect_text("problems", listed(problems), "");
}

void each_is_inherited_by_itself(void**) {
  base::Problems problems;
  const Defaults defaults = defaults_of(
      "defaults: {timeouts: {connect: 1s, read: 2s}, keepalive: {connections: 8, idle: 5s}, "
      "tls: {name: a.example, verify: true, trusted_certificate: y}}",
      problems);
  const Service service = service_with(
      "timeouts: {read: 9s}, keepalive: 16, tls: {verify: false, trusted_certificate: x}", defaults,
      problems);
  expect_text("problems", listed(problems), "");
  assert_true((service.timeouts == Timeouts{1'000, std::nullopt, 9'000}));
  assert_true((service.keepalive == KeepaliveSettings{true, 16, 5'000, {}, {}}));
  assert_true((service.tls_settings == TlsSettings{"a.example", false, "x"}));
  assert_false(*service_with("keepalive: off", defaults, problems).keepalive.enabled);
  const Service heir = service_of("a: [https://a]", defaults, problems);
  assert_true(heir.keepalive == defaults.keepalive);
  assert_true(heir.timeouts == defaults.timeouts);
  assert_true(heir.tls_settings == defaults.tls_settings);
}

void what_is_wrong_is_told(void**) {
  constexpr std::string_view kKeepaliveForm =
      "(off, a whole number from 1 to 65535, or a mapping of connections, idle, requests, total)";
  constexpr std::string_view kTime = "(a time such as 500ms, 30s or 5m, from 1ms to 24h)";
  const struct {
    std::string_view text;
    std::string expected;
  } rows[] = {
      {"timeouts: 5s", "\"timeouts\" is a single value (a mapping of connect, send, read)"},
      {"timeouts: {conect: 1s}",
       "unknown key \"conect\" (did you mean \"connect\"? allowed: connect, send, read)"},
      {"timeouts: {connect: 0}", "invalid value \"0\" of \"connect\" " + std::string(kTime)},
      {"timeouts: {read: off}", "invalid value \"off\" of \"read\" " + std::string(kTime)},
      {"keepalive: on", "invalid value \"on\" of \"keepalive\" " + std::string(kKeepaliveForm)},
      {"keepalive: 0", "invalid value \"0\" of \"keepalive\" " + std::string(kKeepaliveForm)},
      {"keepalive: \"64\"", "invalid value \"64\" of \"keepalive\" " +
                                std::string(kKeepaliveForm.substr(0, kKeepaliveForm.size() - 1)) +
                                ", a number without quotes)"},
      {"keepalive: [64]", "\"keepalive\" is a list " + std::string(kKeepaliveForm)},
      {"keepalive:", "\"keepalive\" has no value " + std::string(kKeepaliveForm)},
      {"keepalive: {connections: 65536}",
       "invalid value \"65536\" of \"connections\" (a whole number from 1 to 65535)"},
      {"keepalive: {idle: 0}", "invalid value \"0\" of \"idle\" " + std::string(kTime)},
      {"keepalive: {total: 0}",
       "invalid value \"0\" of \"total\" (a whole number from 1 to 1000000)"},
      {"tls: on", "\"tls\" is a single value (a mapping of name, verify, trusted_certificate)"},
      {"tls: {name: https://a}",
       "invalid value \"https://a\" of \"name\" (a host name such as users.example.org)"},
      {"tls: {verify: on}",
       "invalid value \"on\" of \"verify\" (did you mean \"true\"? allowed: true, false)"},
      {"tls: {trusted_certificate: \"\"}",
       "invalid value \"\" of \"trusted_certificate\" (the path of a file, relative to the folder "
       "of nginx.conf)"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    service_with(row.text, {}, problems);
    expect_true(row.text, problems.size() == 1);
    expect_text(row.text, problems[0].text, row.expected);
  }
}

void tls_is_for_peers_that_speak_it(void**) {
  base::Problems problems;
  service_of("a: {peers: [http://a], tls: {verify: true}}", {}, problems);
  expect_text("http", listed(problems),
              "1:24: \"tls\" of service \"a\", whose peers are not https");
  problems.clear();
  service_of("a: {peers: [ftp://a], tls: {verify: true}}", {}, problems);
  assert_int_equal(problems.size(), 1);  // nobody knows what was meant
  problems.clear();
  const Defaults defaults = defaults_of("defaults: {tls: {verify: true}}", problems);
  service_of("a: [http://a]", defaults, problems);
  expect_text("defaults are for everybody", listed(problems), "");
}

void nobody_is_verified_by_nobody(void**) {
  base::Problems problems;
  service_of("a: {peers: [https://a], tls: {name: a, verify: true}}", {}, problems);
  expect_text("own", listed(problems),
              "1:25: \"verify\" of service \"a\" without \"trusted_certificate\" (the "
              "authorities to verify by)");
  problems.clear();
  const Defaults defaults = defaults_of("defaults: {tls: {verify: true}}", problems);
  service_of("a: [https://a]", defaults, problems);
  expect_text("inherited", listed(problems),
              "1:1: \"verify\" of service \"a\" without \"trusted_certificate\" (the "
              "authorities to verify by)");
  problems.clear();
  service_of("a: {peers: [https://a], tls: {verify: false}}", defaults, problems);
  service_of("a: {peers: [https://a], tls: {trusted_certificate: x}}", defaults, problems);
  expect_text("none", listed(problems), "");
}

void authorities_mean_verification(void**) {
  assert_false(TlsSettings().verifies().has_value());
  assert_true(*(TlsSettings{{}, {}, "x"}.verifies()));
  assert_true(*(TlsSettings{{}, true, {}}.verifies()));
  assert_false(*(TlsSettings{{}, false, "x"}.verifies()));
}

void the_directive_is_read_by_the_same_table(void**) {
  KeepaliveSettings settings;
  assert_true(set(settings, "connections", "64").refusal == Refusal::kNone);
  assert_true(set(settings, "idle", "30s").refusal == Refusal::kNone);
  assert_true(set(settings, "requests", "1000000000").refusal == Refusal::kNone);
  assert_true((settings == KeepaliveSettings{std::nullopt, 64, 30'000, 1'000'000'000, {}}));
  assert_true(set(settings, "idle", "31s").refusal == Refusal::kDuplicate);
  assert_true(set(settings, "total", "0").refusal == Refusal::kInvalid);
  const Verdict verdict = set(settings, "totl", "1");
  assert_true(verdict.refusal == Refusal::kUnknown);
  expect_text("hint", verdict.allowed,
              "did you mean \"total\"? allowed: connections, idle, requests, total");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(all_of_them_can_be_said),
      cmocka_unit_test(what_nobody_says_is_empty),
      cmocka_unit_test(keepalive_has_short_forms),
      cmocka_unit_test(each_is_inherited_by_itself),
      cmocka_unit_test(what_is_wrong_is_told),
      cmocka_unit_test(tls_is_for_peers_that_speak_it),
      cmocka_unit_test(nobody_is_verified_by_nobody),
      cmocka_unit_test(authorities_mean_verification),
      cmocka_unit_test(the_directive_is_read_by_the_same_table),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
