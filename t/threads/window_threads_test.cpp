// SPDX-License-Identifier: MIT
//
// One window that eight count in at once, from one tenth to the next.
#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstdint>

#include "core/base/random.h"
#include "core/breaker/breaker.h"
#include "core/breaker/window.h"
#include "crew.h"
#include "shared_breaker.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr base::Millis kLength = 1'000;
constexpr base::Millis kSpan = kLength / kBuckets;
constexpr base::Instant kStart = 1'000'000;

// Everybody is in the same tenth, and finds there what is of the window before: each bucket is
// begun anew by one of them while the others count.
void nothing_is_lost_when_a_tenth_begins(void**) {
  constexpr std::uint64_t kTenths = 2'000;
  constexpr std::uint64_t kEach = 10;
  WindowWords words{};
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    Window window(words, kLength, 7);
    for (std::uint64_t tenth = 0; tenth < kTenths; ++tenth) {
      const base::Instant now = kStart + static_cast<base::Instant>(tenth) * kSpan;
      for (std::uint64_t n = 0; n < kEach; ++n) window.add(now, n % 2 == 0, i % 2 == 0);
      together.arrive_and_wait();
      const Tally tally = window.tally(now);
      const std::uint64_t full = std::min<std::uint64_t>(tenth + 1, kBuckets) * kEach * kCrew;
      if (tally.attempts != full || tally.failures * 2 != full || tally.slow * 2 != full) ++wrong;
      together.arrive_and_wait();
    }
  });
  assert_int_equal(wrong, 0);
}

// Nobody waits for the others: some begin a tenth while others still count in the last.
void nothing_is_lost_by_those_who_are_behind(void**) {
  constexpr std::uint64_t kEach = 50'000;
  WindowWords words{};
  // What stands there is of the window before.
  for (unsigned i = 0; i < kBuckets; ++i) {
    Window(words, kLength, 7).add(kStart + (i - kBuckets) * kSpan, true, true);
  }
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> slows = 0;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Window window(words, kLength, 7);
    std::uint64_t failed = 0;
    std::uint64_t slow = 0;
    for (std::uint64_t n = 0; n < kEach; ++n) {
      const bool fails = random.below(3) == 0;
      const bool crawls = random.below(5) == 0;
      window.add(kStart + static_cast<base::Instant>(n * kLength / kEach), fails, crawls);
      failed += fails ? 1 : 0;
      slow += crawls ? 1 : 0;
    }
    failures += failed;
    slows += slow;
  });
  const Tally tally = Window(words, kLength, 7).tally(kStart + kLength - 1);
  assert_int_equal(tally.attempts, kCrew * kEach);
  assert_int_equal(tally.failures, failures.load());
  assert_int_equal(tally.slow, slows.load());
}

// Whenever one looks, the bad ones are among the attempts: also while buckets are begun anew, and
// for those who look from a while ago.
void no_share_exceeds_the_whole(void**) {
  constexpr int kRounds = 20;
  constexpr std::uint64_t kEach = 2'000;
  WindowWords words{};
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    Window window(words, kLength, 7);
    for (int round = 0; round < kRounds; ++round) {
      // All, or none: then nothing but an attempt begins a bucket anew.
      const bool bad = round % 2 == 0;
      for (std::uint64_t n = 0; n < kEach; ++n) {
        const base::Instant now =
            kStart + round * kLength + static_cast<base::Instant>(n * kLength / kEach);
        if (i % 2 == 0) {
          window.add(now, bad, bad);
          continue;
        }
        const Tally tally = window.tally(now);
        if (tally.failures > tally.attempts || tally.slow > tally.attempts) ++wrong;
      }
      together.arrive_and_wait();
    }
  });
  assert_int_equal(wrong, 0);
}

// Every outcome of an epoch is in its window, as long as nothing opens it.
void every_outcome_is_in_the_window(void**) {
  constexpr std::uint64_t kEach = 20'000;
  Shared shared({.threshold = 0, .failure_rate_percent = 100, .window = kLength});
  std::atomic<std::uint64_t> failures = 0;
  std::atomic<std::uint64_t> attempts = 0;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    Breaker breaker(shared.words, shared.options, &shared.window);
    std::uint64_t failed = 0;
    std::uint64_t counted = 0;
    for (std::uint64_t n = 0; n < kEach; ++n) {
      const base::Instant now = kStart + static_cast<base::Instant>(n * kLength / kEach);
      // One success at first, of each: not all are failures.
      const Judgement outcomes[] = {kSucceeded, kNeither, kFailed};
      const Judgement& outcome = n == 0 ? kSucceeded : outcomes[random.below(3)];
      shared.count(breaker.report(*breaker.admit(now), outcome, now, random).transition);
      failed += outcome.outcome == Outcome::kFailure ? 1 : 0;
      counted += outcome.outcome == Outcome::kNeutral ? 0 : 1;
    }
    failures += failed;
    attempts += counted;
  });
  const base::Owners owners(shared.lives);
  const View view =
      Breaker(shared.words, shared.options, &shared.window).view(owners, kStart + kLength - 1);
  assert_int_equal(shared.opened, 0);
  assert_int_equal(view.late, 0);
  assert_int_equal(view.window->attempts, attempts.load());
  assert_int_equal(view.window->failures, failures.load());
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_lost_when_a_tenth_begins),
      cmocka_unit_test(nothing_is_lost_by_those_who_are_behind),
      cmocka_unit_test(no_share_exceeds_the_whole),
      cmocka_unit_test(every_outcome_is_in_the_window),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
