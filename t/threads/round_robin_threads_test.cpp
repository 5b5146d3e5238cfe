// SPDX-License-Identifier: MIT
//
// One turn, drawn by eight at once: the order is strict over all of them together.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <vector>

#include "core/balance/round_robin.h"
#include "crew.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr std::uint32_t kPicks = 280'000;  // each

struct Wheel {
  std::vector<std::atomic<std::uint32_t>> entries;
  std::atomic<std::uint64_t> turn = 0;

  explicit Wheel(const std::vector<std::uint32_t>& order) : entries(order.size()) {
    for (std::size_t i = 0; i < order.size(); ++i) entries[i] = order[i];
  }
  [[nodiscard]] Entries schedule() const {
    return {entries.data(), static_cast<std::uint32_t>(entries.size())};
  }
};

using Counts = std::array<std::atomic<std::uint32_t>, 8>;

void each_turn_is_drawn_once(void**) {
  Wheel wheel({0, 1, 2, 3, 4, 5, 6});
  Counts picked{};
  std::atomic<std::uint32_t> missed = 0;
  run_crew([&](std::size_t) {
    for (std::uint32_t n = 0; n < kPicks; ++n) {
      const auto peer =
          round_robin(wheel.schedule(), wheel.turn, [](std::uint32_t) { return Turn::kTaken; });
      if (peer) {
        ++picked[*peer];
      } else {
        ++missed;
      }
    }
  });
  assert_int_equal(missed, 0);
  assert_int_equal(wheel.turn, kCrew * kPicks);
  for (std::size_t peer = 0; peer < 7; ++peer) assert_int_equal(picked[peer], kCrew * kPicks / 7);
}

void weights_hold_over_all_together(void**) {
  Wheel wheel({0, 0, 1, 0, 2, 0, 0});
  Counts picked{};
  run_crew([&](std::size_t) {
    for (std::uint32_t n = 0; n < kPicks; ++n) {
      ++picked[*round_robin(wheel.schedule(), wheel.turn,
                            [](std::uint32_t) { return Turn::kTaken; })];
    }
  });
  assert_int_equal(picked[0], kCrew * kPicks / 7 * 5);
  assert_int_equal(picked[1], kCrew * kPicks / 7);
  assert_int_equal(picked[2], kCrew * kPicks / 7);
}

// One that can serve is found, though the others draw its turns away.
void nobody_misses_the_only_one_that_serves(void**) {
  Wheel wheel({0, 1, 2, 3, 4, 5, 6, 7});
  std::atomic<std::uint32_t> wrong = 0;
  run_crew([&](std::size_t) {
    for (std::uint32_t n = 0; n < kPicks; ++n) {
      const auto peer = round_robin(wheel.schedule(), wheel.turn, [](std::uint32_t it) {
        return it == 5 ? Turn::kTaken : Turn::kRefused;
      });
      if (peer != 5U) ++wrong;
    }
  });
  assert_int_equal(wrong, 0);
}

// Places are taken by counting, as max_conns are: as many are served as there are places.
void places_are_neither_lost_nor_given_twice(void**) {
  constexpr std::uint32_t kPlaces = 50;
  Wheel wheel({0, 1, 2});
  std::array<std::atomic<std::uint32_t>, 3> taken{};
  std::atomic<std::uint32_t> served = 0;
  run_crew([&](std::size_t) {
    for (std::uint32_t n = 0; n < kPlaces; ++n) {
      const auto peer = round_robin(wheel.schedule(), wheel.turn, [&](std::uint32_t it) {
        std::uint32_t now = taken[it].load();
        while (now < kPlaces) {
          if (taken[it].compare_exchange_weak(now, now + 1)) return Turn::kTaken;
        }
        return Turn::kRefused;
      });
      if (peer) ++served;
    }
  });
  for (const auto& places : taken) assert_int_equal(places, kPlaces);
  assert_int_equal(served, 3 * kPlaces);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_turn_is_drawn_once),
      cmocka_unit_test(weights_hold_over_all_together),
      cmocka_unit_test(nobody_misses_the_only_one_that_serves),
      cmocka_unit_test(places_are_neither_lost_nor_given_twice),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
