// SPDX-License-Identifier: MIT
//
// The peers of one service, of which only so many may be held open, and eight who all want to open
// them at once.
#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/breaker/breaker.h"
#include "crew.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr std::size_t kPeers = 10;
constexpr std::uint32_t kAllowed = 5;
constexpr base::Instant kNow = 1'000'000;
constexpr Judgement kStatus = {.outcome = Outcome::kFailure, .cause = Cause::kStatus};
constexpr Judgement kSucceeded = {.outcome = Outcome::kSuccess};

struct Pool {
  Pool() {
    for (auto& life : lives) life = 1;
  }
  Options options = {.threshold = 1,
                     .timeout = 1,
                     .max_timeout = 1,
                     .jitter_percent = 0,
                     .probe_timeout = 100'000'000,
                     .max_open_percent = 50};
  std::array<Words, kPeers> words{};
  std::array<std::atomic<std::uint32_t>, kCrew> lives;
  std::atomic<std::uint64_t> opened = 0;
  std::atomic<std::uint64_t> refused = 0;
  // Grows after a breaker has opened and falls before it closes: never more than are held.
  std::atomic<int> open = 0;
  std::atomic<int> most_open = 0;

  Breaker breaker(std::size_t peer) { return {words[peer], options}; }
  [[nodiscard]] base::Owners owners() const { return base::Owners(lives); }
  [[nodiscard]] base::Owner owner(std::size_t i) const {
    return {static_cast<std::uint32_t>(i), lives[i].load()};
  }
  std::uint32_t held() {
    std::uint32_t count = 0;
    for (std::size_t i = 0; i < kPeers; ++i) count += breaker(i).held(owners()) ? 1 : 0;
    return count;
  }

  // Fails on a peer, and opens it if that is allowed. Returns the intent that stands then.
  std::optional<Trip> offend(std::size_t peer, std::size_t self, base::Instant now,
                             base::Pcg32& random) {
    Breaker breaker = this->breaker(peer);
    const auto pass = breaker.admit(now);
    if (!pass) return std::nullopt;
    const auto wanted = breaker.report(*pass, kStatus, now, random).wanted;
    if (!wanted || !breaker.intend(*wanted, owner(self), owners())) return std::nullopt;
    if (held() > kAllowed) {
      ++refused;
    } else if (breaker.open(*wanted, now, random)) {
      ++opened;
      const int count = ++open;
      int most = most_open.load();
      while (count > most && !most_open.compare_exchange_weak(most, count)) {
      }
    }
    return wanted;
  }
  // The same, all the way through.
  void trip(std::size_t peer, std::size_t self, base::Instant now, base::Pcg32& random) {
    if (const auto trip = offend(peer, self, now, random)) {
      breaker(peer).withdraw(*trip, owner(self));
    }
  }
  [[nodiscard]] Word word(std::size_t peer) const { return Word::unpack(words[peer].word); }
};

// All at once, on peers of their own and of others: never more than allowed, and in the end as
// many, for whoever was refused by a mere intent asks again.
void a_burst_opens_as_many_as_allowed_and_no_more(void**) {
  constexpr int kRounds = 500;
  Pool pool;
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (int round = 0; round < kRounds; ++round) {
      together.arrive_and_wait();
      for (std::size_t n = 0; n < kPeers; ++n) pool.trip((i + n) % kPeers, i, kNow, random);
      together.arrive_and_wait();
      if (i != 0) continue;
      if (pool.held() > kAllowed) ++wrong;
      for (std::size_t peer = 0; peer < kPeers; ++peer) pool.trip(peer, i, kNow, random);
      if (pool.held() != kAllowed) ++wrong;
      for (Words& words : pool.words) {
        if (words.intent.load() != 0) ++wrong;
        words.word = Word{.epoch = Word::unpack(words.word).epoch + 1}.pack();
      }
      pool.open = 0;
    }
  });
  assert_int_equal(wrong, 0);
  assert_int_equal(pool.opened, std::uint64_t{kRounds} * kAllowed);
  assert_true(pool.refused > kRounds);
}

// Peers heal meanwhile, and workers die between any two steps.
void never_more_are_held_than_allowed(void**) {
  constexpr int kTurns = 20'000;
  Pool pool;
  std::atomic<base::Instant> clock = kNow;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (int turn = 0; turn < kTurns; ++turn) {
      const std::size_t peer = random.below(kPeers);
      const base::Instant now = ++clock;
      if (pool.word(peer).state == State::kClosed) {
        const auto trip = pool.offend(peer, i, now, random);
        if (random.below(10) == 0) {
          pool.lives[i] += 2;  // dead, with its intent left behind
        } else if (trip) {
          pool.breaker(peer).withdraw(*trip, pool.owner(i));
        }
        continue;
      }
      Breaker breaker = pool.breaker(peer);
      const auto probe = breaker.probe(pool.owner(i), pool.owners(), now, random).pass;
      if (!probe) continue;
      --pool.open;
      breaker.report(*probe, kSucceeded, now, random);
    }
  });
  assert_true(pool.most_open <= int{kAllowed});
  assert_true(pool.opened > kTurns / 10);
  assert_true(pool.refused > 0);
  // Whatever was left behind holds no place.
  for (auto& life : pool.lives) life += 2;
  std::uint32_t held = 0;
  for (std::size_t i = 0; i < kPeers; ++i) held += pool.word(i).held ? 1 : 0;
  assert_int_equal(pool.held(), held);
  assert_true(held <= kAllowed);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_burst_opens_as_many_as_allowed_and_no_more),
      cmocka_unit_test(never_more_are_held_than_allowed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
