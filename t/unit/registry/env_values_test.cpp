// SPDX-License-Identifier: MIT
#include "core/registry/env_values.h"

#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

void blanks_and_fields_come_apart(void**) {
  expect_text("both ends", trimmed(" \t\r\na b\n "), "a b");
  expect_text("nothing left", trimmed(" \n"), "");
  std::string parts;
  for (const std::string_view part : split("a::b:", ':')) parts.append(part) += '|';
  expect_text("fields", parts, "a||b||");
  assert_int_equal(split("", ':').size(), 1);
}

void an_instance_comes_apart_from_both_ends(void**) {
  constexpr struct {
    std::string_view text, expected;
  } kRows[] = {
      {"a:http://h:80:http://h:80/x:1:30s", "a|http://h:80|http://h:80/x|1|30s"},
      {"a:http://h:http://h:1:30s", "a|http://h|http://h|1|30s"},
      {"a:https://[::1]:80:https://[::1]/a:b:1:30s", "a|https://[::1]:80|https://[::1]/a:b|1|30s"},
      {"a:http://h:80::1:30s", "a|http://h:80||1|30s"},
      {"a:unix:/x:http://h/:1:30s", "a|unix:/x|http://h/|1|30s"},
      {"::::", "||||"},
      {"a:http://h:80:1:30s", "none"},  // whatever that could mean
      {"a:http://h:80", "none"},
      {"a:b:c:d", "none"},
      {"a:b", "none"},
      {":", "none"},
      {"a", "none"},
      {"", "none"},
  };
  for (const auto& row : kRows) {
    std::string actual = "none";
    if (const auto parts = split_instance(row.text)) {
      actual = std::string(parts->id);
      for (const auto part : {parts->url, parts->check_url, parts->weight, parts->timeout}) {
        actual.append("|").append(part);
      }
    }
    expect_text(row.text, actual, row.expected);
  }
}

void a_health_url_is_one_of_http(void**) {
  constexpr struct {
    std::string_view url, flaw;
  } kRows[] = {
      {"", ""},
      {"http://h", ""},
      {"https://h:8443/a:b?c=d", ""},
      {"http://h?x", ""},
      {"http://",
       "no host; a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, https+srv://NAME "
       "or unix:PATH"},
      {"http://h:99999/", "a port is a number from 1 to 65535"},
      {"http://h /", "not a host name or IPv4 address"},
      {"http://h/a b", "no blanks and no fragment"},
      {"http://h/#a", "no blanks and no fragment"},
  };
  for (const auto& row : kRows) expect_text(row.url, flaw_of_check_url(row.url), row.flaw);
}

void a_time_says_its_unit(void**) {
  assert_int_equal(*parse_time_with_unit("30s"), 30'000);
  assert_int_equal(*parse_time_with_unit("1m30s"), 90'000);
  assert_int_equal(*parse_time_with_unit("0ms"), 0);
  for (const std::string_view text : {"30", "0", "", "s", "1.5s", "-1s", "1s30", "1 s"}) {
    expect_true(text, !parse_time_with_unit(text));
  }
}

void a_factor_has_thousandths(void**) {
  constexpr struct {
    std::string_view text;
    std::uint32_t permille;
  } kRows[] = {{"0", 0},         {"1", 1'000}, {"2.0", 2'000},         {"1.5", 1'500},
               {"1.125", 1'125}, {"0.05", 50}, {"1000.999", 1'000'999}};
  for (const auto& row : kRows) {
    expect_true(row.text, parse_permille(row.text) == row.permille);
  }
  for (const std::string_view text :
       {"", ".", ".5", "2.", "-1", "+1", "1e3", "1.2345", "01", "1,5", "1.5x", "1001", "1.-5"}) {
    expect_true(text, !parse_permille(text));
  }
}

void strategies_go_by_many_names(void**) {
  constexpr struct {
    std::string_view strategy, meant;
  } kRows[] = {
      {"round_robin", "round_robin"},
      {"Round-Robin", "round_robin"},
      {"RoundRobin", "round_robin"},
      {"weighted_round_robin", "round_robin"},
      {"least_connections", "least_conn"},
      {"LEAST_CONN", "least_conn"},
      {"random", "random"},
      {"least_response_time", "ewma"},
      {"ip-hash", "hash $remote_addr"},
      {"consistent_hash", "hash $remote_addr"},
      {"hash $cookie_User bounded=125%", "hash $cookie_User bounded=125%"},
      {"Fastest", "Fastest"},
  };
  for (const auto& row : kRows) {
    expect_text(row.strategy, method_meant_by(row.strategy), row.meant);
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(blanks_and_fields_come_apart),
      cmocka_unit_test(an_instance_comes_apart_from_both_ends),
      cmocka_unit_test(a_health_url_is_one_of_http),
      cmocka_unit_test(a_time_says_its_unit),
      cmocka_unit_test(a_factor_has_thousandths),
      cmocka_unit_test(strategies_go_by_many_names),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
