// SPDX-License-Identifier: MIT
//
// What opens a breaker: failures in a row, the failure rate, the slow rate.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

// In a row.

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

// Failures with a cap on how many may be held open are of intent_test.cpp, and those of a peer that
// is coming back of ramp_test.cpp.

// The failure rate.

struct Rated : Rig {
  Rated(std::uint32_t percent, std::uint32_t min_requests) {
    options.threshold = 0;
    options.failure_rate_percent = percent;
    options.min_requests = min_requests;
  }
};

void it_opens_at_the_failure_rate_and_not_below(void**) {
  struct {
    std::uint32_t percent;
    int successes;
    int failures;  // of which the last opens it
  } const rows[] = {
      {50, 10, 10}, {50, 50, 50}, {1, 99, 1},   {1, 198, 2},  {100, 0, 20},
      {33, 67, 33}, {33, 2, 1},   {34, 66, 34}, {80, 20, 80},
  };
  for (const auto& row : rows) {
    const auto total = static_cast<std::uint32_t>(row.successes + row.failures);
    Rated rig(row.percent, total);
    rig.attempts(row.successes, kSucceeded);
    rig.attempts(row.failures - 1, kStatus503);
    const Transition transition = told(rig.attempt(kStatus503));
    assert_true(transition.reason == Reason::kFailureRate);
    assert_int_equal(transition.tally.attempts, total);
    assert_int_equal(transition.tally.failures, row.failures);
    assert_int_equal(transition.window, 10'000);
    assert_true(transition.last == Cause::kStatus);
    assert_int_equal(transition.number, 503);
    // With one success in the place of a failure it does not.
    Rated below(row.percent, total);
    below.attempts(row.successes + 1, kSucceeded);
    below.attempts(row.failures - 1, kStatus503);
    assert_true(below.state() == State::kClosed);
  }
}

void it_takes_the_minimum_of_requests(void**) {
  for (const std::uint32_t least : {1U, 2U, 20U, 1'000U}) {
    Rated rig(50, least);
    rig.attempts(static_cast<int>(least) - 1, kStatus503);
    assert_true(told(rig.attempt(kStatus503)).reason == Reason::kFailureRate);
  }
}

// A success may bring the minimum about; only a failure opens it.
void a_success_never_opens_it(void**) {
  Rated rig(50, 20);
  rig.attempts(19, kStatus503);
  rig.attempts(10, kSucceeded);
  assert_true(rig.state() == State::kClosed);
  assert_some(rig.attempt(kStatus503));
  // Nor does a slow one, where few are.
  Rated slow(50, 20);
  slow.options.slow = 1'000;
  slow.attempts(19, kStatus503);
  slow.attempts(1, kSlow);
  slow.attempts(1, kCensored);
  assert_some(slow.attempt(kStatus503));
}

void neutral_ends_are_no_attempts(void**) {
  for (const Judgement& judgement : {kNeither, kLimited, kCorrelated}) {
    Rated rig(50, 20);
    rig.attempts(19, kStatus503);
    rig.attempts(1'000, judgement);
    assert_int_equal(rig.tally().attempts, 19);
    assert_int_equal(told(rig.attempt(kStatus503)).tally.attempts, 20);
  }
}

void what_is_older_than_the_window_has_no_say(void**) {
  Rated rig(50, 20);
  rig.attempts(19, kStatus503);
  rig.now += 10'000;
  rig.attempts(19, kStatus503);  // 38 altogether
  assert_int_equal(rig.tally().attempts, 19);
  assert_int_equal(told(rig.attempt(kStatus503)).tally.attempts, 20);
}

void a_closed_breaker_begins_with_an_empty_window(void**) {
  Rated rig(50, 20);
  rig.options.threshold = 3;
  rig.options.timeout = rig.options.max_timeout = 1;
  rig.recover();
  assert_int_equal(rig.tally().attempts, 0);
  rig.options.threshold = 0;
  rig.attempts(19, kStatus503);
  assert_some(rig.attempt(kStatus503));
}

void the_run_comes_first_where_both_would_open_it(void**) {
  Rated rig(50, 20);
  rig.options.threshold = 20;
  rig.attempts(19, kStatus503);
  assert_true(told(rig.attempt(kStatus503)).reason == Reason::kConsecutive);
}

void a_rate_of_0_never_opens_it(void**) {
  Rated rig(0, 1);
  rig.attempts(10'000, kStatus503);
  assert_true(rig.state() == State::kClosed);
}

// A breaker without a rate costs a healthy peer nothing.
void the_window_is_counted_only_where_something_asks_for_it(void**) {
  const auto counts = [](const Options& options) {
    Rig rig;
    rig.options = options;
    rig.attempts(1, kSucceeded);
    assert_int_equal(rig.view().window.has_value(),
                     options.failure_rate_percent != 0 || options.slow != 0);
    return rig.tally().attempts == 1;
  };
  assert_false(counts({}));
  assert_true(counts({.failure_rate_percent = 50}));
  assert_true(counts({.slow = 1'000}));
  assert_true(counts({.max_timeout = 30'001}));  // doublings fall by it
}

// The slow rate.

struct SlowRated : Rated {
  SlowRated(std::uint32_t percent, std::uint32_t min_requests) : Rated(0, min_requests) {
    options.slow = 1'000;
    options.slow_rate_percent = percent;
  }
};

void it_opens_at_the_slow_rate_and_not_below(void**) {
  for (const Judgement& judgement : {kSlow, kCensored}) {
    SlowRated rig(80, 20);
    rig.attempts(5, kSucceeded);
    rig.attempts(19, judgement);  // of 24: 79 %
    const Transition transition = told(rig.attempt(judgement));
    assert_true(transition.reason == Reason::kSlowRate);
    assert_int_equal(transition.tally.attempts, 25);
    assert_int_equal(transition.tally.slow, 20);
    assert_int_equal(transition.tally.failures, 0);
    assert_int_equal(transition.window, 10'000);
    assert_int_equal(transition.slow, 1'000);
    assert_true(rig.word().held);
  }
}

void the_slow_rate_takes_the_minimum_of_requests(void**) {
  SlowRated rig(100, 20);
  rig.attempts(19, kSlow);
  assert_true(told(rig.attempt(kSlow)).last == Cause::kSlow);
}

void only_a_slow_attempt_opens_it_for_slowness(void**) {
  SlowRated rig(50, 20);
  rig.attempts(19, kSlow);
  rig.attempts(10, kSucceeded);
  rig.attempts(5, kStatus503);  // 19 of 34 are slow
  assert_true(told(rig.attempt(kSlow)).reason == Reason::kSlowRate);
}

void a_failure_may_be_slow_as_well(void**) {
  constexpr Judgement kSlowFailure = {
      .outcome = Outcome::kFailure, .cause = Cause::kResponseTimeout, .slow = true};
  SlowRated rig(100, 20);
  rig.attempts(19, kSlowFailure);
  assert_int_equal(rig.tally().failures, 19);
  assert_int_equal(rig.tally().slow, 19);
  const Transition transition = told(rig.attempt(kSlowFailure));
  assert_true(transition.reason == Reason::kSlowRate);
  assert_true(transition.last == Cause::kResponseTimeout);
  // The hard one comes first.
  SlowRated both(100, 20);
  both.options.failure_rate_percent = 100;
  both.attempts(19, kSlowFailure);
  assert_true(told(both.attempt(kSlowFailure)).reason == Reason::kFailureRate);
}

void a_slow_success_ends_the_run_of_failures(void**) {
  SlowRated rig(100, 1'000);
  rig.options.threshold = 3;
  for (int i = 0; i < 10; ++i) {
    rig.attempts(2, kRefused);
    rig.attempts(1, kSlow);
  }
  rig.attempts(2, kRefused);
  rig.attempts(1, kCensored);  // which does not
  assert_true(told(rig.attempt(kRefused)).reason == Reason::kConsecutive);
}

// As a process does that knows the peer from a time before anybody asked for a window.
void without_a_window_nothing_is_counted_in_it(void**) {
  Rig rig;
  rig.options.failure_rate_percent = 1;
  rig.options.min_requests = 1;
  rig.options.max_timeout = 2 * rig.options.timeout;
  rig.words.doublings = 1;
  rig.now += rig.options.window;
  Breaker bare(rig.words, rig.options);
  const auto attempt = [&](const Judgement& judgement) {
    return bare.report(*bare.admit(rig.now), judgement, rig.now, rig.random).transition;
  };
  assert_none(attempt(kSucceeded));
  for (std::uint32_t i = 1; i < rig.options.threshold; ++i) assert_none(attempt(kRefused));
  assert_int_equal(bare.view(rig.owners(), rig.now).window->attempts, 0);
  assert_int_equal(rig.tally().attempts, 0);
  assert_int_equal(rig.words.doublings.load(), 1);
  const Transition opened = told(attempt(kRefused));
  assert_true(opened.reason == Reason::kConsecutive);
  assert_int_equal(opened.tally.attempts, 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_opens_at_the_threshold_and_not_before),
      cmocka_unit_test(a_success_ends_the_run_of_failures),
      cmocka_unit_test(a_neutral_outcome_neither_lengthens_nor_ends_the_run),
      cmocka_unit_test(a_success_with_nothing_to_forget_writes_nothing),
      cmocka_unit_test(threshold_0_never_opens),
      cmocka_unit_test(it_opens_at_the_failure_rate_and_not_below),
      cmocka_unit_test(it_takes_the_minimum_of_requests),
      cmocka_unit_test(a_success_never_opens_it),
      cmocka_unit_test(neutral_ends_are_no_attempts),
      cmocka_unit_test(what_is_older_than_the_window_has_no_say),
      cmocka_unit_test(a_closed_breaker_begins_with_an_empty_window),
      cmocka_unit_test(the_run_comes_first_where_both_would_open_it),
      cmocka_unit_test(a_rate_of_0_never_opens_it),
      cmocka_unit_test(the_window_is_counted_only_where_something_asks_for_it),
      cmocka_unit_test(without_a_window_nothing_is_counted_in_it),
      cmocka_unit_test(it_opens_at_the_slow_rate_and_not_below),
      cmocka_unit_test(the_slow_rate_takes_the_minimum_of_requests),
      cmocka_unit_test(only_a_slow_attempt_opens_it_for_slowness),
      cmocka_unit_test(a_failure_may_be_slow_as_well),
      cmocka_unit_test(a_slow_success_ends_the_run_of_failures),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
