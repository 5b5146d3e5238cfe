// SPDX-License-Identifier: MIT
#include "core/registry/env_services.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/registry/env_variables.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kTwo =
    "user-1:http://10.0.0.1:8080:http://10.0.0.1:8080/health:100:30s,"
    "user-2:http://10.0.0.2:8080:http://10.0.0.2:8080/health:50:1m30s";
constexpr std::string_view kOne = "a:http://10.0.0.1:80::1:30s";

// The variables "NAME=value" as sources.
std::vector<Source> sources_of(const std::vector<std::string>& variables) {
  const std::vector<std::string_view> entries(variables.begin(), variables.end());
  return with_variables({{"env:", ""}}, Environment(entries));
}

EnvReading read_of(const std::vector<std::string>& variables) {
  return read_env_services(sources_of(variables));
}

// "env:NAME:LINE:COLUMN: text", one a line.
std::string told(const std::vector<std::string>& variables) {
  const auto sources = sources_of(variables);
  std::string result;
  for (const auto& problem : read_env_services(sources).problems) {
    if (!result.empty()) result += '\n';
    result += sources[problem.source].name + ":" + listed({problem});
  }
  return result;
}

std::string instances(std::string_view value) {
  return "A_SVC_INSTANCES=" + std::string(value);
}

void a_service_is_what_its_variables_say(void**) {
  const EnvReading reading = read_of({
      instances(kTwo),
      "A_SVC_LOAD_BALANCE_STRATEGY=least_connections",
      "A_SVC_CIRCUIT_BREAKER=4:3:60s",
      "A_SVC_RETRY=3:100ms:5s:2.0",
      "A_SVC_HEALTH_CHECK=30s:10s:5s",
  });
  expect_text("problems", listed(reading.problems), "");
  assert_int_equal(reading.services.size(), 1);
  const Service& service = reading.services[0];
  expect_text("name", service.name, "a");
  assert_int_equal(service.source, 2);  // CIRCUIT_BREAKER and HEALTH_CHECK come before
  assert_int_equal(service.place.line, 1);
  assert_true(service.balance.options.method == balance::Method::kLeastConn);
  assert_true(service.breaker.enabled == true);
  assert_int_equal(*service.breaker.threshold, 4);
  assert_int_equal(*service.breaker.successes, 3);
  assert_int_equal(*service.breaker.timeout, 60'000);
  assert_true((service.retry == Retry{3, 100, 5'000, 2'000}));
  assert_true((service.check == Check{30'000, 10'000, 5'000}));
  assert_true((service.timeouts == Timeouts{90'000, 90'000, 90'000}));  // of the second
  assert_false(service.tls);

  assert_int_equal(service.peers.size(), 2);
  const Peer& peer = service.peers[1];
  expect_text("id", peer.id, "user-2");
  expect_text("target", peer.target, "10.0.0.2:8080");
  expect_text("health", peer.check_url, "http://10.0.0.2:8080/health");
  assert_int_equal(peer.weight, 50);
  assert_int_equal(peer.place.column, 65);
}

void instances_alone_are_a_service(void**) {
  const EnvReading reading = read_of({instances(kOne), "A_SVC_RETRY=", "A_SVC_HEALTH_CHECK= "});
  expect_text("problems", listed(reading.problems), "");
  const Service& service = reading.services.at(0);
  assert_false(service.retry.has_value());
  assert_false(service.check.has_value());
  assert_false(service.breaker.threshold.has_value());
  expect_text("no health URL", service.peers[0].check_url, "");
}

void what_has_no_effect_is_noted(void**) {
  std::string idle;
  for (const auto& what : read_of({instances(kTwo), "B_SVC_INSTANCES=" + std::string(kOne),
                                   "B_SVC_RETRY=1:0s:0s:1", "B_SVC_HEALTH_CHECK=1s:1s:0s"})
                              .idle) {
    idle += what + "\n";
  }
  expect_text("idle", idle, "A_SVC_INSTANCES (health URLs)\nB_SVC_RETRY\nB_SVC_HEALTH_CHECK\n");
}

void urls_may_have_what_colons_they_like(void**) {
  constexpr struct {
    std::string_view value, target, check_url;
    bool tls;
  } kRows[] = {
      {"x:http://h:http://h/:1:1s", "h:80", "http://h/", false},
      {"x:https://h:https://h:8443/a:b?c=d:1:1s", "h:443", "https://h:8443/a:b?c=d", true},
      {"x:http://[::1]:80:http://[::1]:80/h:1:1s", "[::1]:80", "http://[::1]:80/h", false},
      {"x:http://[::1]::1:1s", "[::1]:80", "", false},
      {"x:http://localhost:9001::1:1s", "127.0.0.1:9001", "", false},
      {"x:unix:/run/x.sock::1:1s", "unix:/run/x.sock", "", false},
      {"x:unix:/run/x.sock:http://h/:1:1s", "unix:/run/x.sock", "http://h/", false},
      {" x:http://h:http://h/:1:1s\n", "h:80", "http://h/", false},
  };
  for (const auto& row : kRows) {
    expect_text(row.value, told({instances(row.value)}), "");
    const Service service = read_of({instances(row.value)}).services.at(0);
    expect_text(row.value, service.peers.at(0).id, "x");
    expect_text(row.value, service.peers[0].target, row.target);
    expect_text(row.value, service.peers[0].check_url, row.check_url);
    expect_true(row.value, service.tls == row.tls);
  }
}

void bad_instances_say_what_is_allowed(void**) {
  constexpr std::string_view kForm = " (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT; HEALTH_URL may be empty)";
  const struct {
    std::string_view value;
    std::string expected;
  } rows[] = {
      {"", "1:1: no instances (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)"},
      {" ", "1:1: no instances (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)"},
      {"x", "1:1: invalid instance \"x\"" + std::string(kForm)},
      {"::::",
       "1:5: invalid time \"\" (with its unit, from 1ms to 24h, such as 30s)\n"
       "1:1: invalid value \"\" of \"id\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)\n"
       "1:2: invalid URL \"\" (a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)\n"
       "1:4: invalid value \"\" of \"weight\" (a whole number from 1 to 1000000)"},
      {"x:http://h:80", "1:1: invalid instance \"x:http://h:80\"" + std::string(kForm)},
      {"x:http://h:80:100", "1:1: invalid instance \"x:http://h:80:100\"" + std::string(kForm)},
      {"x:http://h:80:100:30s",
       "1:1: invalid instance \"x:http://h:80:100:30s\"" + std::string(kForm)},
      {"x:http://h:80:http://h:80:100",
       "1:27: invalid time \"100\" (with its unit, from 1ms to 24h, such as 30s)"},
      {"x:http://h:80:http://h:80/h:30s",
       "1:24: invalid value \"80/h\" of \"weight\" (a whole number from 1 to 1000000)"},
      {"x:http://h::1:25h",
       "1:15: invalid time \"25h\" (with its unit, from 1ms to 24h, such as "
       "30s)"},
      {"x:http://h::0:1s",
       "1:13: invalid value \"0\" of \"weight\" (a whole number from 1 to "
       "1000000)"},
      {"x:http://h/p::1:1s",
       "1:3: invalid URL \"http://h/p\" (a peer has no path, query or fragment)"},
      {"x:http://h:http://h:0/:1:1s",
       "1:12: invalid health URL \"http://h:0/\" (a port is a number from 1 to 65535)"},
      {"x:http://h:http://h/a b:1:1s",
       "1:12: invalid health URL \"http://h/a b\" (no blanks and no fragment)"},
      {"x y:http://h::1:1s",
       "1:1: invalid value \"x y\" of \"id\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"x:http://a::1:1s,x:http://b::1:1s", "1:18: duplicate id \"x\" (first at 1:1)"},
      {"x:http://a::1:1s,", "1:18: invalid instance \"\"" + std::string(kForm)},
      {"x:http://a::1:1s,y:https://b::1:1s",
       "1:18: http and https peers in one service (all of them speak one or the other)"},
      {"x:http://a::1:1s,\n y:http://b::0:1s",
       "2:14: invalid value \"0\" of \"weight\" (a whole number from 1 to 1000000)"},
      {"x:http://me:pass@h::1:1s", "1:1: invalid instance (a URL has no user name or password)"},
      {"x:http://me:pa:ss@h", "1:1: invalid instance (a URL has no user name or password)"},
      {"\xFF", "1:1: invalid byte 0xFF (the text must be UTF-8)"},
      {"x:http://h::1:1s\x01", "1:17: control character U+0001 (text, blanks and line ends only)"},
  };
  for (const auto& row : rows) {
    expect_text(row.value, listed(read_of({instances(row.value)}).problems), row.expected);
  }
}

void settings_are_checked_in_full(void**) {
  constexpr struct {
    std::string_view variable, expected;
  } kRows[] = {
      {"CIRCUIT_BREAKER=5:3",
       "1:1: invalid value \"5:3\" (THRESHOLD:SUCCESSES:TIMEOUT, such as 5:3:60s)"},
      {"CIRCUIT_BREAKER=5:3:60",
       "1:5: invalid time \"60\" (with its unit, from 1ms to 24h, such as 30s)"},
      {"CIRCUIT_BREAKER=x:0:60s",
       "1:1: invalid value \"x\" of \"threshold\" (a whole number from 0 to 1000000)\n"
       "1:3: invalid value \"0\" of \"successes\" (a whole number from 1 to 1000)"},
      {"RETRY=3:100ms:5s",
       "1:1: invalid value \"3:100ms:5s\" (ATTEMPTS:BASE:MAX:FACTOR, such as 3:100ms:5s:2.0)"},
      {"RETRY=0:100ms:5s:2", "1:1: invalid number of attempts \"0\" (a whole number from 1 to 32)"},
      {"RETRY=33:100ms:5s:2",
       "1:1: invalid number of attempts \"33\" (a whole number from 1 to 32)"},
      {"RETRY=3:5s:100ms:2",
       "1:6: invalid time \"100ms\" (with its unit, from 5s to 24h, such as 30s)"},
      {"RETRY=3:x:5s:2", "1:3: invalid time \"x\" (with its unit, from 0s to 24h, such as 30s)"},
      {"RETRY=3:1s:5s:0.9", "1:9: invalid factor \"0.9\" (a number from 1 to 100, such as 1.5)"},
      {"RETRY=3:1s:5s:101", "1:9: invalid factor \"101\" (a number from 1 to 100, such as 1.5)"},
      {"RETRY=3:1s:5s:2.", "1:9: invalid factor \"2.\" (a number from 1 to 100, such as 1.5)"},
      {"RETRY=3:1s:5s:-2", "1:9: invalid factor \"-2\" (a number from 1 to 100, such as 1.5)"},
      {"RETRY=3:1s:5s:1.2345",
       "1:9: invalid factor \"1.2345\" (a number from 1 to 100, such as 1.5)"},
      {"HEALTH_CHECK=30s:10s",
       "1:1: invalid value \"30s:10s\" (INTERVAL:TIMEOUT:DELAY, such as 30s:10s:5s)"},
      {"HEALTH_CHECK=0s:10s:5s",
       "1:1: invalid time \"0s\" (with its unit, from 1ms to 24h, such as 30s)"},
      {"HEALTH_CHECK=30s:1x:-5s",
       "1:5: invalid time \"1x\" (with its unit, from 1ms to 24h, such as 30s)\n"
       "1:8: invalid time \"-5s\" (with its unit, from 0s to 24h, such as 30s)"},
      {"LOAD_BALANCE_STRATEGY=fastest",
       "1:1: invalid balancing method \"fastest\" (allowed: round_robin, least_conn, random, "
       "ewma, hash)"},
      {"INSTANCE=x",
       "1:1: unknown variable \"A_SVC_INSTANCE\" (did you mean \"INSTANCES\"? allowed: INSTANCES, "
       "LOAD_BALANCE_STRATEGY, CIRCUIT_BREAKER, RETRY, HEALTH_CHECK)"},
      {"RETRY=\x7F", "1:1: control character U+007F (text, blanks and line ends only)"},
  };
  for (const auto& row : kRows) {
    const std::string variable = "A_SVC_" + std::string(row.variable);
    expect_text(row.variable, listed(read_of({instances(kOne), variable}).problems), row.expected);
  }
}

void factors_are_read_to_the_thousandth(void**) {
  constexpr struct {
    std::string_view factor;
    std::uint32_t permille;
  } kRows[] = {{"1", 1'000}, {"2.0", 2'000}, {"1.5", 1'500}, {"1.125", 1'125}, {"100", 100'000}};
  for (const auto& row : kRows) {
    const auto reading =
        read_of({instances(kOne), "A_SVC_RETRY=3:1s:5s:" + std::string(row.factor)});
    expect_text(row.factor, listed(reading.problems), "");
    expect_true(row.factor, reading.services.at(0).retry->factor_permille == row.permille);
  }
}

void strategies_go_by_many_names(void**) {
  using balance::Method;
  constexpr struct {
    std::string_view strategy;
    Method method;
    std::string_view key;
  } kRows[] = {
      {"round_robin", Method::kRoundRobin, ""},
      {"ROUND-ROBIN", Method::kRoundRobin, ""},
      {"RoundRobin", Method::kRoundRobin, ""},
      {"weighted_round_robin", Method::kRoundRobin, ""},
      {"least_connections", Method::kLeastConn, ""},
      {"least-conn", Method::kLeastConn, ""},
      {"random", Method::kRandom, ""},
      {"Least_Response_Time", Method::kEwma, ""},
      {"ip_hash", Method::kHash, "$remote_addr"},
      {"consistent_hash", Method::kHash, "$remote_addr"},
      {"hash $cookie_user bounded=125%", Method::kHash, "$cookie_user"},
      {"round_robin adaptive", Method::kRoundRobin, ""},
  };
  for (const auto& row : kRows) {
    const auto reading =
        read_of({instances(kOne), "A_SVC_LOAD_BALANCE_STRATEGY=" + std::string(row.strategy)});
    expect_text(row.strategy, listed(reading.problems), "");
    const Balance& balance = reading.services.at(0).balance;
    expect_true(row.strategy, balance.options.method == row.method);
    expect_text(row.strategy, balance.key, row.key);
  }
}

void the_name_is_in_small_letters_with_hyphens(void**) {
  const std::string value = "=" + std::string(kOne);
  std::string names;
  for (const auto& service :
       read_of({"USER_SVC_INSTANCES" + value, "ORDER_ITEM2_SVC_INSTANCES" + value,
                "A_SVC_SVC_INSTANCES" + value, "Mixed_SVC_INSTANCES" + value})
           .services) {
    names += service.name + " ";
  }
  expect_text("names", names, "a-svc mixed order-item2 user ");
  expect_text(
      "no name", told({"_SVC_INSTANCES" + value}),
      "env:_SVC_INSTANCES:1:1: invalid service name \"\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)");
  expect_text("a bad name", told({"A%_SVC_INSTANCES" + value}),
              "env:A%_SVC_INSTANCES:1:1: invalid service name \"a%\" (1 to 128 of A-Z a-z 0-9 . _ "
              "~ -)");
}

void problems_know_their_variable(void**) {
  expect_text("two services",
              told({"A_SVC_INSTANCES=x", "B_SVC_INSTANCES=" + std::string(kOne), "B_SVC_RETRY=x",
                    "C_SVC_RETRY=1:1s:1s:1"}),
              "env:A_SVC_INSTANCES:1:1: invalid instance \"x\" "
              "(ID:URL:HEALTH_URL:WEIGHT:TIMEOUT; HEALTH_URL may be empty)\n"
              "env:B_SVC_RETRY:1:1: invalid value \"x\" (ATTEMPTS:BASE:MAX:FACTOR, such as "
              "3:100ms:5s:2.0)\n"
              "env:C_SVC_RETRY:1:1: service \"c\" without C_SVC_INSTANCES "
              "(ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)");
  const auto problems = read_of({"A_SVC_INSTANCES=x:http://h::1:100"}).problems;
  assert_int_equal(problems.at(0).length, 3);
}

void no_variable_at_all_is_a_problem(void**) {
  expect_text("none", told({"PATH=/bin"}),
              "env:*_SVC_INSTANCES:1:1: no such variable is set "
              "(ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)");
}

void nothing_of_a_secret_is_told(void**) {
  for (const std::string_view value :
       {"INSTANCES=x:http://me:secret@h::1:1s", "INSTANCES=x:http://me:se:cret@h",
        "RETRY=http://me:secret@h", "INSTANCES=x:http://h:http://me:secret@h/:1:1s"}) {
    const std::string problems = told({"A_SVC_" + std::string(value)});
    expect_true(value, !problems.empty());
    expect_true(problems, problems.find("cret") == std::string::npos);
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_service_is_what_its_variables_say),
      cmocka_unit_test(instances_alone_are_a_service),
      cmocka_unit_test(what_has_no_effect_is_noted),
      cmocka_unit_test(urls_may_have_what_colons_they_like),
      cmocka_unit_test(bad_instances_say_what_is_allowed),
      cmocka_unit_test(settings_are_checked_in_full),
      cmocka_unit_test(factors_are_read_to_the_thousandth),
      cmocka_unit_test(strategies_go_by_many_names),
      cmocka_unit_test(the_name_is_in_small_letters_with_hyphens),
      cmocka_unit_test(problems_know_their_variable),
      cmocka_unit_test(no_variable_at_all_is_a_problem),
      cmocka_unit_test(nothing_of_a_secret_is_told),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
