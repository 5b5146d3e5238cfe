// SPDX-License-Identifier: MIT
//
// What a breaker tells: transitions for the log, a view for the status, and when it is due.
#include <cstdint>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

void the_transitions_tell_what_the_log_needs(void**) {
  Rig rig;
  rig.options.max_timeout = 10'000;
  rig.attempt(kRefused);
  rig.attempt(kRefused);
  const Transition opened = told(rig.attempt(kStatus503));
  assert_true(opened.from == State::kClosed);
  assert_true(opened.to == State::kOpen);
  assert_true(opened.reason == Reason::kConsecutive);
  assert_true(opened.last == Cause::kStatus);
  assert_int_equal(opened.number, 503);
  assert_int_equal(opened.failures, 3);
  assert_int_equal(opened.span, 1'000);

  rig.now += 1'000;
  const Probing probing = rig.probe();
  assert_true(told(probing.transition).from == State::kOpen);
  assert_true(told(probing.transition).to == State::kHalfOpen);
  assert_true(told(probing.transition).reason == Reason::kNone);

  rig.now += 200;
  const Transition reopened = told(rig.report(*probing.pass, kRefused));
  assert_true(reopened.from == State::kHalfOpen);
  assert_true(reopened.to == State::kOpen);
  assert_true(reopened.reason == Reason::kProbe);
  assert_true(reopened.last == Cause::kConnectRefused);
  assert_int_equal(reopened.number, 0);
  assert_int_equal(reopened.span, 2'000);

  rig.now += 2'000;
  const Probing again = rig.probe();
  assert_true(told(again.transition).to == State::kHalfOpen);
  rig.now += 50;
  const Transition closed = told(rig.report(*again.pass, kSucceeded));
  assert_true(closed.from == State::kHalfOpen);
  assert_true(closed.to == State::kClosed);
  assert_true(closed.reason == Reason::kNone);
  assert_true(closed.last == Cause::kNone);
  assert_int_equal(closed.span, 1'000 + 200 + 2'000 + 50);  // since it first opened
}

void a_transition_is_told_once(void**) {
  Rig rig;
  rig.options.probes = 2;
  rig.trip_and_wait();
  const Probing first = rig.probe();
  const Probing second = rig.probe();
  assert_some(first.transition);
  assert_some(second.pass);
  assert_none(second.transition);
  assert_some(rig.report(*first.pass, kRefused));
  assert_none(rig.report(*second.pass, kRefused));
}

void the_view_of_each_state(void**) {
  Rig rig;
  rig.attempt(kRefused);
  rig.attempt(kRefused);
  View view = rig.view();
  assert_true(view.state == State::kClosed);
  assert_true(view.reason == Reason::kNone);
  assert_int_equal(view.consecutive_failures, 2);
  assert_int_equal(view.trips, 0);
  assert_int_equal(view.probes_in_flight, 0);
  assert_int_equal(view.retry_in, 0);

  rig.attempt(kRefused);
  rig.now += 300;
  view = rig.view();
  assert_true(view.state == State::kOpen);
  assert_true(view.reason == Reason::kConsecutive);
  assert_int_equal(view.consecutive_failures, 3);
  assert_int_equal(view.trips, 1);
  assert_int_equal(view.retry_in, 700);

  rig.now += 5'000;  // nobody came by
  assert_true(rig.view().state == State::kOpen);
  assert_int_equal(rig.view().retry_in, 0);

  const Pass probe = rig.probing();
  view = rig.view();
  assert_true(view.state == State::kHalfOpen);
  assert_true(view.reason == Reason::kConsecutive);
  assert_int_equal(view.consecutive_failures, 3);
  assert_int_equal(view.trips, 1);
  assert_int_equal(view.probes_in_flight, 1);
  assert_int_equal(view.retry_in, 0);

  rig.report(probe, kRefused);
  view = rig.view();
  assert_true(view.state == State::kOpen);
  assert_true(view.reason == Reason::kProbe);
  assert_int_equal(view.consecutive_failures, 3);  // those that opened it at first
  assert_int_equal(view.trips, 2);
  assert_int_equal(view.probes_in_flight, 0);
  assert_int_equal(view.retry_in, 1'000);

  rig.now += 1'000;
  rig.report(rig.probing(), kSucceeded);
  view = rig.view();
  assert_true(view.state == State::kClosed);
  assert_true(view.reason == Reason::kNone);
  assert_int_equal(view.consecutive_failures, 0);
  assert_int_equal(view.trips, 2);  // counters do not go backwards
  assert_int_equal(view.retry_in, 0);
}

// The window is a new one then, and what the old one held is what opened it.
void the_view_keeps_the_window_that_opened_it(void**) {
  Rig rig;
  assert_none(rig.view().window);
  rig.options.threshold = 0;
  rig.options.failure_rate_percent = 50;
  rig.options.slow = 1'000;
  const auto expect = [&](std::uint64_t attempts, std::uint64_t failures, std::uint64_t slow) {
    const View view = rig.view();
    assert_some(view.window);
    assert_int_equal(view.window->attempts, attempts);
    assert_int_equal(view.window->failures, failures);
    assert_int_equal(view.window->slow, slow);
  };
  expect(0, 0, 0);
  rig.attempts(11, kSucceeded);
  rig.attempts(3, kSlow);
  rig.attempts(13, kStatus503);
  expect(27, 13, 3);
  rig.now += told(rig.attempt(kStatus503)).span;
  expect(28, 14, 3);
  const View view = rig.view();
  assert_true(view.reason == Reason::kFailureRate);
  assert_true(view.last == Cause::kStatus);
  assert_int_equal(view.number, 503);
  assert_int_equal(view.consecutive_failures, 14);
  const Pass probe = rig.probing();
  expect(28, 14, 3);
  rig.report(probe, kSucceeded);
  expect(0, 0, 0);
  assert_true(rig.view().last == Cause::kNone);
}

// Transitions that nobody told, because whoever made them died.

void each_transition_tells_the_epoch_it_began(void**) {
  Rig rig;
  const Transition opened = rig.trip();
  assert_int_equal(opened.epoch, 1);
  rig.now += opened.span;
  const Probing probing = rig.probe();
  assert_int_equal(told(probing.transition).epoch, 2);
  assert_int_equal(told(rig.report(*probing.pass, kSucceeded)).epoch, 3);
  assert_int_equal(rig.word().epoch, 3);
}

void a_transition_is_untold_until_it_is_told(void**) {
  Rig rig;
  assert_none(rig.breaker().untold());
  const Transition opened = rig.trip();
  const Transition untold = told(rig.breaker().untold());
  assert_true(untold.to == State::kOpen);
  assert_int_equal(untold.epoch, 1);
  assert_true(untold.orphaned);
  assert_false(untold.observed);
  assert_false(opened.orphaned);
  rig.breaker().told(opened.epoch);
  assert_none(rig.breaker().untold());
  rig.now += opened.span;
  rig.probe();
  assert_true(told(rig.breaker().untold()).to == State::kHalfOpen);
}

void telling_an_earlier_one_after_a_later_one_changes_nothing(void**) {
  for (const std::uint32_t epoch : {0U, Word::kEpochMask - 1, Word::kEpochMask}) {
    Rig rig;
    rig.words.word = Word{.epoch = epoch}.pack();
    rig.breaker().told(epoch);
    const Transition opened = rig.trip();
    rig.now += opened.span;
    const Transition half_open = told(rig.probe().transition);
    rig.breaker().told(half_open.epoch);
    assert_none(rig.breaker().untold());
    rig.breaker().told(opened.epoch);
    assert_none(rig.breaker().untold());
    rig.breaker().told(epoch);
    assert_none(rig.breaker().untold());
  }
}

void due_is_when_the_next_probe_may_pass(void**) {
  Rig rig;
  const auto due = [&] { return rig.breaker().due(rig.owners(), rig.now); };
  assert_int_equal(due(), rig.now);
  const base::Instant opened = rig.now;
  rig.trip();
  assert_int_equal(due(), opened + 1'000);
  rig.now = opened + 5'000;
  assert_int_equal(due(), opened + 1'000);  // past: at once
  const Pass probe = rig.probing();
  assert_int_equal(due(), rig.now + 500);
  rig.report(probe, kNeither);
  assert_int_equal(due(), rig.now);
}

// Processes cache their clocks: the next may be told an instant before the last one's.

void a_clock_that_steps_back_makes_no_time_negative(void**) {
  Rig rig;
  rig.trip();
  rig.now -= 30;
  assert_int_equal(rig.view().retry_in, 1'030);
  assert_none(rig.probe().pass);
  rig.now += 1'030;
  const Pass probe = rig.probing();
  rig.now -= 2'000;
  assert_int_equal(rig.view().retry_in, 0);
  const Transition closed = told(rig.report(probe, kSucceeded));
  assert_int_equal(closed.span, 0);
}

void a_process_whose_clock_is_behind_reports_all_the_same(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Pass probe = rig.probing();
  rig.now -= 20;
  assert_some(rig.report(probe, kRefused));
  assert_int_equal(rig.word().until, rig.now + 1'000);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_transitions_tell_what_the_log_needs),
      cmocka_unit_test(a_transition_is_told_once),
      cmocka_unit_test(the_view_of_each_state),
      cmocka_unit_test(the_view_keeps_the_window_that_opened_it),
      cmocka_unit_test(each_transition_tells_the_epoch_it_began),
      cmocka_unit_test(a_transition_is_untold_until_it_is_told),
      cmocka_unit_test(telling_an_earlier_one_after_a_later_one_changes_nothing),
      cmocka_unit_test(due_is_when_the_next_probe_may_pass),
      cmocka_unit_test(a_clock_that_steps_back_makes_no_time_negative),
      cmocka_unit_test(a_process_whose_clock_is_behind_reports_all_the_same),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
