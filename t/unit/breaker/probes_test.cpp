// SPDX-License-Identifier: MIT
//
// The verdict of probes on a half-open breaker. Their places and leases have places_test.cpp and
// deadlines_test.cpp.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

void a_successful_probe_closes_it(void**) {
  Rig rig;
  rig.trip_and_wait();
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_true(rig.state() == State::kClosed);
  rig.trip();  // takes the full threshold again
}

void it_takes_as_many_successes_as_configured(void**) {
  Rig rig;
  rig.options.successes = 3;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_true(rig.state() == State::kHalfOpen);
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_true(rig.state() == State::kClosed);
}

void one_failed_probe_opens_it_again(void**) {
  Rig rig;
  rig.options.successes = 3;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_some(rig.report(rig.probing(), kRefused));
  assert_true(rig.state() == State::kOpen);
  rig.now += 999;
  assert_none(rig.probe().pass);
  rig.now += 1;
  // The successes from before count no more.
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_some(rig.report(rig.probing(), kSucceeded));
}

void failures_before_the_trip_are_no_successes_of_probes(void**) {
  Rig rig;
  rig.options.threshold = 5;
  rig.options.successes = 5;
  rig.trip_and_wait();
  for (int i = 1; i < 5; ++i) assert_none(rig.report(rig.probing(), kSucceeded));
  assert_some(rig.report(rig.probing(), kSucceeded));
}

void successes_of_probes_are_no_failures_after_closing(void**) {
  Rig rig;
  rig.options.successes = 2;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), kSucceeded));
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_int_equal(rig.view().consecutive_failures, 0);
  rig.trip();
}

void a_neutral_probe_gives_its_place_back_without_a_verdict(void**) {
  Rig rig;
  rig.options.successes = 2;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), kSucceeded));
  for (int i = 0; i < 10; ++i) {
    assert_none(rig.report(rig.probing(), kNeither));
    assert_true(rig.state() == State::kHalfOpen);
    assert_int_equal(rig.view().probes_in_flight, 0);
  }
  assert_some(rig.report(rig.probing(), kSucceeded));  // still the second in a row
}

// More than an outcome.

void a_slow_probe_fails(void**) {
  for (const Judgement& judgement : {kSlow, kCensored}) {
    Rig rig;
    rig.options.slow = 1'000;
    rig.trip_and_wait();
    const Transition transition = told(rig.report(rig.probing(), judgement));
    assert_true(transition.to == State::kOpen);
    assert_true(transition.reason == Reason::kProbe);
  }
}

void a_slow_probe_says_that_it_was_slow(void**) {
  Rig rig;
  rig.options.slow = 1'000;
  rig.trip_and_wait();
  assert_true(told(rig.report(rig.probing(), kSlow)).last == Cause::kSlow);
  assert_true(rig.view().last == Cause::kSlow);
}

void a_probe_that_is_too_many_for_the_peer_fails(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Transition transition = told(rig.report(rig.probing(), kLimited));
  assert_true(transition.to == State::kOpen);
  assert_true(transition.last == Cause::kRateLimited);
}

void a_probe_that_fails_elsewhere_too_has_no_verdict(void**) {
  Rig rig;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), kCorrelated));
  assert_true(rig.state() == State::kHalfOpen);
  assert_int_equal(rig.view().probes_in_flight, 0);
  assert_some(rig.report(rig.probing(), kSucceeded));
}

void a_probe_whose_client_left_in_time_has_no_verdict(void**) {
  Rig rig;
  rig.trip_and_wait();
  assert_none(rig.report(rig.probing(), {.cause = Cause::kClientGone}));
  assert_none(rig.report(rig.probing(), {.cause = Cause::kStale}));
  assert_true(rig.state() == State::kHalfOpen);
  assert_int_equal(rig.view().probes_in_flight, 0);
}

void what_passes_on_no_probe_has_no_say_while_half_open(void**) {
  Rig rig;
  rig.options.threshold = 1;
  rig.attempt(kStatus503);
  rig.now += 1'000;
  const Pass probe = rig.probing();
  const auto pass = rig.breaker().admit_held(rig.now);
  assert_some(pass);
  assert_none(rig.report(*pass, kStatus503));
  assert_none(rig.report(*rig.breaker().admit_held(rig.now), kSucceeded));
  assert_true(rig.state() == State::kHalfOpen);
  assert_some(rig.report(probe, kSucceeded));
}

void probes_are_no_attempts_of_the_window(void**) {
  Rig rig;
  rig.options.failure_rate_percent = 50;
  rig.options.successes = 10;
  rig.trip_and_wait();
  for (int i = 1; i < 10; ++i) assert_none(rig.report(rig.probing(), kSucceeded));
  assert_int_equal(rig.tally().attempts, 0);
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_int_equal(rig.tally().attempts, 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_successful_probe_closes_it),
      cmocka_unit_test(it_takes_as_many_successes_as_configured),
      cmocka_unit_test(one_failed_probe_opens_it_again),
      cmocka_unit_test(failures_before_the_trip_are_no_successes_of_probes),
      cmocka_unit_test(successes_of_probes_are_no_failures_after_closing),
      cmocka_unit_test(a_neutral_probe_gives_its_place_back_without_a_verdict),
      cmocka_unit_test(a_slow_probe_fails),
      cmocka_unit_test(a_slow_probe_says_that_it_was_slow),
      cmocka_unit_test(a_probe_that_is_too_many_for_the_peer_fails),
      cmocka_unit_test(a_probe_that_fails_elsewhere_too_has_no_verdict),
      cmocka_unit_test(a_probe_whose_client_left_in_time_has_no_verdict),
      cmocka_unit_test(what_passes_on_no_probe_has_no_say_while_half_open),
      cmocka_unit_test(probes_are_no_attempts_of_the_window),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
