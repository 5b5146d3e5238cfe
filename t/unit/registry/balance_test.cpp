// SPDX-License-Identifier: MIT
#include "core/registry/balance.h"

#include <initializer_list>
#include <string>
#include <vector>

#include "rows.h"

namespace kerberos::registry {
namespace {

using balance::Method;
using Words = std::vector<std::string_view>;

BalanceReading read(std::string_view text) {
  const Words words = words_of(text);
  return balance_of(words);
}

void each_method_has_its_words(void**) {
  const struct {
    std::string_view text;
    Balance balance;
  } rows[] = {
      {"round_robin", {}},
      {"round_robin adaptive", {{.adaptive = true}, ""}},
      {"least_conn", {{.method = Method::kLeastConn}, ""}},
      {"random", {{.method = Method::kRandom}, ""}},
      {"ewma", {{.method = Method::kEwma}, ""}},
      {"hash $request_uri", {{.method = Method::kHash}, "$request_uri"}},
      {"hash user-$arg_user bounded=125%",
       {{.method = Method::kHash, .bounded_percent = 125}, "user-$arg_user"}},
      {"hash $x bounded=100%", {{.method = Method::kHash, .bounded_percent = 100}, "$x"}},
      {"hash $x bounded=1000%", {{.method = Method::kHash, .bounded_percent = 1'000}, "$x"}},
      {"hash adaptive", {{.method = Method::kHash}, "adaptive"}},  // any text is a key
  };
  for (const auto& row : rows) {
    const BalanceReading reading = read(row.text);
    expect_text(row.text, reading.problem, "");
    expect_true(row.text, reading.balance == row.balance);
  }
}

void what_is_wrong_is_told_with_what_is_allowed(void**) {
  const std::string kAllowed = "allowed: round_robin, least_conn, random, ewma, hash)";
  const std::string kNoKey =
      "hash without a key (such as $request_uri, $arg_user or $cookie_session)";
  const std::string kShare = " (a share of the average load from 100% to 1000%)";
  const struct {
    std::string_view text;
    std::string problem;
  } rows[] = {
      {"", "invalid balancing method \"\" (" + kAllowed},
      {"rr", "invalid balancing method \"rr\" (" + kAllowed},
      {"least_con",
       "invalid balancing method \"least_con\" (did you mean \"least_conn\"? " + kAllowed},
      {"Random", "invalid balancing method \"Random\" (did you mean \"random\"? " + kAllowed},
      {"hash", kNoKey},
      {"hash bounded=125%", kNoKey},
      {"least_conn adaptive", "invalid parameter \"adaptive\" (least_conn has no parameters)"},
      {"random two", "invalid parameter \"two\" (random has no parameters)"},
      {"ewma bounded=125%", "invalid parameter \"bounded=125%\" (ewma has no parameters)"},
      {"round_robin adaptiv",
       "invalid parameter \"adaptiv\" (did you mean \"adaptive\"? allowed: adaptive)"},
      {"round_robin least_conn", "invalid parameter \"least_conn\" (allowed: adaptive)"},
      {"round_robin adaptive adaptive", "parameter \"adaptive\" is duplicate"},
      {"hash $x $y", "invalid parameter \"$y\" (allowed: bounded=125%)"},
      {"hash $x consistent", "invalid parameter \"consistent\" (allowed: bounded=125%)"},
      {"hash $x bounded=125% bounded=125%", "parameter \"bounded\" is duplicate"},
      {"hash $x bounded=99%", "invalid parameter \"bounded=99%\"" + kShare},
      {"hash $x bounded=1001%", "invalid parameter \"bounded=1001%\"" + kShare},
      {"hash $x bounded=0%", "invalid parameter \"bounded=0%\"" + kShare},
      {"hash $x bounded=125", "invalid parameter \"bounded=125\"" + kShare},
      {"hash $x bounded=1.25", "invalid parameter \"bounded=1.25\"" + kShare},
      {"hash $x bounded=-125%", "invalid parameter \"bounded=-125%\"" + kShare},
      {"hash $x bounded=", "invalid parameter \"bounded=\"" + kShare},
      {"hash $x bounded=4294967421%", "invalid parameter \"bounded=4294967421%\"" + kShare},
  };
  for (const auto& row : rows) expect_text(row.text, read(row.text).problem, row.problem);
}

void a_key_may_be_anything_but_empty(void**) {
  const Words empty = {"hash", ""};
  expect_true("empty", !balance_of(empty).problem.empty());
  const Words blanks = {"hash", "a b $c", "bounded=150%"};  // as nginx reads a quoted word
  const BalanceReading reading = balance_of(blanks);
  expect_text("quoted", reading.problem, "");
  expect_text("key", reading.balance.key, "a b $c");
  assert_int_equal(reading.balance.options.bounded_percent, 150);
}

void no_words_are_no_method(void**) {
  expect_true("none", !balance_of({}).problem.empty());
}

// A log line is not to be forged.
void what_is_quoted_is_fit_for_a_log(void**) {
  const Words words = {"round\nrobin"};
  expect_true("newline", balance_of(words).problem.find('\n') == std::string::npos);
}

void words_stand_between_blanks(void**) {
  const struct {
    std::string_view text;
    Words words;
  } rows[] = {
      {"", {}},           {"  \t ", {}},
      {"ewma", {"ewma"}}, {" hash  $x\tbounded=125% ", {"hash", "$x", "bounded=125%"}},
      {"a\nb", {"a\nb"}},
  };
  for (const auto& row : rows) expect_true(row.text, words_of(row.text) == row.words);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_method_has_its_words),
      cmocka_unit_test(what_is_wrong_is_told_with_what_is_allowed),
      cmocka_unit_test(a_key_may_be_anything_but_empty),
      cmocka_unit_test(no_words_are_no_method),
      cmocka_unit_test(what_is_quoted_is_fit_for_a_log),
      cmocka_unit_test(words_stand_between_blanks),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
