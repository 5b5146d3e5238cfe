// SPDX-License-Identifier: MIT
//
// One breaker at the moment of its verdict, round after round: who wins, and that nothing is lost.
#include <atomic>
#include <barrier>
#include <cstdint>

#include "core/breaker/breaker.h"
#include "core/breaker/lease.h"
#include "core/breaker/word.h"
#include "crew.h"
#include "shared_breaker.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

// Nothing but failures on a closed breaker: it opens once, whoever reports the last.
void a_trip_has_one_winner(void**) {
  constexpr int kRounds = 500;
  Shared shared({.threshold = 4, .timeout = 1'000'000, .max_timeout = 1'000'000});
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    for (int round = 0; round < kRounds; ++round) {
      const auto pass = breaker.admit(1'000);
      together.arrive_and_wait();
      if (pass) shared.count(breaker.report(*pass, kFailed, 1'000, random).transition);
      together.arrive_and_wait();
      if (i == 0) {
        const Word word = Word::unpack(shared.words.word);
        if (word.state != State::kOpen) shared.stuck = true;
        shared.words.word = Word{.state = State::kClosed, .epoch = word.epoch}.pack();
      }
      together.arrive_and_wait();
    }
  });
  assert_false(shared.stuck);
  assert_int_equal(shared.opened, kRounds);
  assert_int_equal(Word::unpack(shared.words.word).epoch, kRounds);
}

// One answered probe is overdue and all look at once: it is one success, and its place goes to one.
void an_overdue_lease_has_one_heir(void**) {
  constexpr int kRounds = 1'000;
  constexpr base::Instant kNow = 1'000'000;
  Shared shared({.probes = 1, .successes = 2, .probe_timeout = 1'000});
  const base::Owners owners(shared.lives);
  std::atomic<int> granted = 0;
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    for (int round = 0; round < kRounds; ++round) {
      if (i == 0) {
        const auto epoch = static_cast<std::uint32_t>(round);
        granted = 0;
        shared.words.word =
            Word{.state = State::kHalfOpen, .epoch = epoch, .until = kNow - 5'000}.pack();
        shared.words.leases[0] =
            Lease{.owner = {0, 1}, .epoch = epoch, .answered = true, .deadline = kNow}.pack();
      }
      together.arrive_and_wait();
      const Probing probing =
          breaker.probe({static_cast<std::uint32_t>(i), 1}, owners, kNow, random);
      if (probing.pass) ++granted;
      if (probing.transition) ++wrong;
      together.arrive_and_wait();
      if (i == 0) {
        const Word word = Word::unpack(shared.words.word);
        if (granted != 1 || word.state != State::kHalfOpen) ++wrong;
        if (Run::count(shared.words.run, word.epoch) != 1) ++wrong;
      }
      together.arrive_and_wait();
    }
  });
  assert_int_equal(wrong, 0);
}

// The verdict falls while others are taking places: they give them back, or have them and report.
void a_verdict_leaves_no_place_taken(void**) {
  constexpr int kRounds = 1'000;
  constexpr base::Instant kNow = 1'000'000;
  Shared shared({.timeout = 1'000, .max_timeout = 1'000, .probes = kProbesMax});
  const base::Owners owners(shared.lives);
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    const base::Owner self{static_cast<std::uint32_t>(i), 1};
    for (int round = 0; round < kRounds; ++round) {
      if (i == 0) {
        const auto epoch = static_cast<std::uint32_t>(round) * 8;
        shared.words.word =
            Word{.state = State::kHalfOpen, .epoch = epoch, .until = kNow - 1}.pack();
      }
      together.arrive_and_wait();
      const auto pass = breaker.probe(self, owners, kNow, random).pass;
      if (pass) breaker.report(*pass, i % 2 == 0 ? kFailed : kSucceeded, kNow, random);
      together.arrive_and_wait();
      if (i == 0) {
        for (const auto& lease : shared.words.leases) {
          if (lease.load() != 0) ++wrong;
        }
        if (Breaker(shared.words, shared.options, &shared.window).state() == State::kHalfOpen)
          ++wrong;
      }
      together.arrive_and_wait();
    }
  });
  assert_int_equal(wrong, 0);
}

// No failure of a run is lost, however many report at once.
void failures_are_counted_exactly(void**) {
  constexpr int kFailures = 50'000;
  Shared shared({.threshold = 0});
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    for (int n = 0; n < kFailures; ++n) {
      shared.count(breaker.report(*breaker.admit(1'000), kFailed, 1'000, random).transition);
    }
  });
  const base::Owners owners(shared.lives);
  const View view = Breaker(shared.words, shared.options, &shared.window).view(owners, 1'000);
  assert_int_equal(view.consecutive_failures, kCrew * kFailures);
  assert_int_equal(shared.opened, 0);
}

// Nor is one that comes too late, and none of them has a say.
void late_outcomes_are_counted_exactly(void**) {
  constexpr int kLate = 20'000;
  constexpr base::Instant kNow = 1'000'000;
  Shared shared({.threshold = 1, .timeout = 1'000, .max_timeout = 64'000});
  base::Pcg32 dice(99);
  Breaker breaker(shared.words, shared.options, &shared.window);
  const Pass late = *breaker.admit(kNow);
  shared.count(breaker.report(late, kFailed, kNow, dice).transition);
  const std::uint64_t word = shared.words.word;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker mine(shared.words, shared.options, &shared.window);
    for (int n = 0; n < kLate; ++n) {
      shared.count(mine.report(late, n % 2 == 0 ? kFailed : kSucceeded, kNow, random).transition);
    }
  });
  const base::Owners owners(shared.lives);
  const View view = breaker.view(owners, kNow);
  assert_int_equal(view.late, kCrew * kLate);
  assert_int_equal(view.doublings, 0);
  assert_int_equal(view.trips, 1);
  assert_int_equal(shared.opened, 1);
  assert_int_equal(shared.words.word.load(), word);
}

// A rate is reached by one of those who fail together, and opens it for one of them.
void a_trip_by_rate_has_one_winner(void**) {
  constexpr int kRounds = 500;
  constexpr base::Instant kNow = 1'000'000;
  Shared shared({.threshold = 0,
                 .failure_rate_percent = 100,
                 .min_requests = kCrew,
                 .timeout = 1'000'000,
                 .max_timeout = 1'000'000});
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    for (int round = 0; round < kRounds; ++round) {
      const auto pass = breaker.admit(kNow);
      together.arrive_and_wait();
      if (pass) {
        const Report report = breaker.report(*pass, kFailed, kNow, random);
        if (report.transition && report.transition->tally.failures != kCrew) ++wrong;
        shared.count(report.transition);
      }
      together.arrive_and_wait();
      if (i == 0) {
        const Word word = Word::unpack(shared.words.word);
        if (word.state != State::kOpen) ++wrong;
        shared.words.word = Word{.epoch = word.epoch}.pack();
      }
      together.arrive_and_wait();
    }
  });
  assert_int_equal(wrong, 0);
  assert_int_equal(shared.opened, kRounds);
  assert_int_equal(shared.words.late.load(), 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_trip_has_one_winner),
      cmocka_unit_test(an_overdue_lease_has_one_heir),
      cmocka_unit_test(a_verdict_leaves_no_place_taken),
      cmocka_unit_test(failures_are_counted_exactly),
      cmocka_unit_test(late_outcomes_are_counted_exactly),
      cmocka_unit_test(a_trip_by_rate_has_one_winner),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
