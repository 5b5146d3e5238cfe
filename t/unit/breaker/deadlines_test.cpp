// SPDX-License-Identifier: MIT
//
// Probes that take long: until their deadline, and beyond it.
#include <cstdint>
#include <initializer_list>

#include "rig.h"

namespace kerberos::breaker {
namespace {

void an_overdue_lease_is_a_failed_probe(void**) {
  Rig rig;
  rig.options.max_timeout = 10'000;
  rig.trip_and_wait();
  rig.probing(0);
  rig.now += 499;
  assert_none(rig.probe(1).transition);
  assert_true(rig.state() == State::kHalfOpen);
  rig.now += 1;
  assert_true(rig.breaker().due(rig.owners(), rig.now) <= rig.now);
  const Probing probing = rig.probe(1);
  assert_none(probing.pass);
  assert_true(told(probing.transition).from == State::kHalfOpen);
  assert_true(told(probing.transition).to == State::kOpen);
  assert_true(told(probing.transition).reason == Reason::kProbe);
  assert_true(told(probing.transition).last == Cause::kProbeTimeout);
  assert_int_equal(told(probing.transition).span, 2'000);
  assert_int_equal(probing.due, rig.now + 2'000);
  assert_int_equal(rig.view().probes_in_flight, 0);
}

void a_late_report_after_that_decides_nothing(void**) {
  for (const Judgement& judgement : {kSucceeded, kRefused, kNeither}) {
    Rig rig;
    rig.trip_and_wait();
    const Pass late = rig.probing(0);
    rig.now += 500;
    assert_some(rig.probe(1).transition);
    assert_none(rig.report(late, judgement));
    assert_true(rig.state() == State::kOpen);
    assert_int_equal(rig.view().trips, 2);
  }
}

void a_late_report_does_not_free_the_place_of_another(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Pass late = rig.probing(0);
  rig.now += 500;
  assert_some(rig.probe(1).transition);
  rig.now += 1'000;
  const Pass other = rig.probing(1);
  assert_int_equal(other.place, late.place);
  assert_none(rig.report(late, kSucceeded));
  assert_int_equal(rig.view().probes_in_flight, 1);
  assert_none(rig.probe(2).pass);
  assert_some(rig.report(other, kSucceeded));
}

void a_success_that_is_reported_past_the_deadline_is_a_failure(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Pass late = rig.probing();
  rig.now += 500;  // and nobody has looked since
  const Transition transition = told(rig.report(late, kSucceeded));
  assert_true(transition.to == State::kOpen);
  assert_true(transition.last == Cause::kProbeTimeout);
}

void a_report_says_how_the_outcome_was_taken(void**) {
  Rig rig;
  assert_true(rig.end(rig.admitted(), kLimited).judged.cause == Cause::kRateLimited);
  rig.trip_and_wait();
  const Pass late = rig.probing();
  rig.now += 500;
  const Judgement judged = rig.end(late, kSucceeded).judged;
  assert_true(judged.outcome == Outcome::kFailure);
  assert_true(judged.cause == Cause::kProbeTimeout);
  assert_int_equal(judged.status, 200);
  // Of a poisonous request as well: it hung.
  rig.now += 1'000;
  const Pass hanging = rig.probing();
  rig.now += 500;
  assert_true(rig.end(hanging, kCorrelated).judged.cause == Cause::kProbeTimeout);
}

void a_success_just_before_the_deadline_is_one(void**) {
  Rig rig;
  rig.trip_and_wait();
  const Pass pass = rig.probing();
  rig.now += 499;
  assert_true(told(rig.report(pass, kSucceeded)).to == State::kClosed);
}

void of_several_probes_the_overdue_one_fails_it(void**) {
  Rig rig;
  rig.options.probes = 3;
  rig.trip_and_wait();
  rig.probing();
  rig.now += 300;
  const Pass second = rig.probing();
  rig.now += 200;
  const Probing probing = rig.probe();
  assert_true(told(probing.transition).to == State::kOpen);
  // The other one is in flight still.
  assert_int_equal(rig.view().probes_in_flight, 1);
  assert_none(rig.report(second, kSucceeded));
  assert_int_equal(rig.view().probes_in_flight, 0);
}

// A lease has room for 8 bits of its epoch only.
void a_lease_knows_its_epoch_where_epochs_are_large(void**) {
  for (const std::uint32_t epoch : {0xfcU, 0xfdU, 0xfeU, 0x3ff00U, Word::kEpochMask - 1}) {
    Rig rig;
    rig.words.word = Word{.epoch = epoch}.pack();
    rig.trip_and_wait();
    rig.probing();
    rig.now += 500;
    const Probing probing = rig.probe();
    assert_some(probing.transition);
    assert_true(told(probing.transition).last == Cause::kProbeTimeout);
  }
}

// A lease that is granted by a process whose clock is behind must not be overdue at birth.
void a_lease_runs_from_the_half_open_time_at_the_earliest(void**) {
  Rig rig;
  rig.options.probes = 2;
  rig.trip_and_wait();
  rig.probing(0);
  rig.now -= 500;
  rig.probing(1);
  rig.now += 500;
  assert_none(rig.probe(2).transition);
  assert_true(rig.state() == State::kHalfOpen);
}

// Answers that take long.

void an_answered_probe_keeps_its_place_and_loses_its_threat(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass pass = rig.probing(0);
  rig.breaker().answered(pass, rig.now);
  rig.now += 499;
  assert_none(rig.probe(1).pass);
  assert_int_equal(rig.view().probes_in_flight, 1);
  rig.now += 1;
  const Probing probing = rig.probe(1);
  assert_true(told(probing.transition).from == State::kHalfOpen);
  assert_true(told(probing.transition).to == State::kClosed);
  assert_none(rig.report(pass, kRefused));  // has been judged
  assert_true(rig.state() == State::kClosed);
}

void overdue_answered_probes_count_one_by_one(void**) {
  Rig rig;
  rig.options.probes = 2;
  rig.options.successes = 2;
  rig.trip_and_wait();
  Pass first = rig.probing();
  Pass second = rig.probing();
  rig.breaker().answered(first, rig.now);
  rig.breaker().answered(second, rig.now);
  rig.now += 500;
  assert_true(told(rig.probe().transition).to == State::kClosed);
}

void an_overdue_answered_probe_counts_once(void**) {
  Rig rig;
  rig.options.successes = 2;
  rig.trip_and_wait();
  Pass first = rig.probing(0);
  rig.breaker().answered(first, rig.now);
  rig.now += 500;
  const Pass second = rig.probing(1);  // by which the first has succeeded
  assert_none(rig.report(first, kSucceeded));
  assert_true(rig.state() == State::kHalfOpen);
  assert_int_equal(rig.view().late, 1);
  assert_some(rig.report(second, kSucceeded));
}

void an_overdue_answered_probe_makes_room_for_the_next(void**) {
  Rig rig;
  rig.options.successes = 2;
  rig.trip_and_wait();
  Pass first = rig.probing();
  rig.breaker().answered(first, rig.now);
  rig.now += 500;
  assert_true(told(rig.report(rig.probing(), kSucceeded)).to == State::kClosed);
}

void an_answered_probe_may_be_reported_past_the_deadline(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass succeeding = rig.probing();
  rig.breaker().answered(succeeding, rig.now);
  rig.now += 5'000;
  assert_true(told(rig.report(succeeding, kSucceeded)).to == State::kClosed);
}

void an_answered_probe_may_still_fail(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass failing = rig.probing();
  rig.breaker().answered(failing, rig.now);
  rig.now += 5'000;
  const Transition transition =
      told(rig.report(failing, {.outcome = Outcome::kFailure, .cause = Cause::kTruncated}));
  assert_true(transition.to == State::kOpen);
  assert_true(transition.last == Cause::kTruncated);
  assert_int_equal(rig.words.leases[0].load(), 0);
}

void an_answer_past_the_deadline_takes_no_threat_away(void**) {
  for (const base::Millis took : {500, 501, 5'000}) {
    Rig rig;
    rig.trip_and_wait();
    Pass pass = rig.probing();
    rig.now += took;
    rig.breaker().answered(pass, rig.now);
    assert_true(told(rig.report(pass, kSucceeded)).last == Cause::kProbeTimeout);
  }
}

void an_answer_just_before_the_deadline_does(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass pass = rig.probing();
  rig.now += 499;
  rig.breaker().answered(pass, rig.now);
  rig.now += 1;
  assert_true(told(rig.report(pass, kSucceeded)).to == State::kClosed);
}

void an_answer_after_the_verdict_revives_nothing(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass late = rig.probing(0);
  const base::Instant in_time = rig.now;  // by a clock that is behind
  rig.now += 500;
  rig.probe(1);
  rig.breaker().answered(late, in_time);
  assert_int_equal(rig.words.leases[0].load(), 0);
  rig.now += 1'000;
  rig.probing(1);
  const std::uint64_t lease = rig.words.leases[0];
  rig.breaker().answered(late, in_time);
  assert_int_equal(rig.words.leases[0].load(), lease);
}

void an_answered_attempt_that_is_no_probe_changes_nothing(void**) {
  Rig rig;
  Pass pass = rig.admitted();
  rig.breaker().answered(pass, rig.now);
  for (const auto& lease : rig.words.leases) assert_int_equal(lease.load(), 0);
  assert_false(pass.probe());
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_overdue_lease_is_a_failed_probe),
      cmocka_unit_test(a_late_report_after_that_decides_nothing),
      cmocka_unit_test(a_late_report_does_not_free_the_place_of_another),
      cmocka_unit_test(a_success_that_is_reported_past_the_deadline_is_a_failure),
      cmocka_unit_test(a_report_says_how_the_outcome_was_taken),
      cmocka_unit_test(a_success_just_before_the_deadline_is_one),
      cmocka_unit_test(of_several_probes_the_overdue_one_fails_it),
      cmocka_unit_test(a_lease_knows_its_epoch_where_epochs_are_large),
      cmocka_unit_test(a_lease_runs_from_the_half_open_time_at_the_earliest),
      cmocka_unit_test(an_answered_probe_keeps_its_place_and_loses_its_threat),
      cmocka_unit_test(overdue_answered_probes_count_one_by_one),
      cmocka_unit_test(an_overdue_answered_probe_counts_once),
      cmocka_unit_test(an_overdue_answered_probe_makes_room_for_the_next),
      cmocka_unit_test(an_answered_probe_may_be_reported_past_the_deadline),
      cmocka_unit_test(an_answered_probe_may_still_fail),
      cmocka_unit_test(an_answer_past_the_deadline_takes_no_threat_away),
      cmocka_unit_test(an_answer_just_before_the_deadline_does),
      cmocka_unit_test(an_answer_after_the_verdict_revives_nothing),
      cmocka_unit_test(an_answered_attempt_that_is_no_probe_changes_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
