// SPDX-License-Identifier: MIT
//
// One breaker, worked on by eight at once: what holds whatever the interleaving.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <limits>
#include <optional>
#include <thread>

#include "core/breaker/breaker.h"
#include "core/breaker/lease.h"
#include "core/breaker/word.h"
#include "crew.h"
#include "shared_breaker.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

// A clock as workers have it: each has read it a while ago, some longer ago than others. It goes
// on by being read, and nobody falls behind it by more than kLag.
class Clock {
 public:
  static constexpr base::Millis kLag = 20;

  base::Instant read(std::size_t reader) {
    base::Instant now = now_.load();
    base::Instant slowest = std::numeric_limits<base::Instant>::max();
    for (const auto& seen : seen_) slowest = std::min(slowest, seen.load());
    if (now < slowest + kLag) now_.compare_exchange_strong(now, now + 1);
    now = now_.load();
    seen_[reader] = now;
    return now;
  }
  // The others wait for this one no longer.
  void leave(std::size_t reader) { seen_[reader] = std::numeric_limits<base::Instant>::max() / 2; }

 private:
  static constexpr base::Instant kStart = 1'000'000;
  std::atomic<base::Instant> now_ = kStart;
  std::array<std::atomic<base::Instant>, kCrew> seen_ = {kStart, kStart, kStart, kStart,
                                                         kStart, kStart, kStart, kStart};
};

// And the probes that are in flight.
struct Workplace : Shared {
  using Shared::Shared;
  Clock clock;
  std::atomic<std::uint32_t> in_flight = 0;
  std::atomic<std::uint32_t> most_in_flight = 0;
  std::atomic<std::uint64_t> probes = 0;

  // While a pass is held.
  void hold() {
    const std::uint32_t now = ++in_flight;
    std::uint32_t most = most_in_flight.load();
    while (now > most && !most_in_flight.compare_exchange_weak(most, now)) {
    }
    ++probes;
  }
  void let_go() { --in_flight; }
};

Judgement some_outcome(base::Pcg32& random) {
  switch (random.below(5)) {
    case 0:
      return kNeither;
    case 1:
    case 2:
      return kFailed;
    default:
      return kSucceeded;
  }
}

struct Habits {
  bool dies = false;        // now and then, with a probe in flight
  bool answers = false;     // now and then, before it reports
  bool dawdles = false;     // now and then, until its lease may be overdue
  base::Millis behind = 0;  // how far its clock is behind those of the others
};

constexpr int kAttempts = 1'000;

void work(Workplace& shared, std::size_t i, Habits habits) {
  const auto slot = static_cast<std::uint32_t>(i);
  base::Pcg32 random(slot);
  const base::Owners owners(shared.lives);
  Breaker breaker(shared.words, shared.options);
  const Patience patience;
  int attempts = 0;
  while (attempts < kAttempts) {
    if (patience.over()) {
      shared.stuck = true;
      break;
    }
    const base::Instant now = shared.clock.read(i) - habits.behind;
    std::optional<Pass> pass = breaker.admit(now);
    if (!pass) {
      const base::Owner self{slot, shared.lives[i].load()};
      const Probing probing = breaker.probe(self, owners, now, random);
      shared.count(probing.transition);
      pass = probing.pass;
      if (!pass) {
        std::this_thread::yield();
        continue;
      }
      shared.hold();
    }
    ++attempts;
    if (random.below(8) == 0) std::this_thread::yield();
    if (habits.dawdles && random.below(4) == 0) {
      for (int step = 0; step < 50; ++step) shared.clock.read(i);
    }
    if (habits.answers && random.below(2) == 0)
      breaker.answered(*pass, shared.clock.read(i) - habits.behind);
    const bool probe = pass->probe();
    if (probe) shared.let_go();
    if (probe && habits.dies && random.below(3) == 0) {
      shared.lives[i] += 2;
      continue;
    }
    const base::Instant end = shared.clock.read(i) - habits.behind;
    shared.count(breaker.report(*pass, some_outcome(random), end, random).transition);
  }
  shared.clock.leave(i);
}

// Each change of the word was told exactly once, to one of the eight.
void expect_each_change_told_once(const Workplace& shared) {
  assert_false(shared.stuck);
  assert_int_equal(shared.nonsense, 0);
  const Word word = Word::unpack(shared.words.word);
  const std::uint64_t told = shared.opened + shared.reopened + shared.half_opened + shared.closed;
  assert_true(told < Word::kEpochMask);
  assert_int_equal(told, word.epoch);
  assert_int_equal(shared.opened + shared.reopened, shared.words.trips.load());
  // They make a walk through the states that ends in the one it is in.
  const bool is_closed = word.state == State::kClosed;
  const bool is_half_open = word.state == State::kHalfOpen;
  assert_int_equal(shared.opened, shared.closed + (is_closed ? 0 : 1));
  assert_int_equal(shared.half_opened, shared.closed + shared.reopened + (is_half_open ? 1 : 0));
  // The test would prove little if nothing had happened.
  assert_true(shared.opened > 20);
  assert_true(shared.probes > 20);
}

// No lease may come to its deadline: only then is one in flight more than was granted.
constexpr base::Millis kNeverOverdue = 100'000'000;

void never_more_probes_than_configured(void**) {
  for (const std::uint32_t probes : {1U, 3U}) {
    Workplace shared({.threshold = 3,
                      .timeout = 25,
                      .max_timeout = 60,
                      .probes = probes,
                      .successes = 2,
                      .probe_timeout = kNeverOverdue});
    run_crew([&](std::size_t i) { work(shared, i, {.answers = true}); });
    assert_true(shared.most_in_flight <= probes);
    assert_int_equal(shared.in_flight, 0);
    for (const auto& lease : shared.words.leases) assert_int_equal(lease.load(), 0);
    expect_each_change_told_once(shared);
  }
}

// Workers that are killed with probes in flight leave no place taken, and no verdict.
void places_survive_their_owners(void**) {
  Workplace shared({.threshold = 3,
                    .timeout = 25,
                    .max_timeout = 25,
                    .probes = 2,
                    .successes = 2,
                    .probe_timeout = kNeverOverdue});
  run_crew([&](std::size_t i) { work(shared, i, {.dies = true, .answers = true}); });
  assert_true(shared.most_in_flight <= 2);
  expect_each_change_told_once(shared);
  // What is left are orphans, and those are no more than a look away from being free.
  Breaker breaker(shared.words, shared.options);
  for (auto& life : shared.lives) life += 2;
  const base::Owners owners(shared.lives);
  assert_int_equal(breaker.view(owners, 0).probes_in_flight, 0);
}

// Leases that run out are judged by whoever comes by, in a race with their own late reports. Half
// of the workers have clocks that are behind by more than a lease's time, and by less than the
// timeout: beyond that, a breaker might reopen in what is another's past.
void overdue_leases_are_judged_once(void**) {
  Workplace shared({.threshold = 3,
                    .timeout = 60,
                    .max_timeout = 120,
                    .probes = 3,
                    .successes = 2,
                    .probe_timeout = 25});
  run_crew([&](std::size_t i) {
    work(shared, i, {.answers = true, .dawdles = true, .behind = i % 2 == 0 ? 0 : 30});
  });
  for (const auto& lease : shared.words.leases) assert_int_equal(lease.load(), 0);
  expect_each_change_told_once(shared);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(never_more_probes_than_configured),
      cmocka_unit_test(places_survive_their_owners),
      cmocka_unit_test(overdue_leases_are_judged_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
