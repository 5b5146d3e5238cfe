// SPDX-License-Identifier: MIT
#include "core/balance/least_conn.h"

#include <functional>

#include "board.h"
#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

// Peers of weight 1 with what they truly have in flight, and a board on which it was written once.
struct Crowd {
  explicit Crowd(const Peers& order, std::uint32_t count = 0)
      : list(order),
        board(count == 0 ? static_cast<std::uint32_t>(order.size()) : count),
        in_flight(board.leaves) {
    for (std::uint32_t i = 0; i < board.leaves; ++i) weigh(i);
  }
  // What is written down, whatever is true.
  void write(std::uint32_t peer, std::uint32_t key) { board.set(peer, key); }
  Load weigh(std::uint32_t peer) {
    const Load load{in_flight[peer], 1};
    board.set(peer, has(out, peer) ? Loads::kOut : load.key());
    return load;
  }
  Turn take(std::uint32_t peer, std::uint64_t most) {
    asked.push_back(peer);
    if (before_take) before_take(peer);
    if (has(refuse, peer)) return Turn::kRefused;
    if (has(spare, peer)) return Turn::kSpared;
    if (most != 0 && in_flight[peer] >= most) return Turn::kCrowded;
    ++in_flight[peer];
    weigh(peer);
    return Turn::kTaken;
  }
  std::uint32_t pick() {
    struct Peers {
      Crowd& crowd;
      Load weigh(std::uint32_t peer) { return crowd.weigh(peer); }
      Turn take(std::uint32_t peer, std::uint64_t most) { return crowd.take(peer, most); }
    };
    asked.clear();
    const auto picked = least_conn(list.entries(), turn, board.tournament(), Peers{*this});
    return picked.value_or(kNobody);
  }

  List list;
  Board<std::uint32_t> board;
  std::atomic<std::uint64_t> turn = 0;
  std::vector<std::uint64_t> in_flight;
  Peers refuse;
  Peers spare;
  Peers out;
  Peers asked;
  std::function<void(std::uint32_t)> before_take;
};

void equals_take_turns_in_the_order_of_the_schedule(void**) {
  Crowd crowd({0, 0, 1, 0, 2, 0, 0}, 3);
  for (int round = 0; round < 3; ++round) {
    for (const std::uint32_t expected : {0U, 0U, 1U, 0U, 2U, 0U, 0U}) {
      assert_int_equal(crowd.pick(), expected);
      assert_int_equal(crowd.asked.size(), 1);
      crowd.in_flight.assign(3, 0);
      for (const std::uint32_t peer : {0U, 1U, 2U}) crowd.weigh(peer);
    }
  }
}

void the_least_is_picked_whoevers_turn_it_is(void**) {
  for (std::uint32_t least = 0; least < 100; ++least) {
    Crowd crowd(up_to(100));
    for (std::uint32_t i = 0; i < 100; ++i) crowd.in_flight[i] = i == least ? 2 : 3 + i % 5;
    for (std::uint32_t i = 0; i < 100; ++i) crowd.weigh(i);
    assert_int_equal(crowd.pick(), least);
    assert_true(crowd.asked == Peers{least});
  }
}

// Nobody is left at the end who has two more than another.
void the_board_fills_up_evenly(void**) {
  Crowd crowd(up_to(50));
  for (std::uint32_t i = 0; i < 50; ++i) crowd.in_flight[i] = i % 7;
  for (std::uint32_t i = 0; i < 50; ++i) crowd.weigh(i);
  std::uint64_t missing = 0;
  for (const std::uint64_t had : crowd.in_flight) missing += 9 - had;
  for (std::uint64_t i = 0; i < missing; ++i) assert_true(crowd.pick() != kNobody);
  for (const std::uint64_t has_now : crowd.in_flight) assert_int_equal(has_now, 9);
}

// Written as idle, and busy in truth: found out by the look, and not picked.
void who_is_busier_than_it_seems_is_passed_over(void**) {
  Crowd crowd(up_to(6));
  crowd.in_flight = {4, 4, 4, 1, 4, 4};
  for (std::uint32_t i = 0; i < 6; ++i) crowd.weigh(i);
  for (const std::uint32_t peer : {0U, 2U, 5U}) crowd.write(peer, 0);
  assert_int_equal(crowd.pick(), 3);
}

// Written as busy, or as out, and idle in truth: its own turn tells.
void who_is_idler_than_it_seems_is_found_within_a_round(void**) {
  for (const std::uint32_t seems : {Load{50, 1}.key(), Loads::kOut}) {
    Crowd crowd(up_to(20));
    for (std::uint32_t i = 0; i < 20; ++i) crowd.in_flight[i] = 9;
    for (std::uint32_t i = 0; i < 20; ++i) crowd.weigh(i);
    crowd.in_flight[13] = 0;
    crowd.write(13, seems);
    for (int i = 0; i < 20; ++i) crowd.pick();
    assert_true(crowd.in_flight[13] >= 6);
  }
}

void who_refuses_is_asked_once_and_the_next_least_is_picked(void**) {
  Crowd crowd(up_to(8));
  crowd.in_flight = {9, 0, 1, 2, 3, 9, 9, 9};
  for (std::uint32_t i = 0; i < 8; ++i) crowd.weigh(i);
  crowd.refuse = {1};
  crowd.spare = {2};
  assert_int_equal(crowd.pick(), 3);
  assert_true(crowd.asked == (Peers{1, 2, 3}));
}

// Somebody else was faster: it is looked at again, and is still the least.
void who_was_taken_by_another_is_asked_again_while_it_is_the_least(void**) {
  Crowd crowd(up_to(4));
  crowd.in_flight = {9, 9, 0, 9};
  for (std::uint32_t i = 0; i < 4; ++i) crowd.weigh(i);
  int others = 3;
  crowd.before_take = [&](std::uint32_t peer) {
    if (others-- > 0) ++crowd.in_flight[peer];
  };
  assert_int_equal(crowd.pick(), 2);
  assert_true(crowd.asked == (Peers{2, 2, 2, 2}));
}

// Two that keep getting in each other's way: the least, with one more than wanted, is nearer to it
// than whoever's turn it is.
void who_is_outrun_each_time_takes_the_least_all_the_same(void**) {
  Crowd crowd(up_to(4));
  crowd.in_flight = {100, 100, 0, 100};
  for (std::uint32_t i = 0; i < 4; ++i) crowd.weigh(i);
  crowd.before_take = [&](std::uint32_t peer) { ++crowd.in_flight[peer]; };
  assert_int_equal(crowd.pick(), 2);
  for (const std::uint32_t peer : crowd.asked) assert_int_equal(peer, 2);
}

// A minimum that nobody has, as another leaves it between a leaf and the root.
void a_minimum_that_is_gone_leads_nobody_astray(void**) {
  Crowd crowd(up_to(40));
  for (std::uint32_t i = 0; i < 40; ++i) crowd.in_flight[i] = i == 37 ? 4 : 9;
  for (std::uint32_t i = 0; i < 40; ++i) crowd.weigh(i);
  crowd.board.word(0) = 0;
  assert_int_equal(crowd.pick(), 37);
}

void whoever_is_left_is_found(void**) {
  for (const std::uint32_t count : {1U, 2U, 16U, 17U, 40U, 300U}) {
    for (const std::uint32_t lone : {0U, count / 2, count - 1}) {
      Crowd crowd(up_to(count));
      for (std::uint32_t i = 0; i < count; ++i) {
        if (i != lone) crowd.refuse.push_back(i);
      }
      crowd.in_flight[lone] = 5;  // the last to be looked at
      crowd.weigh(lone);
      assert_int_equal(crowd.pick(), lone);
      // Nobody seems to be had, as where all were full a moment ago.
      for (std::uint32_t i = 0; i < count; ++i) crowd.write(i, Loads::kOut);
      assert_int_equal(crowd.pick(), lone);
    }
  }
}

void where_all_refuse_nobody_is_picked(void**) {
  for (const std::uint32_t count : {0U, 1U, 5U, 100U}) {
    Crowd crowd(up_to(count), std::max(count, 1U));
    crowd.refuse = up_to(count);
    assert_int_equal(crowd.pick(), kNobody);
    for (const std::uint32_t peer : up_to(count)) assert_true(has(crowd.asked, peer));
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(equals_take_turns_in_the_order_of_the_schedule),
      cmocka_unit_test(the_least_is_picked_whoevers_turn_it_is),
      cmocka_unit_test(the_board_fills_up_evenly),
      cmocka_unit_test(who_is_busier_than_it_seems_is_passed_over),
      cmocka_unit_test(who_is_idler_than_it_seems_is_found_within_a_round),
      cmocka_unit_test(who_refuses_is_asked_once_and_the_next_least_is_picked),
      cmocka_unit_test(who_was_taken_by_another_is_asked_again_while_it_is_the_least),
      cmocka_unit_test(who_is_outrun_each_time_takes_the_least_all_the_same),
      cmocka_unit_test(a_minimum_that_is_gone_leads_nobody_astray),
      cmocka_unit_test(whoever_is_left_is_found),
      cmocka_unit_test(where_all_refuse_nobody_is_picked),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
