// SPDX-License-Identifier: MIT
#include "core/report/names.h"

#include <cstdint>
#include <set>
#include <string>

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using breaker::Cause;
using breaker::Mode;
using breaker::Reason;
using breaker::State;
using breaker::Way;

// Each value has a name of its own, by which it is found again.
template <class Value>
void expect_names(Value last) {
  std::set<std::string> names;
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(last); ++i) {
    const auto value = static_cast<Value>(i);
    assert_true(names.emplace(text_of(value)).second);
    const auto known = value_of(text_of(value), last);
    assert_true(known.has_value());
    assert_true(*known == value);
  }
  assert_false(names.contains("unknown"));
  assert_false(value_of("nonsense", last).has_value());
  assert_false(value_of("unknown", last).has_value());
}

void every_value_is_found_by_its_name(void**) {
  expect_names(State::kHalfOpen);
  expect_names(Mode::kOff);
  expect_names(Reason::kProbe);
  expect_names(Way::kClosed);
  expect_names(Cause::kStale);
}

void what_is_no_value_has_a_name_too(void**) {
  assert_true(text_of(static_cast<State>(9)) == "unknown");
  assert_true(text_of(static_cast<Mode>(9)) == "unknown");
  assert_true(text_of(static_cast<Reason>(9)) == "unknown");
  assert_true(text_of(static_cast<Way>(9)) == "unknown");
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_value_is_found_by_its_name),
      cmocka_unit_test(what_is_no_value_has_a_name_too),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
