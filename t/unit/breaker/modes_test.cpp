// SPDX-License-Identifier: MIT
//
// Breakers that only watch, and breakers that are switched off.
#include <cstdint>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

// Switched off.

void a_disabled_breaker_never_opens(void**) {
  Rig rig;
  rig.options.mode = Mode::kOff;
  for (int i = 0; i < 100; ++i) assert_none(rig.attempt(kRefused));
  assert_true(rig.state() == State::kClosed);
  assert_int_equal(rig.view().consecutive_failures, 0);
}

// By a reload, while it holds the peer out.
void a_breaker_that_is_switched_off_while_open_is_closed(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.options.mode = Mode::kOff;
  assert_true(rig.state() == State::kClosed);
  assert_true(rig.view().state == State::kClosed);
  assert_int_equal(rig.view().retry_in, 0);
  assert_none(rig.attempt(kRefused));
  const Probing probing = rig.probe();
  assert_none(probing.pass);
  assert_none(probing.transition);
}

// Whatever was let through meanwhile was no probe.
void attempts_from_while_it_was_switched_off_decide_nothing(void**) {
  Rig rig;
  rig.options.threshold = 1;
  rig.trip_and_wait();
  rig.options.mode = Mode::kOff;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.options.mode = Mode::kEnforce;
  const std::uint64_t word = rig.words.word;
  const std::uint64_t run = rig.words.run;
  assert_none(rig.report(failing, kRefused));
  assert_none(rig.report(succeeding, kSucceeded));
  assert_int_equal(rig.words.word.load(), word);
  assert_int_equal(rig.words.run.load(), run);
}

void a_probe_of_a_breaker_that_is_switched_off_gives_its_place_back(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Pass probe = rig.probing();
  rig.options.mode = Mode::kOff;
  assert_none(rig.report(probe, kRefused));
  assert_int_equal(rig.words.leases[0].load(), 0);
}

void a_breaker_that_is_switched_off_counts_nothing(void**) {
  Rig rig;
  rig.options.failure_rate_percent = 1;
  rig.options.min_requests = 1;
  rig.options.mode = Mode::kOff;
  rig.attempts(100, kStatus503);
  assert_int_equal(rig.tally().attempts, 0);
  assert_int_equal(rig.words.run.load(), 0);
  assert_int_equal(rig.view().late, 0);
  assert_true(rig.view().mode == Mode::kOff);
}

// Only watching.

void an_observing_breaker_goes_through_every_state_and_keeps_nobody_out(void**) {
  Rig rig;
  rig.options.mode = Mode::kObserve;
  const Transition opened = rig.trip();
  assert_true(opened.observed);
  assert_true(told(rig.breaker().untold()).observed);
  assert_true(opened.to == State::kOpen);
  assert_true(rig.state() == State::kOpen);
  assert_true(rig.view().state == State::kOpen);
  assert_true(rig.view().mode == Mode::kObserve);
  assert_false(rig.view().shut);
  assert_false(rig.shut());
  assert_false(rig.admitted().probe());

  rig.now += opened.span;
  const Probing first = rig.probe();
  assert_true(told(first.transition).observed);
  assert_false(rig.shut());
  assert_false(rig.admitted().probe());
  const Transition reopened = told(rig.report(*first.pass, kRefused));
  assert_true(reopened.observed);
  assert_true(reopened.reason == Reason::kProbe);

  rig.now += reopened.span;
  const Transition closed = told(rig.report(rig.probing(), kSucceeded));
  assert_true(closed.observed);
  assert_true(closed.to == State::kClosed);
}

void an_enforcing_breaker_says_so(void**) {
  Rig rig;
  const Transition opened = rig.trip();
  assert_false(opened.observed);
  rig.now += opened.span;
  const Probing probing = rig.probe();
  assert_false(told(probing.transition).observed);
  assert_false(told(rig.report(*probing.pass, kSucceeded)).observed);
}

void ordinary_attempts_of_an_open_one_that_observes_decide_nothing(void**) {
  for (const bool half_open : {false, true}) {
    Rig rig;
    rig.options.mode = Mode::kObserve;
    rig.trip_and_wait();
    if (half_open) rig.probing();
    const std::uint64_t word = rig.words.word;
    rig.attempts(100, kRefused);
    rig.attempts(100, kSucceeded);
    assert_int_equal(rig.words.word.load(), word);
    assert_int_equal(rig.view().trips, 1);
    assert_int_equal(rig.view().late, 0);
  }
}

// By a reload, while it is open.
void what_was_observed_is_enforced_at_once(void**) {
  Rig rig;
  rig.options.mode = Mode::kObserve;
  rig.trip();
  rig.options.mode = Mode::kEnforce;
  assert_true(rig.shut());
  assert_none(rig.breaker().admit(rig.now));
}

void watching_leaves_a_peer_its_share(void**) {
  Rig rig;
  rig.options.ramp = 10'000;
  rig.recover();
  assert_int_equal(rig.breaker().ramp_percent(rig.now), 10);
  for (const Mode mode : {Mode::kObserve, Mode::kOff}) {
    rig.options.mode = mode;
    assert_int_equal(rig.breaker().ramp_percent(rig.now), 100);
  }
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_disabled_breaker_never_opens),
      cmocka_unit_test(a_breaker_that_is_switched_off_while_open_is_closed),
      cmocka_unit_test(attempts_from_while_it_was_switched_off_decide_nothing),
      cmocka_unit_test(a_probe_of_a_breaker_that_is_switched_off_gives_its_place_back),
      cmocka_unit_test(a_breaker_that_is_switched_off_counts_nothing),
      cmocka_unit_test(an_observing_breaker_goes_through_every_state_and_keeps_nobody_out),
      cmocka_unit_test(an_enforcing_breaker_says_so),
      cmocka_unit_test(ordinary_attempts_of_an_open_one_that_observes_decide_nothing),
      cmocka_unit_test(what_was_observed_is_enforced_at_once),
      cmocka_unit_test(watching_leaves_a_peer_its_share),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
