// SPDX-License-Identifier: MIT
#include "core/registry/settings.h"

#include <string>
#include <string_view>

#include "core/registry/wording.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kTimes = "a time such as 500ms, 30s or 5m, from 1ms to 24h";
constexpr std::string_view kTimesOrNone = "a time such as 500ms, 30s or 5m, from 0s to 24h";
constexpr std::string_view kShares = "a share from 1% to 100%";

void every_parameter_takes_its_range_and_nothing_beyond(void**) {
  constexpr std::string_view kNumber = "a whole number from ";
  struct {
    std::string_view name, lowest, highest, below, above, allowed;
  } const rows[] = {
      {"threshold", "0", "1000000", "-1", "1000001", "a whole number from 0 to 1000000"},
      {"failure_rate", "1%", "100%", "0%", "101%", kShares},
      {"slow", "1ms", "24h", "0", "24h1ms", kTimes},
      {"slow_rate", "1%", "100%", "0%", "101%", kShares},
      {"window", "100ms", "1h", "99ms", "1h1ms",
       "a time such as 500ms, 30s or 5m, from 100ms to 1h"},
      {"min_requests", "1", "1000000", "0", "1000001", "a whole number from 1 to 1000000"},
      {"timeout", "1ms", "24h", "0", "24h1ms", kTimes},
      {"max_timeout", "1ms", "1d", "0s", "2d", kTimes},
      {"jitter", "0%", "100%", "-1%", "101%", "a share from 0% to 100%"},
      {"probes", "1", "8", "0", "9", "a whole number from 1 to 8"},
      {"successes", "1", "1000", "0", "1001", "a whole number from 1 to 1000"},
      {"probe_timeout", "1ms", "86400", "0ms", "86401", kTimes},
      {"probe_grace", "0", "24h", "-1s", "86401", kTimesOrNone},
      {"ramp", "0s", "24h", "-1", "24h1ms", kTimesOrNone},
      {"max_open", "1%", "100%", "0%", "101%", kShares},
      {"panic", "0%", "100%", "-1%", "101%", "a share from 0% to 100%"},
  };
  // All but mode, which is no number.
  assert_int_equal(std::size(rows), breaker_keys().size() - 1);
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
                                    {"probe_timeout", "1500ms"},
                                    {"failure_rate", "50%"},
                                    {"slow", "750ms"},
                                    {"slow_rate", "70%"},
                                    {"window", "30s"},
                                    {"min_requests", "6"},
                                    {"probe_grace", "0"},
                                    {"ramp", "5m"},
                                    {"max_open", "40%"},
                                    {"panic", "0%"},
                                    {"mode", "observe"}}) {
    expect_true(name, set(settings, name, value).refusal == Refusal::kNone);
  }
  assert_int_equal(*settings.threshold, 3);
  assert_int_equal(*settings.timeout, 10'000);
  assert_int_equal(*settings.max_timeout, 60'000);
  assert_int_equal(*settings.jitter_percent, 20);
  assert_int_equal(*settings.probes, 2);
  assert_int_equal(*settings.successes, 4);
  assert_int_equal(*settings.probe_timeout, 1'500);
  assert_int_equal(*settings.failure_rate_percent, 50);
  assert_int_equal(*settings.slow, 750);
  assert_int_equal(*settings.slow_rate_percent, 70);
  assert_int_equal(*settings.window, 30'000);
  assert_int_equal(*settings.min_requests, 6);
  assert_int_equal(*settings.probe_grace, 0);
  assert_int_equal(*settings.ramp, 300'000);
  assert_int_equal(*settings.max_open_percent, 40);
  assert_int_equal(*settings.panic_percent, 0);
  assert_true(*settings.mode == breaker::Mode::kObserve);
  assert_false(settings.enabled.has_value());
  assert_false(settings.failure_on.has_value());
}

void a_parameter_is_taken_once(void**) {
  BreakerSettings settings;
  set(settings, "threshold", "3");
  set(settings, "mode", "off");
  expect_true("duplicate", set(settings, "threshold", "4").refusal == Refusal::kDuplicate);
  expect_true("duplicate", set(settings, "mode", "observe").refusal == Refusal::kDuplicate);
  assert_int_equal(*settings.threshold, 3);
  assert_true(*settings.mode == breaker::Mode::kOff);
}

void a_mode_is_one_of_three_words(void**) {
  using breaker::Mode;
  for (const auto& [word, mode] :
       {std::pair{"enforce", Mode::kEnforce}, {"observe", Mode::kObserve}, {"off", Mode::kOff}}) {
    BreakerSettings settings;
    expect_true(word, set(settings, "mode", word).refusal == Refusal::kNone);
    expect_true(word, complete(settings).mode == mode);
  }
  for (const std::string_view word : {"", "on", "Observe", "observe ", "0"}) {
    BreakerSettings settings;
    const Verdict verdict = set(settings, "mode", word);
    expect_true(word, verdict.refusal == Refusal::kInvalid);
    expect_true(word, verdict.allowed.ends_with("allowed: enforce, observe, off"));
    assert_false(settings.mode.has_value());
  }
}

void unknown_names_get_a_hint(void**) {
  BreakerSettings settings;
  const Verdict verdict = set(settings, "treshold", "3");
  expect_true("unknown", verdict.refusal == Refusal::kUnknown);
  expect_text("hint", verdict.allowed, "did you mean \"threshold\"? allowed: " + kParameters);
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

void every_setting_is_inherited_where_it_was_not_given(void**) {
  BreakerSettings outer;
  for (const std::string_view name : names_of(breaker_keys())) {
    for (const std::string_view value : {"7", "7%", "7s", "observe"}) {
      if (set(outer, name, value).refusal == Refusal::kNone) break;
    }
    expect_true(name, set(outer, name, "7").refusal == Refusal::kDuplicate);
  }
  outer.failure_on.emplace().slow = true;
  BreakerSettings merged = inherit({}, outer);
  for (const std::string_view name : names_of(breaker_keys())) {
    expect_true(name, set(merged, name, "7").refusal == Refusal::kDuplicate);
  }
  assert_true(*merged.failure_on == *outer.failure_on);
  assert_true(complete(merged) == complete(outer));

  BreakerSettings own;
  own.failure_on.emplace().error = true;
  assert_false(inherit(own, outer).failure_on->slow);  // as a whole, not word by word
}

void completion_uses_the_documented_defaults(void**) {
  const breaker::Options options = complete({});
  assert_true(options.mode == breaker::Mode::kEnforce);
  assert_int_equal(options.threshold, 5);
  assert_int_equal(options.timeout, 30'000);
  assert_int_equal(options.max_timeout, 30'000);
  assert_int_equal(options.jitter_percent, 10);
  assert_int_equal(options.probes, 1);
  assert_int_equal(options.successes, 1);
  assert_int_equal(options.probe_timeout, 5'000);
  assert_int_equal(options.failure_rate_percent, 0);
  assert_int_equal(options.slow, 0);
  assert_int_equal(options.slow_rate_percent, 80);
  assert_int_equal(options.window, 10'000);
  assert_int_equal(options.min_requests, 20);
  assert_int_equal(options.probe_grace, 2'000);
  assert_int_equal(options.ramp, 0);
  assert_int_equal(options.max_open_percent, 100);
  assert_int_equal(options.panic_percent, 0);
  assert_true(options.failure_on == breaker::default_failure_on());
}

// What the table says holds where nobody says anything does: saying it changes nothing.
void the_table_tells_the_defaults(void**) {
  for (const KeyRow& row : breaker_keys()) {
    BreakerSettings settings;
    const Verdict verdict = set(settings, row.name, row.standard);
    if (row.standard == "off" || row.standard == "timeout") {
      expect_true(row.name, verdict.refusal == Refusal::kInvalid);
    } else {
      expect_true(row.name, verdict.refusal == Refusal::kNone);
    }
    expect_true(row.name, complete(settings) == complete({}));
    expect_true("a sentence", row.meaning.ends_with('.'));
  }
}

void completion_takes_what_was_set(void**) {
  BreakerSettings settings;
  settings.enabled = false;
  settings.threshold = 0;
  settings.timeout = 60'000;
  settings.probes = 3;
  settings.failure_rate_percent = 50;
  settings.slow = 1'000;
  settings.slow_rate_percent = 60;
  settings.window = 20'000;
  settings.min_requests = 7;
  settings.probe_grace = 0;
  settings.ramp = 30'000;
  settings.max_open_percent = 40;
  settings.panic_percent = 30;
  settings.failure_on.emplace().timeout = true;
  const breaker::Options options = complete(settings);
  assert_true(options.mode == breaker::Mode::kOff);
  assert_int_equal(options.threshold, 0);
  assert_int_equal(options.timeout, 60'000);
  assert_int_equal(options.probes, 3);
  assert_int_equal(options.failure_rate_percent, 50);
  assert_int_equal(options.slow, 1'000);
  assert_int_equal(options.slow_rate_percent, 60);
  assert_int_equal(options.window, 20'000);
  assert_int_equal(options.min_requests, 7);
  assert_int_equal(options.probe_grace, 0);
  assert_int_equal(options.ramp, 30'000);
  assert_int_equal(options.max_open_percent, 40);
  assert_int_equal(options.panic_percent, 30);
  assert_true(options.failure_on == *settings.failure_on);
  expect_true("max_timeout follows timeout", options.max_timeout == 60'000);
}

void off_is_off_whatever_the_mode(void**) {
  BreakerSettings settings;
  settings.mode = breaker::Mode::kObserve;
  settings.enabled = true;
  assert_true(complete(settings).mode == breaker::Mode::kObserve);
  settings.enabled = false;
  assert_true(complete(settings).mode == breaker::Mode::kOff);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_parameter_takes_its_range_and_nothing_beyond),
      cmocka_unit_test(values_arrive_in_their_members),
      cmocka_unit_test(a_parameter_is_taken_once),
      cmocka_unit_test(a_mode_is_one_of_three_words),
      cmocka_unit_test(unknown_names_get_a_hint),
      cmocka_unit_test(own_settings_win_over_inherited_ones),
      cmocka_unit_test(every_setting_is_inherited_where_it_was_not_given),
      cmocka_unit_test(completion_uses_the_documented_defaults),
      cmocka_unit_test(the_table_tells_the_defaults),
      cmocka_unit_test(completion_takes_what_was_set),
      cmocka_unit_test(off_is_off_whatever_the_mode),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
