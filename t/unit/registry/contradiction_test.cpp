// SPDX-License-Identifier: MIT
//
// Settings that cannot both be meant.
#include <string>
#include <string_view>

#include "core/registry/settings.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

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

void what_is_slow_must_be_said_where_slowness_counts(void**) {
  BreakerSettings settings;
  settings.slow_rate_percent = 60;
  expect_text("slow_rate alone", contradiction(settings),
              "slow_rate=60% without slow, the time from which a response is slow");
  settings.slow = 1'000;
  expect_text("slow_rate and slow", contradiction(settings), "");

  settings = {};
  settings.slow = 1'000;
  expect_text("slow alone", contradiction(settings), "");

  settings = {};
  settings.failure_on.emplace();
  add(*settings.failure_on, "slow");
  expect_text("failure_on slow alone", contradiction(settings),
              "failure_on slow without slow, the time from which a response is slow");
  settings.slow = 1'000;
  expect_text("failure_on slow and slow", contradiction(settings), "");

  settings = {};
  settings.window = 20'000;
  settings.min_requests = 5;
  expect_text("a window alone: doublings fall by it", contradiction(settings), "");
}

void a_contradiction_can_be_of_two_levels(void**) {
  BreakerSettings outer;
  outer.slow = 500;
  BreakerSettings own;
  own.slow_rate_percent = 60;
  expect_text("what is inherited counts", contradiction(inherit(own, outer)), "");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_max_timeout_below_the_timeout_contradicts_it),
      cmocka_unit_test(what_is_slow_must_be_said_where_slowness_counts),
      cmocka_unit_test(a_contradiction_can_be_of_two_levels),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
