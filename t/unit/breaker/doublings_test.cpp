// SPDX-License-Identifier: MIT
//
// What doubles a breaker's open time, and what takes a doubling back: evidence, never time alone.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

void failed_probes_double_the_open_time_up_to_the_maximum(void**) {
  Rig rig;
  rig.options.max_timeout = 5'000;
  assert_int_equal(rig.trip().span, 1'000);
  rig.now += 1'000;
  for (const base::Millis span : {2'000, 4'000, 5'000, 5'000, 5'000}) {
    const Transition transition = told(rig.report(rig.probing(), kRefused));
    assert_int_equal(transition.span, span);
    rig.now += span - 1;
    assert_none(rig.probe().pass);
    rig.now += 1;
  }
  // What it has learned outlasts a lucky probe.
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_int_equal(rig.trip().span, 5'000);
}

void a_maximum_of_the_timeout_itself_doubles_nothing(void**) {
  Rig rig;
  rig.trip_and_wait();
  for (int i = 0; i < 5; ++i) {
    assert_int_equal(told(rig.report(rig.probing(), kRefused)).span, 1'000);
    rig.now += 1'000;
  }
}

// Whoever lowers max_timeout below timeout finds the timeout honoured.
void a_maximum_below_the_timeout_shortens_nothing(void**) {
  Rig rig;
  rig.options.max_timeout = 10;
  rig.trip_and_wait();
  assert_int_equal(told(rig.report(rig.probing(), kRefused)).span, 1'000);
}

void doubling_for_long_does_not_overflow(void**) {
  Rig rig;
  rig.options.timeout = 1;
  rig.options.max_timeout = 86'400'000;
  rig.options.jitter_percent = 100;
  rig.trip_and_wait();
  base::Millis span = 0;
  for (int i = 0; i < 200; ++i) {
    span = told(rig.report(rig.probing(), kRefused)).span;
    rig.now += span;
  }
  assert_in_range(span, 86'400'000, 2 * 86'400'000);
}

// What it has learned.

// Opened once, and then by one failed probe after the other.
struct Doubled : Rig {
  explicit Doubled(std::uint32_t doublings) {
    options.max_timeout = 1'000'000;
    trip_and_wait();
    for (std::uint32_t i = 0; i < doublings; ++i) now += told(report(probing(), kRefused)).span;
    assert_some(report(probing(), kSucceeded));
    assert_int_equal(view().doublings, doublings);
  }
};

void closing_takes_no_doubling_back_and_opening_adds_none(void**) {
  Rig rig;
  rig.options.max_timeout = 1'000'000;
  for (int i = 0; i < 5; ++i) {
    rig.recover();
    assert_int_equal(rig.view().doublings, 0);
  }
  rig.trip_and_wait();
  rig.now += told(rig.report(rig.probing(), kRefused)).span;
  assert_some(rig.report(rig.probing(), kSucceeded));
  for (int i = 0; i < 5; ++i) {
    assert_int_equal(rig.trip().span, 2'000);
    rig.now += 2'000;
    assert_some(rig.report(rig.probing(), kSucceeded));
    assert_int_equal(rig.view().doublings, 1);
  }
}

// More of them would only delay the way back.
void there_are_no_more_doublings_than_reach_the_maximum(void**) {
  struct {
    base::Millis max_timeout;
    std::uint32_t doublings;
  } const rows[] = {{1'000, 0}, {1'001, 1}, {2'000, 1}, {2'001, 2}, {8'000, 3}, {8'001, 4}};
  for (const auto& row : rows) {
    Rig rig;
    rig.options.max_timeout = row.max_timeout;
    rig.trip_and_wait();
    for (int i = 0; i < 50; ++i) rig.now += told(rig.report(rig.probing(), kRefused)).span;
    assert_int_equal(rig.view().doublings, row.doublings);
  }
}

// By a reload.
void a_lower_maximum_is_honoured_by_the_next_trip(void**) {
  Doubled rig(5);
  rig.options.max_timeout = 4'000;
  assert_int_equal(rig.trip().span, 4'000);
  assert_int_equal(rig.view().doublings, 2);
}

void late_failures_double_nothing(void**) {
  Rig rig;
  rig.options.max_timeout = 1'000'000;
  const Pass late = rig.admitted();
  rig.trip();
  for (int i = 0; i < 10'000; ++i) assert_none(rig.report(late, kRefused));
  assert_int_equal(rig.view().doublings, 0);
  assert_int_equal(rig.view().trips, 1);
  assert_int_equal(rig.view().late, 10'000);
  assert_int_equal(rig.view().retry_in, 1'000);
}

// `count` successes, evenly over so long, of which the last is at its end.
void serve(Rig& rig, int count, base::Millis span) {
  const base::Instant from = rig.now;
  for (int i = 1; i <= count; ++i) {
    rig.now = from + span * i / count;
    assert_none(rig.attempt(kSucceeded));
  }
}

void a_full_window_of_service_takes_one_doubling_back(void**) {
  Doubled rig(3);
  serve(rig, 999, 9'990);
  assert_int_equal(rig.view().doublings, 3);
  rig.now += 10;
  rig.attempt(kSucceeded);
  assert_int_equal(rig.view().doublings, 2);
  serve(rig, 999, 9'990);
  assert_int_equal(rig.view().doublings, 2);
  serve(rig, 1, 10);
  assert_int_equal(rig.view().doublings, 1);
  serve(rig, 1'000, 10'000);
  assert_int_equal(rig.view().doublings, 0);
  serve(rig, 1'000, 10'000);
  assert_int_equal(rig.view().doublings, 0);
  assert_int_equal(rig.trip().span, 1'000);
}

void a_window_with_few_requests_takes_none_back(void**) {
  Doubled rig(3);
  for (int i = 0; i < 100; ++i) serve(rig, 19, 10'000);
  assert_int_equal(rig.view().doublings, 3);
  for (int i = 0; i < 3; ++i) serve(rig, 23, 10'000);
  assert_true(rig.view().doublings < 3);
}

void an_idle_peer_keeps_its_doublings(void**) {
  Doubled rig(3);
  rig.now += 86'400'000;
  rig.attempt(kSucceeded);
  assert_int_equal(rig.view().doublings, 3);
  assert_int_equal(rig.trip().span, 8'000);
}

// After a long silence the last window is what has to hold enough.
void the_window_counts_and_not_the_calendar(void**) {
  Doubled rig(3);
  rig.now += 86'400'000;
  rig.attempts(19, kSucceeded);
  assert_int_equal(rig.view().doublings, 3);
  rig.attempts(1, kSucceeded);
  assert_int_equal(rig.view().doublings, 2);
  rig.attempts(1'000, kSucceeded);
  assert_int_equal(rig.view().doublings, 2);  // one a window
}

void neither_failures_nor_neutral_ends_take_any_back(void**) {
  for (const Judgement& judgement : {kRefused, kNeither, kLimited, kCorrelated}) {
    Doubled rig(1);
    rig.options.threshold = 0;
    for (int i = 0; i < 100; ++i) {
      rig.now += 500;
      rig.attempt(judgement);
    }
    assert_int_equal(rig.view().doublings, 1);
  }
}

void a_trip_begins_the_full_window_anew(void**) {
  Doubled rig(1);
  serve(rig, 900, 9'000);
  rig.now += rig.trip().span;
  assert_some(rig.report(rig.probing(), kSucceeded));
  serve(rig, 999, 9'990);
  assert_int_equal(rig.view().doublings, 1);
  serve(rig, 1, 10);
  assert_int_equal(rig.view().doublings, 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(failed_probes_double_the_open_time_up_to_the_maximum),
      cmocka_unit_test(a_maximum_of_the_timeout_itself_doubles_nothing),
      cmocka_unit_test(a_maximum_below_the_timeout_shortens_nothing),
      cmocka_unit_test(doubling_for_long_does_not_overflow),
      cmocka_unit_test(closing_takes_no_doubling_back_and_opening_adds_none),
      cmocka_unit_test(there_are_no_more_doublings_than_reach_the_maximum),
      cmocka_unit_test(a_lower_maximum_is_honoured_by_the_next_trip),
      cmocka_unit_test(late_failures_double_nothing),
      cmocka_unit_test(a_full_window_of_service_takes_one_doubling_back),
      cmocka_unit_test(a_window_with_few_requests_takes_none_back),
      cmocka_unit_test(an_idle_peer_keeps_its_doublings),
      cmocka_unit_test(the_window_counts_and_not_the_calendar),
      cmocka_unit_test(neither_failures_nor_neutral_ends_take_any_back),
      cmocka_unit_test(a_trip_begins_the_full_window_anew),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
