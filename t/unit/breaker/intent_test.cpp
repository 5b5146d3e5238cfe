// SPDX-License-Identifier: MIT
//
// A trip that its service must allow: the word of an intent, and the steps of whoever has one.
#include "core/breaker/intent.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

// The word.

void fields_survive_packing(void**) {
  for (const std::uint32_t slot : {0U, 1U, 1023U}) {
    for (const std::uint32_t life : {1U, 33U, Intent::kLifeMask}) {
      for (const std::uint32_t epoch : {0U, 0x155555U, Word::kEpochMask}) {
        const std::uint64_t bits = Intent{.owner = {slot, life}, .epoch = epoch}.pack();
        const Intent intent = Intent::unpack(bits);
        assert_int_not_equal(bits, 0);
        assert_int_equal(intent.owner.slot, slot);
        assert_int_equal(intent.owner.life, life);
        assert_int_equal(intent.epoch, epoch);
      }
    }
  }
}

void what_is_too_long_is_cut_and_does_not_spill(void**) {
  const Intent intent = Intent::unpack(
      Intent{.owner = {3, Intent::kLifeMask + 6}, .epoch = Word::kEpochMask + 3}.pack());
  assert_int_equal(intent.owner.slot, 3);
  assert_int_equal(intent.owner.life, 5);
  assert_int_equal(intent.epoch, 2);
}

void it_lives_as_long_as_its_owner(void**) {
  std::array<std::atomic<std::uint32_t>, 2> lives = {1, 0x400041};
  const base::Owners owners(lives);
  const Intent intent = Intent::unpack(Intent{.owner = {1, 0x400041}}.pack());
  assert_true(intent.living(owners));  // by the low bits of its life
  lives[1] = 0x400042;
  assert_false(intent.living(owners));
  lives[1] = 0x400043;
  assert_false(intent.living(owners));
}

// The steps.

struct Capped : Rig {
  Capped() {
    options.max_open_percent = 50;
    options.failure_rate_percent = 100;
  }
  // A trip that somebody has to allow.
  Trip wanted() {
    for (std::uint32_t i = 1; i < options.threshold; ++i) {
      const Report report = end(admitted(), kStatus503);
      assert_none(report.wanted);
      assert_none(report.transition);
    }
    const Report report = end(admitted(), kStatus503);
    assert_none(report.transition);
    assert_some(report.wanted);
    return *report.wanted;
  }
  bool intend(const Trip& trip, std::uint32_t slot = 0) {
    return breaker().intend(trip, owner(slot), owners());
  }
  void withdraw(const Trip& trip, std::uint32_t slot = 0) { breaker().withdraw(trip, owner(slot)); }
  std::optional<Transition> open(const Trip& trip) { return breaker().open(trip, now, random); }
  bool held() { return breaker().held(owners()); }
};

void with_a_cap_a_failure_after_connect_wants_to_open_it(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_true(rig.state() == State::kClosed);
  assert_true(trip.reason == Reason::kConsecutive);
  assert_int_equal(trip.failures, 3);
  assert_true(trip.last.cause == Cause::kStatus);
  assert_int_equal(trip.word.pack(), rig.words.word.load());
  assert_int_equal(rig.words.intent.load(), 0);
}

void every_trigger_asks(void**) {
  Capped rated;
  rated.options.threshold = 0;
  rated.attempts(19, kStatus503);
  const Report failure = rated.end(rated.admitted(), kStatus503);
  assert_some(failure.wanted);
  assert_true(failure.wanted->reason == Reason::kFailureRate);
  assert_int_equal(failure.wanted->tally.failures, 20);

  Capped slow;
  slow.options.slow = 1'000;
  slow.attempts(19, kSlow);
  const Report censored = slow.end(slow.admitted(), kCensored);
  assert_some(censored.wanted);
  assert_true(censored.wanted->reason == Reason::kSlowRate);
}

// Nobody listens: no cap may send requests there.
void a_refused_connection_asks_nobody(void**) {
  for (const Cause cause : {Cause::kConnectRefused, Cause::kConnectTimeout, Cause::kHandshake}) {
    Capped rig;
    for (int i = 1; i < 3; ++i) rig.end(rig.admitted(), kStatus503);
    assert_some(rig.attempt({.outcome = Outcome::kFailure, .cause = cause}));
    assert_true(rig.state() == State::kOpen);
    assert_false(rig.held());
  }
}

// It has its place already, or needs none.
void a_failed_probe_asks_nobody(void**) {
  Capped rig;
  rig.now += told(rig.open(rig.wanted())).span;
  assert_some(rig.report(rig.probing(), kStatus503));
  assert_true(rig.held());
}

void it_opens_by_intent_and_is_held(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_false(rig.held());
  assert_true(rig.intend(trip));
  assert_true(rig.held());  // somebody is about to
  assert_true(rig.state() == State::kClosed);
  const Transition opened = told(rig.open(trip));
  assert_true(opened.reason == Reason::kConsecutive);
  assert_int_equal(opened.failures, 3);
  assert_true(rig.held());
  rig.withdraw(trip);
  assert_int_equal(rig.words.intent.load(), 0);
  assert_true(rig.held());
}

void a_trip_that_is_not_allowed_leaves_nothing_behind(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  const std::uint64_t word = rig.words.word;
  assert_true(rig.intend(trip));
  rig.breaker().count_overflow();
  rig.withdraw(trip);
  assert_false(rig.held());
  assert_int_equal(rig.words.intent.load(), 0);
  assert_int_equal(rig.words.word.load(), word);
  assert_int_equal(rig.view().overflow, 1);
  assert_int_equal(rig.view().trips, 0);
  // The next failure asks again.
  assert_some(rig.end(rig.admitted(), kStatus503).wanted);
}

void one_intent_at_a_time(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_true(rig.intend(trip, 0));
  assert_false(rig.intend(trip, 1));
  rig.withdraw(trip, 1);  // not its own
  assert_true(rig.held());
  rig.withdraw(trip, 0);
  assert_true(rig.intend(trip, 1));
}

void the_intent_of_the_dead_holds_nothing_and_stops_nobody(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_true(rig.intend(trip, 0));
  const base::Owner dead = rig.owner(0);
  rig.respawn(0);
  assert_false(rig.held());
  assert_true(rig.intend(trip, 1));
  assert_true(rig.held());
  // The dead was only slow: it does not take another's away.
  rig.breaker().withdraw(trip, dead);
  assert_true(rig.held());
}

void an_intent_of_an_epoch_that_is_over_holds_nothing_and_stops_nobody(void**) {
  Capped rig;
  const Trip obsolete = rig.wanted();
  assert_true(rig.intend(obsolete, 0));
  rig.attempt(kRefused);  // opened by another, meanwhile
  assert_true(rig.state() == State::kOpen);
  assert_false(rig.held());
  assert_none(rig.open(obsolete));
  rig.now += 1'000;
  rig.report(rig.probing(), kSucceeded);
  assert_false(rig.held());
  const Trip trip = rig.wanted();
  assert_true(rig.intend(trip, 1));
  assert_true(rig.held());
  rig.withdraw(obsolete, 0);
  assert_true(rig.held());
}

void a_trip_that_is_out_of_date_is_not_intended(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_some(rig.attempt(kRefused));
  assert_false(rig.intend(trip));
  assert_int_equal(rig.words.intent.load(), 0);
  const std::uint64_t word = rig.words.word;
  assert_none(rig.open(trip));
  assert_int_equal(rig.words.word.load(), word);
  assert_int_equal(rig.view().trips, 1);
}

void who_dies_after_opening_has_opened_it(void**) {
  Capped rig;
  const Trip trip = rig.wanted();
  assert_true(rig.intend(trip, 0));
  const base::Millis span = told(rig.open(trip)).span;
  rig.respawn(0);  // before it withdrew
  assert_true(rig.held());
  rig.now += span;
  rig.report(rig.probing(1), kSucceeded);
  assert_false(rig.held());
  assert_true(rig.intend(rig.wanted(), 1));
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(fields_survive_packing),
      cmocka_unit_test(what_is_too_long_is_cut_and_does_not_spill),
      cmocka_unit_test(it_lives_as_long_as_its_owner),
      cmocka_unit_test(with_a_cap_a_failure_after_connect_wants_to_open_it),
      cmocka_unit_test(every_trigger_asks),
      cmocka_unit_test(a_refused_connection_asks_nobody),
      cmocka_unit_test(a_failed_probe_asks_nobody),
      cmocka_unit_test(it_opens_by_intent_and_is_held),
      cmocka_unit_test(a_trip_that_is_not_allowed_leaves_nothing_behind),
      cmocka_unit_test(one_intent_at_a_time),
      cmocka_unit_test(the_intent_of_the_dead_holds_nothing_and_stops_nobody),
      cmocka_unit_test(an_intent_of_an_epoch_that_is_over_holds_nothing_and_stops_nobody),
      cmocka_unit_test(a_trip_that_is_out_of_date_is_not_intended),
      cmocka_unit_test(who_dies_after_opening_has_opened_it),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
