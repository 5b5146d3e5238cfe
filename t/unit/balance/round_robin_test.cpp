// SPDX-License-Identifier: MIT
#include "core/balance/round_robin.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

using Peers = std::vector<std::uint32_t>;

// A schedule, its turn, and what was asked.
struct Wheel {
  explicit Wheel(const Peers& order) : entries(order.size()) {
    for (std::size_t i = 0; i < order.size(); ++i) entries[i] = order[i];
  }
  std::vector<std::atomic<std::uint32_t>> entries;
  std::atomic<std::uint64_t> turn = 0;
  Peers asked;

  std::optional<std::uint32_t> pick(const Peers& refused = {}) {
    asked.clear();
    return round_robin({entries.data(), static_cast<std::uint32_t>(entries.size())}, turn,
                       [&](std::uint32_t peer) {
                         asked.push_back(peer);
                         return std::ranges::find(refused, peer) == refused.end() ? Turn::kTaken
                                                                                  : Turn::kRefused;
                       });
  }
};

Peers numbers(std::uint32_t count) {
  Peers result(count);
  std::iota(result.begin(), result.end(), 0U);
  return result;
}

void turns_follow_the_schedule(void**) {
  Wheel wheel({0, 0, 1, 0, 2, 0, 0});
  for (int period = 0; period < 3; ++period) {
    for (const std::uint32_t expected : {0U, 0U, 1U, 0U, 2U, 0U, 0U}) {
      assert_int_equal(wheel.pick().value_or(99), expected);
      assert_int_equal(wheel.asked.size(), 1);
    }
  }
  assert_int_equal(wheel.turn.load(), 21);
}

void a_turn_may_be_as_large_as_it_gets(void**) {
  Wheel wheel({0, 1, 2});
  wheel.turn = 1ULL << 32U;  // leaves a remainder of 1, and its low bits none
  assert_int_equal(wheel.pick().value_or(99), 1);
  assert_int_equal(wheel.pick({2}).value_or(99), 0);
  wheel.turn = 1ULL << 32U;
  assert_false(wheel.pick({0, 1, 2}).has_value());
  assert_true(wheel.asked == (Peers{1, 2, 0, 1, 2, 0}));
}

void nobody_is_picked_from_nobody(void**) {
  Wheel wheel({});
  assert_false(wheel.pick().has_value());
  assert_true(wheel.asked.empty());
  assert_int_equal(wheel.turn.load(), 0);
}

// Not to its neighbour.
void the_share_of_a_peer_that_refuses_is_spread_over_the_others(void**) {
  for (const std::uint32_t refused : {0U, 1U, 2U}) {
    Wheel wheel({0, 1, 2});
    std::map<std::uint32_t, int> picks;
    for (int i = 0; i < 1'000; ++i) ++picks[wheel.pick({refused}).value_or(99)];
    assert_int_equal(picks.size(), 2);
    for (const auto& [peer, times] : picks) {
      assert_int_not_equal(peer, refused);
      assert_int_equal(times, 500);
    }
  }
}

void the_others_keep_their_weights_among_themselves(void**) {
  // 4, 2, 1
  Wheel wheel({0, 1, 0, 2, 0, 1, 0});
  std::map<std::uint32_t, int> picks;
  for (int i = 0; i < 600; ++i) ++picks[wheel.pick({0}).value_or(99)];
  assert_int_equal(picks[1], 400);
  assert_int_equal(picks[2], 200);
}

void a_turn_that_is_refused_is_used_up(void**) {
  Wheel wheel({0, 1, 2});
  assert_int_equal(wheel.pick({0}).value_or(99), 1);
  assert_true(wheel.asked == (Peers{0, 1}));
  assert_int_equal(wheel.turn.load(), 2);
  assert_int_equal(wheel.pick().value_or(99), 2);
}

void where_all_refuse_everybody_was_asked(void**) {
  for (const std::uint32_t peers : {1U, 2U, 3U, 15U, 16U, 17U, 100U, 1'000U}) {
    for (const std::uint64_t turn : {0ULL, 7ULL, 12'345ULL}) {
      Wheel wheel(numbers(peers));
      wheel.turn = turn;
      const Peers all = numbers(peers);
      assert_false(wheel.pick(all).has_value());
      // The turns that are drawn, and then the whole schedule once.
      assert_int_equal(wheel.asked.size(), std::min(peers, kDraws) + peers);
      assert_int_equal(wheel.turn.load(), turn + std::min(peers, kDraws));
      std::sort(wheel.asked.begin(), wheel.asked.end());
      wheel.asked.erase(std::unique(wheel.asked.begin(), wheel.asked.end()), wheel.asked.end());
      assert_true(wheel.asked == all);
    }
  }
}

void turns_are_drawn_so_often_and_then_read_on(void**) {
  Wheel wheel(numbers(100));
  // The last that is drawn.
  assert_int_equal(wheel.pick(numbers(kDraws - 1)).value_or(999), kDraws - 1);
  assert_int_equal(wheel.turn.load(), kDraws);
  // The first beyond: found by reading on, which takes no turn from anybody.
  wheel.turn = 0;
  assert_int_equal(wheel.pick(numbers(kDraws)).value_or(999), kDraws);
  assert_int_equal(wheel.turn.load(), kDraws);
  assert_int_equal(wheel.pick().value_or(999), kDraws);
  // The last of all.
  wheel.turn = 0;
  assert_int_equal(wheel.pick(numbers(99)).value_or(999), 99);
  assert_int_equal(wheel.asked.size(), 100);
}

void a_short_schedule_is_drawn_once_around(void**) {
  Wheel wheel({0, 1});
  assert_false(wheel.pick({0, 1}).has_value());
  assert_int_equal(wheel.turn.load(), 2);
  assert_true(wheel.asked == (Peers{0, 1, 0, 1}));
}

// Others draw, too: the turns that fall to this request may be those of one and the same peer.
void who_could_serve_is_found_whatever_others_draw(void**) {
  Wheel wheel({0, 1, 2});
  std::vector<std::uint32_t> asked;
  const auto picked = round_robin({wheel.entries.data(), 3}, wheel.turn, [&](std::uint32_t peer) {
    asked.push_back(peer);
    if (asked.size() <= 3) wheel.turn += 2;  // two others, between any two of our draws
    return peer == 2 ? Turn::kTaken : Turn::kRefused;
  });
  assert_true(asked == (Peers{0, 0, 0, 1, 2}));
  assert_int_equal(picked.value_or(99), 2);
}

void the_last_entry_may_be_the_only_one_that_serves(void**) {
  Peers order(500, 0);
  order.back() = 1;
  Wheel wheel(order);
  for (const std::uint64_t turn : {0ULL, 1ULL, 250ULL, 499ULL}) {
    wheel.turn = turn;
    assert_int_equal(wheel.pick({0}).value_or(99), 1);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(turns_follow_the_schedule),
      cmocka_unit_test(a_turn_may_be_as_large_as_it_gets),
      cmocka_unit_test(nobody_is_picked_from_nobody),
      cmocka_unit_test(the_share_of_a_peer_that_refuses_is_spread_over_the_others),
      cmocka_unit_test(the_others_keep_their_weights_among_themselves),
      cmocka_unit_test(a_turn_that_is_refused_is_used_up),
      cmocka_unit_test(where_all_refuse_everybody_was_asked),
      cmocka_unit_test(turns_are_drawn_so_often_and_then_read_on),
      cmocka_unit_test(a_short_schedule_is_drawn_once_around),
      cmocka_unit_test(who_could_serve_is_found_whatever_others_draw),
      cmocka_unit_test(the_last_entry_may_be_the_only_one_that_serves),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
