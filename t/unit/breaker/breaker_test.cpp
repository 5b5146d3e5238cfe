// SPDX-License-Identifier: MIT
//
// The breaker's states and what leads from one to another. The places and leases of its probes
// have probes_test.cpp, what becomes of it under threads has t/threads/breaker_threads_test.cpp.
#include "core/breaker/breaker.h"

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <set>

#include "rig.h"

namespace kerberos::breaker {
namespace {

// Closed.

void all_zero_is_closed(void**) {
  Rig rig;
  assert_true(rig.state() == State::kClosed);
  assert_false(rig.admitted().probe());
  assert_int_equal(rig.admitted().epoch, 0);
}

void it_opens_at_the_threshold_and_not_before(void**) {
  for (const std::uint32_t threshold : {1U, 2U, 5U, 100U}) {
    Rig rig;
    rig.options.threshold = threshold;
    for (std::uint32_t i = 1; i < threshold; ++i) {
      assert_none(rig.attempt(kRefused));
      assert_true(rig.state() == State::kClosed);
    }
    assert_some(rig.attempt(kRefused));
    assert_true(rig.state() == State::kOpen);
  }
}

void a_success_ends_the_run_of_failures(void**) {
  Rig rig;
  for (int i = 0; i < 10; ++i) {
    assert_none(rig.attempt(kRefused));
    assert_none(rig.attempt(kRefused));
    assert_none(rig.attempt(kSucceeded));
  }
  assert_true(rig.state() == State::kClosed);
  rig.trip();  // takes the full threshold again
}

void a_neutral_outcome_neither_lengthens_nor_ends_the_run(void**) {
  Rig rig;
  for (int i = 0; i < 10; ++i) assert_none(rig.attempt(kNeither));
  assert_none(rig.attempt(kRefused));
  assert_none(rig.attempt(kRefused));
  for (int i = 0; i < 10; ++i) assert_none(rig.attempt(kNeither));
  assert_int_equal(rig.view().consecutive_failures, 2);
  assert_some(rig.attempt(kRefused));
}

// A healthy peer's run stays in every worker's cache.
void a_success_with_nothing_to_forget_writes_nothing(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.report(rig.probing(), kSucceeded);
  const std::uint64_t run = rig.words.run;
  assert_int_not_equal(run, 0);  // of an earlier epoch
  assert_none(rig.attempt(kSucceeded));
  assert_int_equal(rig.words.run.load(), run);
}

void threshold_0_never_opens(void**) {
  Rig rig;
  rig.options.threshold = 0;
  for (int i = 0; i < 10'000; ++i) assert_none(rig.attempt(kRefused));
  assert_true(rig.state() == State::kClosed);
  assert_int_equal(rig.view().consecutive_failures, 10'000);
}

void a_closed_breaker_has_no_probes(void**) {
  Rig rig;
  const Probing probing = rig.probe();
  assert_none(probing.pass);
  assert_none(probing.transition);
  assert_int_equal(rig.words.word.load(), 0);
}

// Open.

void an_open_breaker_admits_nobody(void**) {
  Rig rig;
  rig.trip();
  assert_none(rig.breaker().admit());
  rig.now += 1'000'000;  // whatever the time: only probes
  assert_none(rig.breaker().admit());
  rig.probing();
  assert_none(rig.breaker().admit());
}

void no_probe_passes_before_the_timeout(void**) {
  Rig rig;
  const base::Instant due = rig.now + 1'000;
  rig.trip();
  for (const base::Millis early : {1'000, 999, 500, 1}) {
    rig.now = due - early;
    const Probing probing = rig.probe();
    assert_none(probing.pass);
    assert_none(probing.transition);
    assert_int_equal(probing.due, due);
    assert_true(rig.state() == State::kOpen);
  }
  rig.now = due;
  rig.probing();
  assert_true(rig.state() == State::kHalfOpen);
}

void each_open_time_lies_between_the_timeout_and_its_jitter(void**) {
  struct {
    base::Millis timeout;
    std::uint32_t jitter;
    base::Millis longest;
  } const rows[] = {
      {1'000, 0, 1'000},
      {1'000, 10, 1'100},
      {1'000, 100, 2'000},
      {9, 10, 9},
      {1, 100, 2},
      // A day, the longest that may be said.
      {86'400'000, 100, 172'800'000},
  };
  for (const auto& row : rows) {
    std::set<base::Millis> spans;
    for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
      Rig rig;
      rig.options.timeout = rig.options.max_timeout = row.timeout;
      rig.options.jitter_percent = row.jitter;
      rig.random = base::Pcg32(seed);
      const Transition transition = rig.trip();
      assert_in_range(transition.span, row.timeout, row.longest);
      assert_int_equal(rig.word().until, rig.now + transition.span);
      spans.insert(transition.span);
    }
    // The whole breadth is made use of, both ends included where it is narrow enough to be hit.
    const base::Millis breadth = row.longest - row.timeout + 1;
    if (breadth <= 1'000) {
      assert_int_equal(*spans.begin(), row.timeout);
      assert_true(*spans.rbegin() >= row.longest - breadth / 100);
    }
    assert_true(static_cast<base::Millis>(spans.size()) >= std::min<base::Millis>(breadth, 500));
  }
}

void the_jitter_of_the_timeout_keeps_probes_out_as_well(void**) {
  Rig rig;
  rig.options.jitter_percent = 100;
  base::Millis span = 0;
  for (std::uint64_t seed = 0; span <= 1'000; ++seed) {
    rig.random = base::Pcg32(seed);
    rig.words.word = 0;
    span = rig.trip().span;
  }
  rig.now += span - 1;
  assert_none(rig.probe().pass);
  rig.now += 1;
  rig.probing();
}

// Half-open.

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

// The open time of one probe after the other failing.

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
  // Once it has closed, it starts anew.
  assert_some(rig.report(rig.probing(), kSucceeded));
  assert_int_equal(rig.trip().span, 1'000);
  rig.now += 1'000;
  assert_int_equal(told(rig.report(rig.probing(), kRefused)).span, 2'000);
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

void jitter_goes_on_top_of_the_doubled_time(void**) {
  base::Millis longest = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    Rig rig;
    rig.options.max_timeout = 2'000;
    rig.options.jitter_percent = 50;
    rig.random = base::Pcg32(seed);
    rig.now += rig.trip().span;
    const base::Millis span = told(rig.report(rig.probing(), kRefused)).span;
    assert_in_range(span, 2'000, 3'000);
    longest = std::max(longest, span);
  }
  assert_true(longest > 2'950);  // a share of the doubled time, not of the timeout
}

// Outcomes that come late.

void a_late_outcome_decides_nothing_while_open(void**) {
  Rig rig;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.trip();
  const std::uint64_t word = rig.words.word;
  assert_none(rig.report(failing, kRefused));
  assert_none(rig.report(succeeding, kSucceeded));
  assert_int_equal(rig.words.word.load(), word);
}

void a_late_outcome_decides_nothing_while_half_open(void**) {
  Rig rig;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.trip_and_wait();
  const Pass probe = rig.probing();
  assert_none(rig.report(failing, kRefused));
  assert_true(rig.state() == State::kHalfOpen);
  assert_none(rig.report(succeeding, kSucceeded));
  assert_true(rig.state() == State::kHalfOpen);
  assert_some(rig.report(probe, kSucceeded));
}

void a_late_outcome_neither_lengthens_nor_ends_a_newer_run(void**) {
  Rig rig;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.trip_and_wait();
  rig.report(rig.probing(), kSucceeded);
  assert_none(rig.attempt(kRefused));
  assert_none(rig.report(failing, kRefused));
  assert_int_equal(rig.view().consecutive_failures, 1);
  assert_none(rig.report(succeeding, kSucceeded));
  assert_int_equal(rig.view().consecutive_failures, 1);
  assert_none(rig.attempt(kRefused));
  assert_some(rig.attempt(kRefused));
}

void a_late_probe_decides_nothing_in_the_next_half_open_time(void**) {
  Rig rig;
  rig.options.probes = 3;
  rig.trip_and_wait();
  const Pass failing = rig.probing();
  const Pass succeeding = rig.probing();
  assert_some(rig.report(rig.probing(), kRefused));
  rig.now += 1'000;
  rig.options.probe_timeout = 10'000;
  rig.options.probes = 4;
  const Pass probe = rig.probing();
  assert_none(rig.report(failing, kRefused));
  assert_none(rig.report(succeeding, kSucceeded));
  assert_true(rig.state() == State::kHalfOpen);
  assert_some(rig.report(probe, kSucceeded));
}

// Epochs.

void each_transition_has_an_epoch_of_its_own(void**) {
  Rig rig;
  rig.trip_and_wait();
  assert_int_equal(rig.word().epoch, 1);
  const Pass probe = rig.probing();
  assert_int_equal(rig.word().epoch, 2);
  assert_int_equal(probe.epoch, 2);
  rig.report(probe, kSucceeded);
  assert_int_equal(rig.word().epoch, 3);
  assert_int_equal(rig.admitted().epoch, 3);
}

void epochs_wrap_around(void**) {
  for (const std::uint32_t back : {0U, 1U, 2U, 3U}) {
    Rig rig;
    rig.options.successes = 2;
    rig.words.word =
        Word{.state = State::kClosed, .epoch = Word::kEpochMask - back, .until = rig.now}.pack();
    const Pass late = rig.admitted();
    rig.trip_and_wait();
    assert_none(rig.report(late, kRefused));
    assert_none(rig.report(rig.probing(), kSucceeded));
    assert_some(rig.report(rig.probing(), kSucceeded));
    assert_true(rig.state() == State::kClosed);
    assert_int_equal(rig.admitted().epoch, (Word::kEpochMask - back + 3) & Word::kEpochMask);
    assert_int_equal(rig.view().consecutive_failures, 0);
    rig.trip();
  }
}

// Switched off.

void a_disabled_breaker_never_opens(void**) {
  Rig rig;
  rig.options.enabled = false;
  for (int i = 0; i < 100; ++i) assert_none(rig.attempt(kRefused));
  assert_true(rig.state() == State::kClosed);
  assert_int_equal(rig.view().consecutive_failures, 0);
}

// By a reload, while it holds the peer out.
void a_breaker_that_is_switched_off_while_open_is_closed(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.options.enabled = false;
  assert_true(rig.state() == State::kClosed);
  assert_true(rig.view().state == State::kClosed);
  assert_int_equal(rig.view().retry_in, 0);
  assert_int_equal(rig.breaker().due(rig.owners(), rig.now), rig.now);
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
  rig.options.enabled = false;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.options.enabled = true;
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
  rig.options.enabled = false;
  assert_none(rig.report(probe, kRefused));
  assert_int_equal(rig.words.leases[0].load(), 0);
}

// What is told.

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
  assert_int_equal(opened.status, 503);
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
  assert_int_equal(reopened.status, 0);
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
      cmocka_unit_test(all_zero_is_closed),
      cmocka_unit_test(it_opens_at_the_threshold_and_not_before),
      cmocka_unit_test(a_success_ends_the_run_of_failures),
      cmocka_unit_test(a_neutral_outcome_neither_lengthens_nor_ends_the_run),
      cmocka_unit_test(a_success_with_nothing_to_forget_writes_nothing),
      cmocka_unit_test(threshold_0_never_opens),
      cmocka_unit_test(a_closed_breaker_has_no_probes),
      cmocka_unit_test(an_open_breaker_admits_nobody),
      cmocka_unit_test(no_probe_passes_before_the_timeout),
      cmocka_unit_test(each_open_time_lies_between_the_timeout_and_its_jitter),
      cmocka_unit_test(the_jitter_of_the_timeout_keeps_probes_out_as_well),
      cmocka_unit_test(a_successful_probe_closes_it),
      cmocka_unit_test(it_takes_as_many_successes_as_configured),
      cmocka_unit_test(one_failed_probe_opens_it_again),
      cmocka_unit_test(failures_before_the_trip_are_no_successes_of_probes),
      cmocka_unit_test(successes_of_probes_are_no_failures_after_closing),
      cmocka_unit_test(a_neutral_probe_gives_its_place_back_without_a_verdict),
      cmocka_unit_test(failed_probes_double_the_open_time_up_to_the_maximum),
      cmocka_unit_test(a_maximum_of_the_timeout_itself_doubles_nothing),
      cmocka_unit_test(a_maximum_below_the_timeout_shortens_nothing),
      cmocka_unit_test(doubling_for_long_does_not_overflow),
      cmocka_unit_test(jitter_goes_on_top_of_the_doubled_time),
      cmocka_unit_test(a_late_outcome_decides_nothing_while_open),
      cmocka_unit_test(a_late_outcome_decides_nothing_while_half_open),
      cmocka_unit_test(a_late_outcome_neither_lengthens_nor_ends_a_newer_run),
      cmocka_unit_test(a_late_probe_decides_nothing_in_the_next_half_open_time),
      cmocka_unit_test(each_transition_has_an_epoch_of_its_own),
      cmocka_unit_test(epochs_wrap_around),
      cmocka_unit_test(a_disabled_breaker_never_opens),
      cmocka_unit_test(a_breaker_that_is_switched_off_while_open_is_closed),
      cmocka_unit_test(attempts_from_while_it_was_switched_off_decide_nothing),
      cmocka_unit_test(a_probe_of_a_breaker_that_is_switched_off_gives_its_place_back),
      cmocka_unit_test(the_transitions_tell_what_the_log_needs),
      cmocka_unit_test(a_transition_is_told_once),
      cmocka_unit_test(the_view_of_each_state),
      cmocka_unit_test(due_is_when_the_next_probe_may_pass),
      cmocka_unit_test(a_clock_that_steps_back_makes_no_time_negative),
      cmocka_unit_test(a_process_whose_clock_is_behind_reports_all_the_same),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
