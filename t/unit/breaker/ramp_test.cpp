// SPDX-License-Identifier: MIT
//
// A peer that is coming back: its share of the requests, and what opens it again meanwhile.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

struct Ramping : Rig {
  Ramping() {
    options.ramp = 20'000;
    recover();
  }
};

void its_share_grows_from_a_tenth_to_the_whole(void**) {
  struct {
    base::Millis since;
    std::uint32_t percent;
  } const rows[] = {{0, 10},       {1, 10},       {2'000, 10},   {2'199, 10},
                    {2'200, 11},   {5'000, 25},   {10'000, 50},  {19'999, 99},
                    {20'000, 100}, {20'001, 100}, {100'000, 100}};
  for (const auto& row : rows) {
    Ramping rig;
    rig.now += row.since;
    assert_int_equal(rig.breaker().ramp_percent(rig.now), row.percent);
    assert_int_equal(rig.view().ramp_percent, row.percent);
  }
}

void a_process_whose_clock_is_behind_sees_its_beginning(void**) {
  Ramping rig;
  assert_int_equal(rig.breaker().ramp_percent(rig.now - 100), 10);
}

void without_a_ramp_it_gets_its_share_at_once(void**) {
  Rig rig;
  rig.recover();
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
}

// At the start of nginx every peer is new.
void a_peer_that_was_never_out_gets_its_whole_share(void**) {
  Rig rig;
  rig.options.ramp = 20'000;
  assert_int_equal(rig.breaker().ramp_percent(0), 100);
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
}

// What it gets then are probes, or what panic sends.
void it_is_no_matter_of_a_breaker_that_is_open(void**) {
  Rig rig;
  rig.options.ramp = 20'000;
  rig.trip();
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
  rig.now += 1'000;
  rig.probing();
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
}

// An operator who lets everybody in does so.
void a_forced_breaker_has_no_ramp(void**) {
  Ramping rig;
  rig.breaker().force({.way = Way::kClosed, .until = rig.now + 1'000});
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
  rig.now += 1'000;
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 10);
}

void half_a_run_opens_it(void**) {
  struct {
    std::uint32_t threshold;
    int half;
  } const rows[] = {{1, 1}, {2, 1}, {3, 2}, {4, 2}, {5, 3}, {100, 50}};
  for (const auto& row : rows) {
    Ramping rig;
    rig.options.threshold = row.threshold;
    rig.attempts(row.half - 1, kRefused);
    const Transition transition = told(rig.attempt(kRefused));
    assert_true(transition.reason == Reason::kConsecutive);
    assert_int_equal(transition.failures, row.half);
  }
}

void half_the_failure_rate_of_half_the_requests_opens_it(void**) {
  Ramping rig;
  rig.options.threshold = 0;
  rig.options.failure_rate_percent = 50;
  rig.options.min_requests = 20;
  rig.attempts(6, kSucceeded);
  rig.attempts(3, kStatus503);  // 33 % of 9
  assert_int_equal(told(rig.attempt(kStatus503)).tally.attempts, 10);

  Ramping below;
  below.options = rig.options;
  below.attempts(76, kSucceeded);
  below.attempts(25, kStatus503);  // 24.8 %
  assert_true(told(below.attempt(kStatus503)).reason == Reason::kFailureRate);
}

void half_the_slow_rate_opens_it(void**) {
  Ramping rig;
  rig.options.slow = 1'000;
  rig.options.slow_rate_percent = 80;
  rig.options.min_requests = 20;
  rig.attempts(15, kSucceeded);
  rig.attempts(9, kSlow);  // 37 % of 24
  assert_true(told(rig.attempt(kSlow)).reason == Reason::kSlowRate);
}

void a_threshold_of_0_has_no_half(void**) {
  Ramping rig;
  rig.options.threshold = 0;
  rig.options.slow_rate_percent = 1;
  rig.attempts(1'000, kStatus503);
  assert_true(rig.state() == State::kClosed);
}

void when_it_is_over_thresholds_are_whole(void**) {
  Ramping rig;
  rig.options.threshold = 4;
  rig.now += 20'000;
  rig.attempts(3, kRefused);
  assert_some(rig.attempt(kRefused));

  Ramping rated;
  rated.options.threshold = 0;
  rated.options.failure_rate_percent = 50;
  rated.now += 20'000;
  rated.attempts(19, kStatus503);
  assert_some(rated.attempt(kStatus503));
}

void opening_meanwhile_doubles_the_open_time(void**) {
  Ramping rig;
  rig.options.max_timeout = 4'000;
  rig.options.threshold = 2;
  for (const base::Millis span : {2'000, 4'000, 4'000}) {
    rig.now += 19'999;
    assert_int_equal(told(rig.attempt(kRefused)).span, span);
    rig.now += span;
    assert_some(rig.report(rig.probing(), kSucceeded));
  }
  assert_int_equal(rig.view().doublings, 2);
  rig.now += 20'000;
  assert_int_equal(rig.trip().span, 4'000);
  assert_int_equal(rig.view().doublings, 2);
}

void opening_when_it_is_over_does_not(void**) {
  Ramping rig;
  rig.options.max_timeout = 4'000;
  rig.now += 20'000;
  assert_int_equal(rig.trip().span, 1'000);
  assert_int_equal(rig.view().doublings, 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(its_share_grows_from_a_tenth_to_the_whole),
      cmocka_unit_test(a_process_whose_clock_is_behind_sees_its_beginning),
      cmocka_unit_test(without_a_ramp_it_gets_its_share_at_once),
      cmocka_unit_test(a_peer_that_was_never_out_gets_its_whole_share),
      cmocka_unit_test(it_is_no_matter_of_a_breaker_that_is_open),
      cmocka_unit_test(a_forced_breaker_has_no_ramp),
      cmocka_unit_test(half_a_run_opens_it),
      cmocka_unit_test(half_the_failure_rate_of_half_the_requests_opens_it),
      cmocka_unit_test(half_the_slow_rate_opens_it),
      cmocka_unit_test(a_threshold_of_0_has_no_half),
      cmocka_unit_test(when_it_is_over_thresholds_are_whole),
      cmocka_unit_test(opening_meanwhile_doubles_the_open_time),
      cmocka_unit_test(opening_when_it_is_over_does_not),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
