// SPDX-License-Identifier: MIT
//
// The places of a half-open breaker's probes: how many there are, whose they are, and what becomes
// of them when their owners die.
#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "rig.h"

namespace kerberos::breaker {
namespace {

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

// Owners that die.

void an_orphaned_lease_is_freed_without_a_verdict(void**) {
  for (const base::Millis later : {0, 1, 499, 500, 100'000}) {  // overdue or not
    for (const bool answered : {false, true}) {
      Rig rig;
      rig.options.successes = 2;
      rig.trip_and_wait();
      Pass orphan = rig.probing(0);
      if (answered) rig.breaker().answered(orphan, rig.now);
      rig.respawn(0);
      rig.now += later;
      assert_int_equal(rig.view().probes_in_flight, 0);
      assert_true(rig.breaker().due(rig.owners(), rig.now) <= rig.now);
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
    if (answered) rig.breaker().answered(earlier, rig.now);
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
      cmocka_unit_test(an_orphaned_lease_is_freed_without_a_verdict),
      cmocka_unit_test(an_empty_slot_owns_nothing),
      cmocka_unit_test(the_lease_of_a_living_process_is_left_alone),
      cmocka_unit_test(an_earlier_probe_still_takes_up_a_place),
      cmocka_unit_test(an_earlier_probe_that_is_overdue_decides_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
