// SPDX-License-Identifier: MIT
//
// An operator's order: its word, and how it lies over the machine.
#include "core/breaker/forced.h"

#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

// The word.

void zero_is_no_order(void**) {
  const Forced forced = Forced::unpack(0);
  assert_true(forced.way == Way::kNone);
  for (const base::Instant now : {base::Instant{0}, base::Instant{1}, Forced::kForever}) {
    assert_true(forced.at(now) == Way::kNone);
  }
}

void fields_survive_packing(void**) {
  for (const Way way : {Way::kNone, Way::kOpen, Way::kClosed}) {
    for (const base::Instant until : {base::Instant{0}, base::Instant{12'345}, Forced::kForever}) {
      const Forced forced = Forced::unpack(Forced{.way = way, .until = until}.pack());
      assert_true(forced.way == way);
      assert_int_equal(forced.until, until);
    }
  }
}

void it_ends_at_its_end(void**) {
  const Forced forced{.way = Way::kOpen, .until = 1'000};
  assert_true(forced.at(0) == Way::kOpen);
  assert_true(forced.at(999) == Way::kOpen);
  assert_true(forced.at(1'000) == Way::kNone);
}

void without_an_end_it_stands(void**) {
  // As late as a state word can tell.
  const auto late = static_cast<base::Instant>(Word::kUntilMask);
  assert_true(Forced{.way = Way::kClosed}.at(late) == Way::kClosed);
}

// Over the machine.

void forced_open_it_keeps_everybody_out(void**) {
  for (const Mode mode : {Mode::kEnforce, Mode::kObserve, Mode::kOff}) {
    Rig rig;
    rig.options.mode = mode;
    rig.breaker().force({.way = Way::kOpen});
    assert_true(rig.shut());
    assert_none(rig.breaker().admit(rig.now));
    const Probing probing = rig.probe();
    assert_none(probing.pass);
    assert_none(probing.transition);
    assert_int_equal(probing.due, Forced::kForever);
    assert_int_equal(rig.breaker().due(rig.owners(), rig.now), Forced::kForever);
    assert_true(rig.view().forced == Way::kOpen);
    assert_true(rig.view().shut);
    assert_true(rig.view().state == State::kClosed);  // the machine's
    assert_int_equal(rig.words.word.load(), 0);
  }
}

void no_probe_passes_while_it_is_forced(void**) {
  for (const Way way : {Way::kOpen, Way::kClosed}) {
    Rig rig;
    rig.trip_and_wait();
    const std::uint64_t word = rig.words.word;
    rig.breaker().force({.way = way});
    assert_none(rig.probe().pass);
    assert_int_equal(rig.words.word.load(), word);
  }
}

void forced_closed_it_lets_everybody_in(void**) {
  Rig rig;
  rig.trip();
  rig.breaker().force({.way = Way::kClosed});
  assert_false(rig.shut());
  assert_false(rig.admitted().probe());
  assert_true(rig.view().forced == Way::kClosed);
  assert_false(rig.view().shut);
  assert_true(rig.view().state == State::kOpen);  // the machine's
  // And nothing of that decides.
  const std::uint64_t word = rig.words.word;
  rig.attempts(100, kRefused);
  rig.attempts(100, kSucceeded);
  assert_int_equal(rig.words.word.load(), word);
}

// What it learns meanwhile is there when the order ends.
void forced_closed_it_goes_on_judging(void**) {
  Rig rig;
  rig.breaker().force({.way = Way::kClosed});
  rig.trip();
  assert_true(rig.state() == State::kOpen);
  assert_false(rig.shut());
  rig.breaker().force({});
  assert_true(rig.shut());
}

void an_order_ends_by_itself(void**) {
  Rig rig;
  const base::Instant end = rig.now + 5'000;
  rig.breaker().force({.way = Way::kOpen, .until = end});
  rig.now = end - 1;
  assert_true(rig.shut());
  assert_int_equal(rig.breaker().due(rig.owners(), rig.now), end);
  assert_int_equal(rig.probe().due, end);
  rig.now = end;
  assert_false(rig.shut());
  assert_true(rig.view().forced == Way::kNone);
  assert_some(rig.breaker().admit(rig.now));
}

void an_order_is_taken_back(void**) {
  Rig rig;
  rig.breaker().force({.way = Way::kOpen});
  rig.breaker().force({});
  assert_false(rig.shut());
  assert_some(rig.breaker().admit(rig.now));
  assert_true(rig.view().forced == Way::kNone);
}

void after_its_end_the_machine_goes_on_where_it_stood(void**) {
  for (const Way way : {Way::kOpen, Way::kClosed}) {
    Rig rig;
    rig.trip();
    rig.breaker().force({.way = way, .until = rig.now + 60'000});
    rig.now += 60'000;
    assert_true(rig.shut());
    assert_true(told(rig.report(rig.probing(), kSucceeded)).to == State::kClosed);
    assert_false(rig.shut());
  }
}

void a_probe_that_was_under_way_still_decides(void**) {
  for (const Way way : {Way::kOpen, Way::kClosed}) {
    Rig rig;
    rig.trip_and_wait();
    const Pass probe = rig.probing();
    rig.breaker().force({.way = way});
    assert_true(told(rig.report(probe, kSucceeded)).to == State::kClosed);
    assert_int_equal(rig.shut(), way == Way::kOpen);
    assert_int_equal(rig.view().probes_in_flight, 0);
  }
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(zero_is_no_order),
      cmocka_unit_test(fields_survive_packing),
      cmocka_unit_test(it_ends_at_its_end),
      cmocka_unit_test(without_an_end_it_stands),
      cmocka_unit_test(forced_open_it_keeps_everybody_out),
      cmocka_unit_test(no_probe_passes_while_it_is_forced),
      cmocka_unit_test(forced_closed_it_lets_everybody_in),
      cmocka_unit_test(forced_closed_it_goes_on_judging),
      cmocka_unit_test(an_order_ends_by_itself),
      cmocka_unit_test(an_order_is_taken_back),
      cmocka_unit_test(after_its_end_the_machine_goes_on_where_it_stood),
      cmocka_unit_test(a_probe_that_was_under_way_still_decides),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
