// SPDX-License-Identifier: MIT
#include "core/balance/tournament.h"

#include <algorithm>
#include <cstdint>

#include "board.h"
#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

template <class Key>
Key some_key(base::Pcg32& random) {
  switch (random.below(4)) {
    case 0:
      return Tournament<Key>::kOut;
    case 1:  // few of them are as low
      return Key{random.below(5)};
    default:
      return Key{random.below(1'000'000)} + 100;
  }
}

template <class Key>
void compare_with_a_walk(std::uint32_t leaves, bool few) {
  base::Pcg32 random(leaves);
  Board<Key> board(leaves);
  assert_true(board.tournament().min() == Tournament<Key>::kOut);
  for (int i = 0; i < 400; ++i) {
    const std::uint32_t leaf = random.below(leaves);
    // Few: most peers are not in the contest, so that searches have far to go.
    board.set(leaf, few && i % 8 != 0 ? Tournament<Key>::kOut : some_key<Key>(random));
    assert_true(board.tournament().key(leaf) == board.truth[leaf]);
    assert_true(board.tournament().min() == board.least());
    const std::uint32_t from = random.below(leaves);
    for (const Key bound : {some_key<Key>(random), board.least(), Key{0}}) {
      assert_true(board.next(from, bound) == board.walk(from, bound));
    }
  }
  for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) {
    assert_true(board.tournament().key(leaf) == board.truth[leaf]);
    board.truth[leaf] = some_key<Key>(random);
  }
  board.rebuild();
  assert_true(board.tournament().min() == board.least());
  for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) {
    assert_true(board.tournament().key(leaf) == board.truth[leaf]);
  }
  assert_true(board.untouched_outside());
}

void it_finds_what_a_walk_over_all_finds(void**) {
  for (const std::uint32_t leaves : kSizes) {
    for (const bool few : {false, true}) {
      compare_with_a_walk<std::uint32_t>(leaves, few);
      compare_with_a_walk<std::int64_t>(leaves, few);
    }
  }
}

void nobody_has_no_memory_and_no_minimum(void**) {
  assert_int_equal(Tournament<std::uint32_t>::keys(0), 0);
  Tournament<std::uint32_t> tournament(nullptr, 0);
  tournament.rebuild([](std::uint32_t) { return 0U; });
  assert_true(tournament.min() == Tournament<std::uint32_t>::kOut);
  assert_false(tournament.next(0, 0).has_value());
}

void the_search_goes_round_once(void**) {
  for (const std::uint32_t leaves : kSizes) {
    Board<std::uint32_t> board(leaves);
    const std::uint32_t last = leaves - 1;
    for (const std::uint32_t from : {0U, last / 2, last}) {
      assert_false(board.next(from, 1'000).has_value());
    }
    for (const std::uint32_t one : {0U, last / 2, last}) {
      board.set(one, 7);
      for (const std::uint32_t from : {0U, one / 2, one, std::min(one + 1, last), last}) {
        assert_int_equal(board.next(from, 7).value_or(leaves), one);
        assert_false(board.next(from, 6).has_value());
      }
      assert_int_equal(board.next(leaves, 7).value_or(leaves), one);  // from nowhere: from 0
      assert_int_equal(board.next(0xffffffff, 7).value_or(leaves), one);
      board.set(one, Tournament<std::uint32_t>::kOut);
    }
  }
}

// Each in its turn, by going on behind the last one.
void everybody_within_the_bound_is_met(void**) {
  Board<std::uint32_t> board(10'000);
  for (std::uint32_t leaf = 0; leaf < 10'000; ++leaf) board.truth[leaf] = leaf % 7 == 0 ? 3 : 9;
  board.rebuild();
  std::uint32_t from = 0;
  for (std::uint32_t expected = 0; expected < 10'000; expected += 7) {
    from = board.next(from, 5).value_or(10'000);
    assert_int_equal(from, expected);
    ++from;
  }
  assert_int_equal(board.next(from, 5).value_or(10'000), 0);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(it_finds_what_a_walk_over_all_finds),
      cmocka_unit_test(nobody_has_no_memory_and_no_minimum),
      cmocka_unit_test(the_search_goes_round_once),
      cmocka_unit_test(everybody_within_the_bound_is_met),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
