// SPDX-License-Identifier: MIT
#include "core/registry/settings.h"

#include <string>
#include <string_view>

#include "core/registry/wording.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kTimes = "a time such as 500ms, 30s or 5m, from 1ms to 24h";

void every_parameter_takes_its_range_and_nothing_beyond(void**) {
  constexpr std::string_view kNumber = "a whole number from ";
  struct {
    std::string_view name, lowest, highest, below, above, allowed;
  } const rows[] = {
      {"threshold", "0", "1000000", "-1", "1000001", "a whole number from 0 to 1000000"},
      {"timeout", "1ms", "24h", "0", "24h1ms", kTimes},
      {"max_timeout", "1ms", "1d", "0s", "2d", kTimes},
      {"jitter", "0%", "100%", "-1%", "101%", "a share from 0% to 100%"},
      {"probes", "1", "8", "0", "9", "a whole number from 1 to 8"},
      {"successes", "1", "1000", "0", "1001", "a whole number from 1 to 1000"},
      {"probe_timeout", "1ms", "86400", "0ms", "86401", kTimes},
  };
  assert_int_equal(std::size(rows), breaker_parameters().size());
  expect_true("numbers are worded alike", rows[0].allowed.starts_with(kNumber));
  for (const auto& row : rows) {
    for (const std::string_view value : {row.lowest, row.highest}) {
      BreakerSettings settings;
      expect_true(row.name, set(settings, row.name, value).refusal == Refusal::kNone);
    }
    for (const std::string_view value : {row.below, row.above, std::string_view(""),
                                         std::string_view("5x"), std::string_view("off")}) {
      BreakerSettings settings;
      const Verdict verdict = set(settings, row.name, value);
      expect_true(row.name, verdict.refusal == Refusal::kInvalid);
      expect_text(row.name, verdict.allowed, row.allowed);
      expect_true("a refused value leaves no trace",
                  set(settings, row.name, row.lowest).refusal == Refusal::kNone);
    }
  }
}

void values_arrive_in_their_members(void**) {
  BreakerSettings settings;
  for (const auto& [name, value] : {std::pair{"threshold", "3"},
                                    {"timeout", "10s"},
                                    {"max_timeout", "1m"},
                                    {"jitter", "20%"},
                                    {"probes", "2"},
                                    {"successes", "4"},
                                    {"probe_timeout", "1500ms"}}) {
    expect_true(name, set(settings, name, value).refusal == Refusal::kNone);
  }
  assert_int_equal(*settings.threshold, 3);
  assert_int_equal(*settings.timeout, 10'000);
  assert_int_equal(*settings.max_timeout, 60'000);
  assert_int_equal(*settings.jitter_percent, 20);
  assert_int_equal(*settings.probes, 2);
  assert_int_equal(*settings.successes, 4);
  assert_int_equal(*settings.probe_timeout, 1'500);
  assert_false(settings.enabled.has_value());
}

void a_parameter_is_taken_once(void**) {
  BreakerSettings settings;
  set(settings, "threshold", "3");
  expect_true("duplicate", set(settings, "threshold", "4").refusal == Refusal::kDuplicate);
  assert_int_equal(*settings.threshold, 3);
}

void unknown_names_get_a_hint(void**) {
  BreakerSettings settings;
  const Verdict verdict = set(settings, "treshold", "3");
  expect_true("unknown", verdict.refusal == Refusal::kUnknown);
  expect_text("hint", verdict.allowed,
              "did you mean \"threshold\"? allowed: threshold, timeout, max_timeout, jitter, "
              "probes, successes, probe_timeout");
  expect_true("enabled is no parameter",
              set(settings, "enabled", "true").refusal == Refusal::kUnknown);
}

void own_settings_win_over_inherited_ones(void**) {
  BreakerSettings outer;
  outer.enabled = false;
  outer.threshold = 3;
  outer.timeout = 10'000;
  outer.jitter_percent = 0;
  BreakerSettings own;
  own.enabled = true;
  own.threshold = 0;
  const BreakerSettings merged = inherit(own, outer);
  assert_true(*merged.enabled);
  assert_int_equal(*merged.threshold, 0);
  assert_int_equal(*merged.timeout, 10'000);
  assert_int_equal(*merged.jitter_percent, 0);
  assert_false(merged.probes.has_value());
  assert_false(*inherit({}, outer).enabled);
}

void completion_uses_the_documented_defaults(void**) {
  const breaker::Options options = complete({});
  assert_true(options.enabled);
  assert_int_equal(options.threshold, 5);
  assert_int_equal(options.timeout, 30'000);
  assert_int_equal(options.max_timeout, 30'000);
  assert_int_equal(options.jitter_percent, 10);
  assert_int_equal(options.probes, 1);
  assert_int_equal(options.successes, 1);
  assert_int_equal(options.probe_timeout, 5'000);
}

void completion_takes_what_was_set(void**) {
  BreakerSettings settings;
  settings.enabled = false;
  settings.threshold = 0;
  settings.timeout = 60'000;
  settings.probes = 3;
  const breaker::Options options = complete(settings);
  assert_false(options.enabled);
  assert_int_equal(options.threshold, 0);
  assert_int_equal(options.timeout, 60'000);
  assert_int_equal(options.probes, 3);
  expect_true("max_timeout follows timeout", options.max_timeout == 60'000);
}

void a_max_timeout_below_the_timeout_contradicts_it(void**) {
  BreakerSettings settings;
  expect_text("defaults", contradiction(settings), "");
  settings.timeout = 60'000;
  expect_text("it follows", contradiction(settings), "");
  settings.max_timeout = 60'000;
  expect_text("equal", contradiction(settings), "");
  settings.max_timeout = 1'500;
  expect_text("below", contradiction(settings), "max_timeout=1500ms is below timeout=1m");
  settings.timeout.reset();
  settings.max_timeout = 10'000;
  expect_text("below the default", contradiction(settings), "max_timeout=10s is below timeout=30s");
}

void balancing_methods_have_names(void**) {
  for (const std::string_view name : balance_methods()) {
    expect_text("there and back", name_of(*balance_from(name)), name);
  }
  assert_false(balance_from("least_con").has_value());
  assert_false(balance_from("").has_value());
  expect_text("default", name_of(Balance::kRoundRobin), "round_robin");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_parameter_takes_its_range_and_nothing_beyond),
      cmocka_unit_test(values_arrive_in_their_members),
      cmocka_unit_test(a_parameter_is_taken_once),
      cmocka_unit_test(unknown_names_get_a_hint),
      cmocka_unit_test(own_settings_win_over_inherited_ones),
      cmocka_unit_test(completion_uses_the_documented_defaults),
      cmocka_unit_test(completion_takes_what_was_set),
      cmocka_unit_test(a_max_timeout_below_the_timeout_contradicts_it),
      cmocka_unit_test(balancing_methods_have_names),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
