// SPDX-License-Identifier: MIT
//
// A breaker's next life: what it still knows then, and that it goes on as if nothing had been.
#include "core/breaker/saved.h"

#include <cstdint>
#include <initializer_list>
#include <optional>

#include "rig.h"

namespace kerberos::breaker {
namespace {

Saved saved(const Rig& rig) {
  const auto saved = save(rig.words, rig.now);
  assert_some(saved);
  return *saved;
}

// The same breaker after a restart, `later` as told. The rig is of a machine whose clock goes on.
struct Next : Rig {
  explicit Next(const Rig& before, base::Millis later = 0) {
    options = before.options;
    now = before.now + later;
    restore(words, saved(before), options, now);
  }
};

void who_never_opened_has_nothing_to_remember(void**) {
  Rig rig;
  assert_none(save(rig.words, rig.now));
  assert_int_equal(mark_of(rig.words), 0);
  rig.attempts(2, kRefused);  // in a row, and one more would open it
  assert_none(save(rig.words, rig.now));
  assert_int_equal(mark_of(rig.words), 0);
}

void an_open_one_is_still_open_for_as_long_as_it_was_to_be(void**) {
  Rig rig;
  rig.attempt(kRefused);
  rig.attempt(kRefused);
  rig.attempt(kStatus503);
  rig.now += 300;
  Next next(rig, 200);
  const View view = next.view();
  assert_true(view.state == State::kOpen);
  assert_true(view.shut);
  assert_int_equal(view.retry_in, 500);
  assert_true(view.reason == Reason::kConsecutive);
  assert_true(view.last == Cause::kStatus);
  assert_int_equal(view.number, 503);
  assert_int_equal(view.consecutive_failures, 3);
  assert_int_equal(view.trips, 1);
  assert_none(next.breaker().admit(next.now));
  assert_none(next.probe().pass);
  next.now += 500;
  assert_true(told(next.report(next.probing(), kSucceeded)).to == State::kClosed);
}

void the_way_back_is_told_as_one(void**) {
  Rig rig;
  rig.trip();
  Next next(rig, 400);
  next.now += 600;
  const Probing probing = next.probe();
  assert_true(told(probing.transition).from == State::kOpen);
  assert_true(told(probing.transition).to == State::kHalfOpen);
  next.now += 50;
  assert_int_equal(told(next.report(*probing.pass, kSucceeded)).span, 1'050);  // since it opened
}

// Downtime counts: what was to wait until then waits no longer.
void one_whose_time_has_passed_is_due_at_once(void**) {
  Rig rig;
  rig.trip();
  Next next(rig, 5'000);
  assert_true(next.state() == State::kOpen);
  assert_int_equal(next.view().retry_in, 0);
  assert_int_equal(next.breaker().due(next.owners(), next.now), next.now);
  assert_true(told(next.report(next.probing(), kRefused)).reason == Reason::kProbe);
}

void one_that_was_being_probed_is_due_at_once(void**) {
  Rig rig;
  rig.trip_and_wait();
  rig.probing();
  assert_true(rig.state() == State::kHalfOpen);
  Next next(rig);
  assert_true(next.state() == State::kOpen);
  assert_int_equal(next.view().probes_in_flight, 0);
  assert_int_equal(next.breaker().due(next.owners(), next.now), next.now);
  assert_true(told(next.report(next.probing(), kSucceeded)).to == State::kClosed);
}

// A wall clock that was set back, a file from elsewhere, a timeout that is shorter now.
void nobody_is_open_for_longer_than_the_options_have_it(void**) {
  for (const base::Millis max_timeout : {1'000, 8'000}) {
    Rig rig;
    rig.trip();
    Saved wrong = saved(rig);
    wrong.until = rig.now + 1'000'000'000'000;
    Rig next;
    next.options.max_timeout = max_timeout;
    next.options.jitter_percent = 50;
    restore(next.words, wrong, next.options, next.now);
    assert_int_equal(next.view().retry_in, max_timeout * 3 / 2);
  }
}

void no_time_is_too_far_off(void**) {
  Rig rig;
  rig.trip();
  for (const base::Instant wrong :
       {-(base::Instant{1} << 60U), base::Instant{-1}, base::Instant{1} << 60U}) {
    for (const State state : {State::kClosed, State::kOpen, State::kHalfOpen}) {
      for (const base::Instant now : {base::Instant{0}, base::Instant{1'000'000}}) {
        Saved saved = kerberos::breaker::saved(rig);
        saved.state = state;
        saved.until = saved.opened_at = saved.forced.until = wrong;
        saved.forced.way = Way::kOpen;
        Rig next;
        next.now = now;
        next.options.ramp = 10'000;
        restore(next.words, saved, next.options, now);
        assert_in_range(next.view().retry_in, 0, 1'000);
        assert_in_range(next.word().until, 0, now + 1'000);
        assert_in_range(next.view().ramp_percent, 10, 100);
        assert_true(next.words.opened_at.load() <= now);
        assert_int_equal(next.view().forced == Way::kOpen, wrong > now);
      }
    }
  }
}

void who_is_held_is_still_held(void**) {
  for (const Judgement& judgement : {kRefused, kStatus503}) {
    Rig rig;
    rig.options.threshold = 1;
    rig.attempt(judgement);
    const bool held = rig.word().held;
    assert_int_equal(held, !is_connect_failure(judgement.cause));
    Next next(rig);
    assert_int_equal(next.word().held, held);
    rig.now += 1'000;
    rig.probing();
    assert_int_equal(Next(rig).word().held, held);
  }
}

void a_growing_open_time_goes_on_growing(void**) {
  Rig rig;
  rig.options.max_timeout = 8'000;
  rig.trip_and_wait();
  assert_int_equal(told(rig.report(rig.probing(), kRefused)).span, 2'000);
  Next next(rig, 2'000);
  assert_int_equal(next.view().doublings, 1);
  assert_int_equal(told(next.report(next.probing(), kRefused)).span, 4'000);
  assert_int_equal(next.view().trips, 3);
}

void nonsense_for_doublings_is_bounded(void**) {
  Rig rig;
  rig.options.max_timeout = 8'000;
  rig.trip_and_wait();
  Saved wrong = saved(rig);
  wrong.doublings = UINT32_MAX;
  Rig next;
  next.options = rig.options;
  next.now = rig.now;
  restore(next.words, wrong, next.options, next.now);
  assert_int_equal(next.view().doublings, Saved::kDoublingsMax);
  assert_int_equal(told(next.report(next.probing(), kRefused)).span, 8'000);
}

void who_has_closed_again_remembers_how_often_it_opened(void**) {
  Rig rig;
  rig.recover();
  rig.trip_and_wait();
  assert_true(told(rig.report(rig.probing(), kSucceeded)).to == State::kClosed);
  Next next(rig, 1);
  assert_true(next.state() == State::kClosed);
  assert_int_equal(next.view().trips, 2);
  assert_int_equal(next.view().consecutive_failures, 0);
  assert_none(next.breaker().untold());
  next.attempts(2, kRefused);  // it begins anew
  assert_true(told(next.attempt(kRefused)).to == State::kOpen);
}

void a_ramp_goes_on(void**) {
  Rig rig;
  rig.options.ramp = 10'000;
  rig.recover();
  rig.now += 2'000;
  Next next(rig, 3'000);
  assert_int_equal(next.view().ramp_percent, 50);
  next.now += 4'999;
  assert_int_equal(next.view().ramp_percent, 99);
  next.now += 1;
  assert_int_equal(next.view().ramp_percent, 100);
}

// On a machine that was started a moment ago, by whose clock nothing can be long ago.
void a_ramp_that_is_over_does_not_begin_again(void**) {
  Rig rig;
  rig.options.ramp = 10'000;
  rig.recover();
  Saved old = saved(rig);
  old.until = -10'000;
  Rig next;
  next.options = rig.options;
  next.now = 0;
  restore(next.words, old, next.options, next.now);
  assert_int_equal(next.view().ramp_percent, 100);
  old.until = -9'000;
  restore(next.words, old, next.options, next.now);
  assert_true(next.view().ramp_percent < 100);
}

void what_an_operator_decided_stands(void**) {
  for (const Way way : {Way::kOpen, Way::kClosed}) {
    Rig rig;
    rig.breaker().force({.way = way, .until = rig.now + 5'000});
    Next next(rig, 1'000);
    assert_true(next.view().forced == way);
    assert_true(next.state() == State::kClosed);
    assert_int_equal(next.breaker().forced_until(next.now), rig.now + 5'000);
    assert_int_equal(next.shut(), way == Way::kOpen);
    next.now = rig.now + 5'000;
    assert_true(next.view().forced == Way::kNone);

    rig.breaker().force({.way = way});
    assert_int_equal(Next(rig).breaker().forced_until(rig.now), Forced::kForever);
  }
}

void an_order_that_has_ended_is_none(void**) {
  Rig rig;
  rig.breaker().force({.way = Way::kOpen, .until = rig.now + 5'000});
  Next next(rig, 5'000);
  assert_int_equal(next.words.forced.load(), 0);
  rig.now += 5'000;
  assert_none(save(rig.words, rig.now));
}

void an_order_over_an_open_one_leaves_it_open(void**) {
  Rig rig;
  rig.trip();
  rig.breaker().force({.way = Way::kClosed, .until = rig.now + 500});
  Next next(rig);
  assert_false(next.shut());
  next.now += 500;
  assert_true(next.shut());
}

void nothing_is_told_again(void**) {
  Rig rig;
  rig.trip();  // and its winner died before it told
  assert_some(rig.breaker().untold());
  Next next(rig);
  assert_none(next.breaker().untold());
  assert_int_equal(next.word().epoch, 1);
  next.now += 1'000;
  const Transition half_open = told(next.probe().transition);
  assert_int_equal(half_open.epoch, 2);
  assert_some(next.breaker().untold());
  assert_true(next.breaker().told(half_open.epoch));
  assert_none(next.breaker().untold());
}

// Of the life before, nothing may be mistaken for one of this.
void the_window_and_the_run_begin_anew(void**) {
  Rig rig;
  rig.options.failure_rate_percent = 50;
  rig.options.min_requests = 4;
  rig.options.threshold = 0;
  rig.attempts(2, kSucceeded);
  rig.attempt(kRefused);
  assert_true(told(rig.attempt(kRefused)).reason == Reason::kFailureRate);
  Next next(rig, 1'000);
  assert_int_equal(next.view().window->attempts, 4);  // as it was when it opened
  assert_int_equal(next.view().window->failures, 2);
  assert_true(told(next.report(next.probing(), kSucceeded)).to == State::kClosed);
  assert_int_equal(next.view().window->attempts, 0);
  next.attempts(3, kRefused);
}

void marks_differ_where_there_is_something_else_to_say(void**) {
  Rig rig;
  rig.options.max_timeout = 8'000;
  rig.options.ramp = 60'000;
  std::uint64_t last = mark_of(rig.words);
  const auto moves = [&] {
    const std::uint64_t mark = mark_of(rig.words);
    const bool differs = mark != last;
    last = mark;
    return differs;
  };
  rig.attempts(2, kRefused);
  assert_false(moves());
  rig.attempt(kRefused);
  assert_true(moves());
  rig.now += 1'000;
  assert_false(moves());
  const Pass probe = rig.probing();
  assert_true(moves());
  rig.report(probe, kRefused);
  assert_true(moves());
  rig.breaker().force({.way = Way::kOpen});
  assert_true(moves());
  rig.breaker().force({});
  assert_true(moves());
  rig.words.doublings += 1;
  assert_true(moves());
  rig.words.trips += 1;
  assert_true(moves());
}

// Whatever a breaker has been through, its next life looks the same but for what is left behind.
void assert_alike(const View& before, const View& after, base::Millis later) {
  const bool closed = before.state == State::kClosed;
  assert_int_equal(after.state == State::kClosed, closed);
  assert_true(after.state != State::kHalfOpen);
  assert_true(after.mode == before.mode);
  assert_true(after.forced == before.forced);
  assert_int_equal(after.shut, before.shut);
  assert_true(after.reason == before.reason);
  assert_true(after.last == before.last);
  assert_int_equal(after.number, before.number);
  assert_int_equal(after.consecutive_failures, closed ? 0 : before.consecutive_failures);
  assert_int_equal(after.window.has_value(), before.window.has_value());
  if (before.window && !closed) {
    assert_int_equal(after.window->attempts, before.window->attempts);
    assert_int_equal(after.window->failures, before.window->failures);
    assert_int_equal(after.window->slow, before.window->slow);
  }
  assert_int_equal(after.doublings, before.doublings);
  assert_int_equal(after.trips, before.trips);
  assert_int_equal(after.overflow, 0);
  assert_int_equal(after.late, 0);
  assert_int_equal(after.probes_in_flight, 0);
  assert_true(after.ramp_percent >= before.ramp_percent);
  assert_int_equal(after.retry_in, before.retry_in > later ? before.retry_in - later : 0);
}

void a_random_life_goes_on_in_the_next(void**) {
  static constexpr Judgement kJudgements[] = {kSucceeded, kSlow,      kNeither,
                                              kRefused,   kStatus503, kClosed};
  base::Pcg32 draw(4711);
  int open = 0;
  int closed = 0;
  for (int life = 0; life < 2'000; ++life) {
    Rig rig;
    rig.random = base::Pcg32(draw.next());
    rig.options.threshold = draw.below(3);
    rig.options.failure_rate_percent = draw.below(2) * 50;
    rig.options.min_requests = 3;
    rig.options.slow = draw.below(2) * 100;
    rig.options.max_timeout = draw.below(2) == 0 ? 1'000 : 10'000;
    rig.options.jitter_percent = draw.below(100);
    rig.options.ramp = draw.below(2) * 3'000;
    rig.options.mode = static_cast<Mode>(draw.below(3));
    for (std::uint32_t step = draw.below(60); step > 0; --step) {
      rig.now += draw.below(400);
      if (draw.below(40) == 0) {
        const base::Instant until = draw.below(2) == 0 ? Forced::kForever : rig.now + 1'000;
        rig.breaker().force({.way = static_cast<Way>(draw.below(3)), .until = until});
      }
      const Probing probing = rig.probe(draw.below(4));
      const auto pass = probing.pass ? probing.pass : rig.breaker().admit(rig.now);
      if (pass && draw.below(8) != 0) rig.end(*pass, kJudgements[draw.below(6)]);
    }
    if (!save(rig.words, rig.now)) {
      assert_true(rig.word().state == State::kClosed);
      assert_int_equal(rig.view().trips, 0);
      assert_true(rig.view().forced == Way::kNone);
      continue;
    }
    const base::Millis later = draw.below(2) * draw.below(500);
    Next next(rig, later);
    // Time passes for the one that lives on, too, and nothing else happens.
    View before = rig.view();
    const base::Millis retry_in = before.retry_in;
    rig.now += later;
    before.forced = rig.view().forced;
    before.shut = rig.view().shut;
    before.retry_in = retry_in;
    before.ramp_percent = rig.view().ramp_percent;
    assert_alike(before, next.view(), later);
    assert_int_equal(next.view().ramp_percent, before.ramp_percent);
    assert_none(next.breaker().untold());
    (next.view().state == State::kClosed ? closed : open) += 1;
    // And once more: nothing is lost with the years.
    if (next.view().trips == 0 && next.view().forced == Way::kNone) continue;  // all is over
    Next third(next, 0);
    assert_alike(next.view(), third.view(), 0);
  }
  assert_true(open > 300 && closed > 100);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_never_opened_has_nothing_to_remember),
      cmocka_unit_test(an_open_one_is_still_open_for_as_long_as_it_was_to_be),
      cmocka_unit_test(the_way_back_is_told_as_one),
      cmocka_unit_test(one_whose_time_has_passed_is_due_at_once),
      cmocka_unit_test(one_that_was_being_probed_is_due_at_once),
      cmocka_unit_test(nobody_is_open_for_longer_than_the_options_have_it),
      cmocka_unit_test(no_time_is_too_far_off),
      cmocka_unit_test(who_is_held_is_still_held),
      cmocka_unit_test(a_growing_open_time_goes_on_growing),
      cmocka_unit_test(nonsense_for_doublings_is_bounded),
      cmocka_unit_test(who_has_closed_again_remembers_how_often_it_opened),
      cmocka_unit_test(a_ramp_goes_on),
      cmocka_unit_test(a_ramp_that_is_over_does_not_begin_again),
      cmocka_unit_test(what_an_operator_decided_stands),
      cmocka_unit_test(an_order_that_has_ended_is_none),
      cmocka_unit_test(an_order_over_an_open_one_leaves_it_open),
      cmocka_unit_test(nothing_is_told_again),
      cmocka_unit_test(the_window_and_the_run_begin_anew),
      cmocka_unit_test(marks_differ_where_there_is_something_else_to_say),
      cmocka_unit_test(a_random_life_goes_on_in_the_next),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
