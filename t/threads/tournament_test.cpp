// SPDX-License-Identifier: MIT
//
// One tournament that eight work on at once: when they pause, every word of it is right.
#include "core/balance/tournament.h"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/base/random.h"
#include "crew.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr std::uint32_t kPeers = 1'100;  // three levels
constexpr std::uint32_t kSome = 1'000;   // what a counter stands at where nothing happens

// What is counted elsewhere, and the tournament over it. The counters order nothing by themselves.
template <class Key>
struct Field {
  Field() {
    for (auto& counter : counters) counter = kSome;
    tournament().rebuild([&](std::uint32_t peer) { return read(peer); });
  }
  std::vector<std::atomic<std::uint32_t>> counters =
      std::vector<std::atomic<std::uint32_t>>(kPeers);
  std::vector<std::atomic<Key>> words =
      std::vector<std::atomic<Key>>(Tournament<Key>::keys(kPeers));

  Tournament<Key> tournament() { return {words.data(), kPeers}; }
  [[nodiscard]] Key read(std::uint32_t peer) const {
    return static_cast<Key>(counters[peer].load(std::memory_order_relaxed));
  }
  void update(std::uint32_t peer) {
    tournament().update(peer, [&] { return read(peer); });
  }
  void change(std::uint32_t peer, bool up) {
    counters[peer].fetch_add(up ? 1U : ~0U, std::memory_order_relaxed);
    update(peer);
  }
  std::vector<Key> image() {
    std::vector<Key> result;
    for (const auto& word : words) result.push_back(word);
    return result;
  }

  // While nobody works on it. The least that would be found is compared with a walk over all, and
  // the parents with what they would be if they were computed now.
  bool exact() {
    Key least = Tournament<Key>::kOut;
    for (std::uint32_t peer = 0; peer < kPeers; ++peer) {
      if (tournament().key(peer) != read(peer)) return false;
      least = std::min(least, read(peer));
    }
    if (tournament().min() != least) return false;
    const auto before = image();
    tournament().rebuild([&](std::uint32_t peer) { return read(peer); });
    return image() == before;
  }
};

// Peers that have one parent, and one far away.
std::uint32_t hot_peer(base::Pcg32& random) {
  constexpr std::uint32_t kHot[] = {64, 65, 1'099};
  return kHot[random.below(3)];
}

// All change the same few, which are the least of all: each change concerns the root. The fewer
// there are in a round, the likelier a mistake is the last word.
template <class Key>
void pauses_find_it_exact() {
  constexpr int kRounds = 2'000;
  constexpr std::size_t kChanges = 6;  // each, of which half go up
  Field<Key> field;
  for (const std::uint32_t hot : {64U, 65U, 1'099U}) {
    field.counters[hot] = kSome / 2;
    field.update(hot);
  }
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (int round = 0; round < kRounds; ++round) {
      together.arrive_and_wait();
      for (std::size_t n = 0; n < kChanges; ++n) field.change(hot_peer(random), (n + i) % 2 == 0);
      together.arrive_and_wait();
      if (i == 0 && !field.exact()) ++wrong;
    }
  });
  assert_int_equal(wrong, 0);
}

void loads_are_exact_when_all_pause(void**) {
  pauses_find_it_exact<std::uint32_t>();
}
void times_are_exact_when_all_pause(void**) {
  pauses_find_it_exact<std::int64_t>();
}

// Two who change neighbours at the same moment, as often as two seconds allow: what stands above
// both is the work of whoever came last, and neither may take old news for the last word.
void two_neighbours_agree_on_their_parent(void**) {
  Field<std::uint32_t> field;
  std::atomic<std::uint32_t> arrived = 0;
  std::atomic<std::uint32_t> wrong = 0;
  std::atomic<bool> stuck = false;
  std::atomic<bool> enough = false;
  const Patience patience;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  const auto meet = [&](std::uint32_t times) {  // closer than a barrier brings them together
    ++arrived;
    for (std::uint32_t spins = 1; arrived.load() < 2 * times && !stuck; ++spins) {
      if (spins % 100 != 0) continue;
      std::this_thread::yield();
      if (patience.over()) stuck = true;
    }
  };
  run_crew([&](std::size_t i) {
    if (i >= 2) return;
    base::Pcg32 random(i);
    const auto mine = static_cast<std::uint32_t>(64 + i);
    for (std::uint32_t round = 0; !enough && !stuck; ++round) {
      const std::uint32_t key = random.below(4);
      const std::uint32_t delay = random.below(30);
      meet(2 * round + 1);
      for (std::atomic<std::uint32_t> n = 0; n < delay; ++n) {
      }
      field.counters[mine].store(key, std::memory_order_relaxed);
      field.update(mine);
      if (i == 0 && std::chrono::steady_clock::now() > end) enough = true;
      meet(2 * round + 2);
      if (field.tournament().min() != std::min(field.read(64), field.read(65))) ++wrong;
    }
  });
  assert_false(stuck);
  assert_int_equal(wrong, 0);
  assert_true(field.exact());
}

// Raised and lowered as requests come and go: in the end nothing is left of them.
void what_goes_up_and_down_leaves_nothing(void**) {
  constexpr int kRequests = 30'000;
  Field<std::uint32_t> field;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (int n = 0; n < kRequests; ++n) {
      const std::uint32_t peer = random.below(8) == 0 ? random.below(kPeers) : hot_peer(random);
      field.change(peer, true);
      field.change(peer, false);
    }
  });
  for (const auto& counter : field.counters) assert_int_equal(counter.load(), kSome);
  assert_true(field.exact());
  assert_int_equal(field.tournament().min(), kSome);
}

// The least of all stands still while everything around it moves, its own group too.
void nobody_misses_the_one_that_stands_still(void**) {
  constexpr std::size_t kTurns = 30'000;
  constexpr std::uint32_t kStill = 70;
  Field<std::uint32_t> field;
  field.counters[kStill] = 1;
  field.update(kStill);
  std::atomic<int> wrong = 0;
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (std::size_t n = 0; n < kTurns; ++n) {
      field.change(hot_peer(random), (n + i) % 2 == 0);
      if (field.tournament().min() != 1) ++wrong;
      if (field.tournament().next(random.below(kPeers), 1) != kStill) ++wrong;
    }
  });
  assert_int_equal(wrong, 0);
  assert_true(field.exact());
}

// Two build anew while the others go on.
void a_rebuild_loses_no_update(void**) {
  constexpr int kRounds = 300;
  Field<std::uint32_t> field;
  std::atomic<int> wrong = 0;
  std::barrier together(static_cast<std::ptrdiff_t>(kCrew));
  run_crew([&](std::size_t i) {
    base::Pcg32 random(i);
    for (int round = 0; round < kRounds; ++round) {
      together.arrive_and_wait();
      if (i < 2) {
        field.tournament().rebuild([&](std::uint32_t peer) { return field.read(peer); });
      } else {
        for (std::size_t n = 0; n < 50; ++n) field.change(hot_peer(random), (n + i) % 2 == 0);
      }
      together.arrive_and_wait();
      if (i == 0 && !field.exact()) ++wrong;
    }
  });
  assert_int_equal(wrong, 0);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(loads_are_exact_when_all_pause),
      cmocka_unit_test(times_are_exact_when_all_pause),
      cmocka_unit_test(two_neighbours_agree_on_their_parent),
      cmocka_unit_test(what_goes_up_and_down_leaves_nothing),
      cmocka_unit_test(nobody_misses_the_one_that_stands_still),
      cmocka_unit_test(a_rebuild_loses_no_update),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
