// SPDX-License-Identifier: MIT
//
// The breaker's states and what leads from one to another. What opens it has triggers_test.cpp, how
// long it stays open open_time_test.cpp, what closes it probes_test.cpp, and what becomes of it
// under threads t/threads/breaker_threads_test.cpp.
#include "core/breaker/breaker.h"

#include <cstdint>
#include <initializer_list>

#include "rig.h"

namespace kerberos::breaker {
namespace {

void all_zero_is_closed(void**) {
  Rig rig;
  assert_true(rig.state() == State::kClosed);
  assert_false(rig.admitted().probe());
  assert_int_equal(rig.admitted().epoch, 0);
}

void a_closed_breaker_has_no_probes(void**) {
  Rig rig;
  const Probing probing = rig.probe();
  assert_none(probing.pass);
  assert_none(probing.transition);
  assert_int_equal(rig.words.word.load(), 0);
}

void an_open_breaker_admits_nobody(void**) {
  Rig rig;
  rig.trip();
  assert_none(rig.breaker().admit(rig.now));
  rig.now += 1'000'000;  // whatever the time: only probes
  assert_none(rig.breaker().admit(rig.now));
  rig.probing();
  assert_none(rig.breaker().admit(rig.now));
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

void an_outcome_that_comes_late_is_counted_as_that(void**) {
  Rig rig;
  rig.options.probes = 2;
  const Pass failing = rig.admitted();
  const Pass succeeding = rig.admitted();
  rig.trip_and_wait();
  assert_int_equal(rig.view().late, 0);
  rig.report(failing, kRefused);
  assert_int_equal(rig.view().late, 1);
  rig.report(succeeding, kSucceeded);
  assert_int_equal(rig.view().late, 2);
  const Pass probe = rig.probing();
  const Pass late = rig.probing();
  rig.report(probe, kSucceeded);
  assert_int_equal(rig.view().late, 2);
  rig.report(late, kSucceeded);
  assert_int_equal(rig.view().late, 3);
}

void a_late_outcome_is_no_attempt_of_the_window(void**) {
  Rig rig;
  rig.options.failure_rate_percent = 50;
  const Pass late = rig.admitted();
  rig.recover();
  rig.report(late, kRefused);
  assert_int_equal(rig.tally().attempts, 0);
}

// What holds it open.

Word opened_by(const Judgement& judgement) {
  Rig rig;
  rig.options.threshold = 1;
  assert_true(told(rig.attempt(judgement)).to == State::kOpen);
  return rig.word();
}

void only_failures_after_connect_hold_it_open(void**) {
  for (const Cause cause : {Cause::kConnectRefused, Cause::kConnectTimeout, Cause::kHandshake}) {
    assert_false(opened_by({.outcome = Outcome::kFailure, .cause = cause}).held);
  }
  for (const Cause cause :
       {Cause::kResponseTimeout, Cause::kClosed, Cause::kReset, Cause::kInvalidHeader,
        Cause::kStatus, Cause::kGrpcStatus, Cause::kTruncated, Cause::kBodyTimeout, Cause::kSlow}) {
    assert_true(opened_by({.outcome = Outcome::kFailure, .cause = cause}).held);
  }
}

// The last one counts: whoever refuses now helps nobody, whatever went before.
void the_failure_that_opens_it_says_whether_it_is_held(void**) {
  Rig rig;
  rig.attempts(2, kStatus503);
  assert_some(rig.attempt(kRefused));
  assert_false(rig.word().held);
}

void a_held_breaker_is_held_until_it_closes(void**) {
  Rig rig;
  rig.options.threshold = 1;
  rig.now += told(rig.attempt(kStatus503)).span;
  assert_true(rig.word().held);
  const Pass failing = rig.probing();
  assert_true(rig.word().held);
  rig.now += told(rig.report(failing, kStatus503)).span;
  assert_true(rig.word().held);
  assert_true(told(rig.report(rig.probing(), kSucceeded)).to == State::kClosed);
  assert_false(rig.word().held);
}

void a_refused_probe_gives_the_place_back(void**) {
  Rig rig;
  rig.options.threshold = 1;
  rig.now += told(rig.attempt(kStatus503)).span;
  rig.now += told(rig.report(rig.probing(), kRefused)).span;
  assert_false(rig.word().held);
  // And does not take it again: it is out, and a failed probe is no reason to let it in.
  assert_some(rig.report(rig.probing(), kStatus503));
  assert_false(rig.word().held);
}

void panic_admits_to_what_is_held_and_to_nothing_else(void**) {
  Rig rig;
  rig.options.threshold = 1;
  assert_none(rig.breaker().admit_held(rig.now));  // closed: there is admit()
  rig.trip();
  assert_none(rig.breaker().admit_held(rig.now));  // refused: never
  Rig held;
  held.options.threshold = 1;
  held.attempt(kStatus503);
  const auto pass = held.breaker().admit_held(held.now);
  assert_some(pass);
  assert_false(pass->probe());
  // It decides nothing.
  const std::uint64_t word = held.words.word;
  assert_none(held.report(*pass, kSucceeded));
  assert_none(held.report(*held.breaker().admit_held(held.now), kStatus503));
  assert_int_equal(held.words.word.load(), word);
  assert_int_equal(held.view().late, 0);
  held.breaker().force({.way = Way::kOpen});
  assert_none(held.breaker().admit_held(held.now));
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(all_zero_is_closed),
      cmocka_unit_test(a_closed_breaker_has_no_probes),
      cmocka_unit_test(an_open_breaker_admits_nobody),
      cmocka_unit_test(each_transition_has_an_epoch_of_its_own),
      cmocka_unit_test(epochs_wrap_around),
      cmocka_unit_test(a_late_outcome_decides_nothing_while_open),
      cmocka_unit_test(a_late_outcome_decides_nothing_while_half_open),
      cmocka_unit_test(a_late_outcome_neither_lengthens_nor_ends_a_newer_run),
      cmocka_unit_test(a_late_probe_decides_nothing_in_the_next_half_open_time),
      cmocka_unit_test(an_outcome_that_comes_late_is_counted_as_that),
      cmocka_unit_test(a_late_outcome_is_no_attempt_of_the_window),
      cmocka_unit_test(only_failures_after_connect_hold_it_open),
      cmocka_unit_test(the_failure_that_opens_it_says_whether_it_is_held),
      cmocka_unit_test(a_held_breaker_is_held_until_it_closes),
      cmocka_unit_test(a_refused_probe_gives_the_place_back),
      cmocka_unit_test(panic_admits_to_what_is_held_and_to_nothing_else),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
