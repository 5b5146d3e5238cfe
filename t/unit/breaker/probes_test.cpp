// SPDX-License-Identifier: MIT
//
// The places of a half-open breaker's probes: how many there are, and the ways in which a lease on
// one ends.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "rig.h"

namespace kerberos::breaker {
namespace {

// Places.

void as_many_probes_as_configured_are_in_flight_at_once(void**) {
  for (std::uint32_t probes = 1; probes <= kProbesMax; ++probes) {
    Rig rig;
    rig.options.probes = probes;
    rig.options.successes = 1'000;
    rig.trip_and_wait();
    std::vector<Pass> passes;
    const base::Instant first_deadline = rig.now + 500;
    for (std::uint32_t i = 0; i < probes; ++i) {
      passes.push_back(rig.probing(i % 4));
      rig.now += 1;
    }
    for (int i = 0; i < 3; ++i) {
      const Probing refused = rig.probe(3);
      assert_none(refused.pass);
      assert_int_equal(refused.due, first_deadline);
    }
    assert_int_equal(rig.breaker().due(rig.owners(), rig.now), first_deadline);
    assert_int_equal(rig.view().probes_in_flight, probes);
    // Each place that becomes free is taken by one.
    for (const Pass& pass : passes) {
      assert_none(rig.report(pass, kSucceeded));
      rig.probing();
      assert_none(rig.probe().pass);
    }
  }
}

void each_probe_has_a_place_of_its_own(void**) {
  Rig rig;
  rig.options.probes = kProbesMax;
  rig.trip_and_wait();
  std::vector<std::uint32_t> places;
  for (std::uint32_t i = 0; i < kProbesMax; ++i) places.push_back(rig.probing().place);
  std::sort(places.begin(), places.end());
  for (std::uint32_t i = 0; i < kProbesMax; ++i) assert_int_equal(places[i], i);
}

void a_lease_tells_whose_it_is(void**) {
  Rig rig;
  rig.respawn(2);
  rig.trip_and_wait();
  const Pass pass = rig.probing(2);
  const Lease lease = Lease::unpack(rig.words.leases[pass.place]);
  assert_int_equal(lease.owner.slot, 2);
  assert_int_equal(lease.owner.life, 3);
  assert_int_equal(lease.epoch, pass.epoch);
  assert_int_equal(lease.deadline, rig.now + 500);
  assert_false(lease.answered);
}

// By a reload.
void fewer_probes_wait_until_those_in_flight_are_fewer(void**) {
  Rig rig;
  rig.options.probes = 3;
  rig.options.successes = 100;
  rig.trip_and_wait();
  const Pass first = rig.probing();
  const Pass second = rig.probing();
  const Pass third = rig.probing();
  rig.options.probes = 1;
  assert_none(rig.probe().pass);
  rig.report(first, kSucceeded);
  assert_none(rig.probe().pass);
  rig.report(second, kSucceeded);
  assert_none(rig.probe().pass);
  assert_int_equal(rig.breaker().due(rig.owners(), rig.now), rig.now + 500);
  rig.report(third, kSucceeded);
  rig.probing();
  assert_none(rig.probe().pass);
}

void more_probes_pass_at_once(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.probing();
  assert_none(rig.probe().pass);
  rig.options.probes = 2;
  rig.probing();
  assert_none(rig.probe().pass);
}

// Deadlines.

void an_overdue_lease_is_a_failed_probe(void**) {
  Rig rig;
  rig.options.max_timeout = 10'000;
  rig.trip_and_wait();
  rig.probing(0);
  rig.now += 499;
  assert_none(rig.probe(1).transition);
  assert_true(rig.state() == State::kHalfOpen);
  rig.now += 1;
  assert_int_equal(rig.breaker().due(rig.owners(), rig.now), rig.now);
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

// Answers that take long.

void an_answered_probe_keeps_its_place_and_loses_its_threat(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass pass = rig.probing(0);
  rig.breaker().answered(pass);
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
  rig.breaker().answered(first);
  rig.breaker().answered(second);
  rig.now += 500;
  assert_true(told(rig.probe().transition).to == State::kClosed);
}

void an_overdue_answered_probe_makes_room_for_the_next(void**) {
  Rig rig;
  rig.options.successes = 2;
  rig.trip_and_wait();
  Pass first = rig.probing();
  rig.breaker().answered(first);
  rig.now += 500;
  assert_true(told(rig.report(rig.probing(), kSucceeded)).to == State::kClosed);
}

void an_answered_probe_may_be_reported_past_the_deadline(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass succeeding = rig.probing();
  rig.breaker().answered(succeeding);
  rig.now += 5'000;
  assert_true(told(rig.report(succeeding, kSucceeded)).to == State::kClosed);
}

void an_answered_probe_may_still_fail(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass failing = rig.probing();
  rig.breaker().answered(failing);
  rig.now += 5'000;
  const Transition transition =
      told(rig.report(failing, {Outcome::kFailure, Cause::kTruncated, 0}));
  assert_true(transition.to == State::kOpen);
  assert_true(transition.last == Cause::kTruncated);
  assert_int_equal(rig.words.leases[0].load(), 0);
}

void an_answer_after_the_verdict_revives_nothing(void**) {
  Rig rig;
  rig.trip_and_wait();
  Pass late = rig.probing(0);
  rig.now += 500;
  rig.probe(1);
  rig.breaker().answered(late);
  assert_int_equal(rig.words.leases[0].load(), 0);
  rig.now += 1'000;
  rig.probing(1);
  const std::uint64_t lease = rig.words.leases[0];
  rig.breaker().answered(late);
  assert_int_equal(rig.words.leases[0].load(), lease);
}

void an_answered_attempt_that_is_no_probe_changes_nothing(void**) {
  Rig rig;
  Pass pass = rig.admitted();
  rig.breaker().answered(pass);
  for (const auto& lease : rig.words.leases) assert_int_equal(lease.load(), 0);
  assert_false(pass.probe());
}

// Owners that die.

void an_orphaned_lease_is_freed_without_a_verdict(void**) {
  for (const base::Millis later : {0, 1, 499, 500, 100'000}) {  // overdue or not
    for (const bool answered : {false, true}) {
      Rig rig;
      rig.options.successes = 2;
      rig.trip_and_wait();
      Pass orphan = rig.probing(0);
      if (answered) rig.breaker().answered(orphan);
      rig.respawn(0);
      rig.now += later;
      assert_int_equal(rig.view().probes_in_flight, 0);
      assert_int_equal(rig.breaker().due(rig.owners(), rig.now), rig.now);
      const Probing probing = rig.probe(1);
      assert_some(probing.pass);
      assert_none(probing.transition);
      assert_true(rig.state() == State::kHalfOpen);
      assert_none(rig.report(*probing.pass, kSucceeded));  // the first success in a row
    }
  }
}

void an_empty_slot_owns_nothing(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.probing(0);
  rig.lives[0] += 1;  // left, and taken by nobody
  assert_int_equal(rig.view().probes_in_flight, 0);
  assert_some(rig.probe(1).pass);
}

void the_lease_of_a_living_process_is_left_alone(void**) {
  Rig rig;
  rig.options.probes = 2;
  rig.trip_and_wait();
  const Pass orphan = rig.probing(0);
  const Pass living = rig.probing(1);
  rig.respawn(0);
  assert_int_equal(rig.probing(2).place, orphan.place);
  assert_none(rig.probe(3).pass);
  assert_true(told(rig.report(living, kSucceeded)).to == State::kClosed);
}

// Probes of an earlier half-open time.

// Over all epochs there are never more of them in flight.
void an_earlier_probe_still_takes_up_a_place(void**) {
  Rig rig;
  rig.options.probes = 2;
  rig.options.probe_timeout = 60'000;
  rig.trip_and_wait();
  const Pass earlier = rig.probing();
  assert_some(rig.report(rig.probing(), kRefused));
  rig.now += 1'000;
  rig.probing();
  assert_none(rig.probe().pass);
  assert_none(rig.report(earlier, kRefused));
  assert_true(rig.state() == State::kHalfOpen);
  assert_some(rig.probe().pass);
}

void an_earlier_probe_that_is_overdue_decides_nothing(void**) {
  for (const bool answered : {false, true}) {
    Rig rig;
    rig.options.probes = 2;
    rig.options.probe_timeout = 1'500;
    rig.trip_and_wait();
    Pass earlier = rig.probing();
    if (answered) rig.breaker().answered(earlier);
    assert_some(rig.report(rig.probing(), kRefused));
    rig.now += 1'000;
    rig.probing();
    rig.now += 500;
    const Probing probing = rig.probe();
    assert_none(probing.transition);
    assert_some(probing.pass);
    assert_true(rig.state() == State::kHalfOpen);
  }
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

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(as_many_probes_as_configured_are_in_flight_at_once),
      cmocka_unit_test(each_probe_has_a_place_of_its_own),
      cmocka_unit_test(a_lease_tells_whose_it_is),
      cmocka_unit_test(fewer_probes_wait_until_those_in_flight_are_fewer),
      cmocka_unit_test(more_probes_pass_at_once),
      cmocka_unit_test(an_overdue_lease_is_a_failed_probe),
      cmocka_unit_test(a_late_report_after_that_decides_nothing),
      cmocka_unit_test(a_late_report_does_not_free_the_place_of_another),
      cmocka_unit_test(a_success_that_is_reported_past_the_deadline_is_a_failure),
      cmocka_unit_test(a_success_just_before_the_deadline_is_one),
      cmocka_unit_test(of_several_probes_the_overdue_one_fails_it),
      cmocka_unit_test(an_answered_probe_keeps_its_place_and_loses_its_threat),
      cmocka_unit_test(overdue_answered_probes_count_one_by_one),
      cmocka_unit_test(an_overdue_answered_probe_makes_room_for_the_next),
      cmocka_unit_test(an_answered_probe_may_be_reported_past_the_deadline),
      cmocka_unit_test(an_answered_probe_may_still_fail),
      cmocka_unit_test(an_answer_after_the_verdict_revives_nothing),
      cmocka_unit_test(an_answered_attempt_that_is_no_probe_changes_nothing),
      cmocka_unit_test(an_orphaned_lease_is_freed_without_a_verdict),
      cmocka_unit_test(an_empty_slot_owns_nothing),
      cmocka_unit_test(the_lease_of_a_living_process_is_left_alone),
      cmocka_unit_test(an_earlier_probe_still_takes_up_a_place),
      cmocka_unit_test(an_earlier_probe_that_is_overdue_decides_nothing),
      cmocka_unit_test(a_lease_knows_its_epoch_where_epochs_are_large),
      cmocka_unit_test(a_lease_runs_from_the_half_open_time_at_the_earliest),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
