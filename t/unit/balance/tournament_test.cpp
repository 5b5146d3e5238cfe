// SPDX-License-Identifier: MIT
#include "core/balance/tournament.h"

#include <algorithm>
#include <cstdint>
#include <optional>

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

// The first of the least, from a leaf on and round, but for those that are excluded.
template <class Key, class Excluded>
std::optional<std::uint32_t> least_by_a_walk(const Board<Key>& board, std::uint32_t from,
                                             const Excluded& excluded) {
  std::optional<std::uint32_t> best;
  for (std::uint32_t i = 0; i < board.leaves; ++i) {
    const auto leaf = static_cast<std::uint32_t>((std::uint64_t{from} + i) % board.leaves);
    if (board.truth[leaf] == Tournament<Key>::kOut || excluded(leaf)) continue;
    if (!best || board.truth[leaf] < board.truth[*best]) best = leaf;
  }
  return best;
}

template <class Key>
void compare_least_with_a_walk(std::uint32_t leaves, std::uint32_t excluded_of_8) {
  base::Pcg32 random(leaves);
  Board<Key> board(leaves);
  for (std::uint32_t i = 0; i < 200; ++i) {
    for (int k = 0; k < 5; ++k) board.set(random.below(leaves), some_key<Key>(random));
    const std::uint32_t salt = random.next();
    const auto excluded = [&](std::uint32_t leaf) {
      return (leaf * 2'654'435'761U ^ salt) % 8 < excluded_of_8;
    };
    for (const std::uint32_t from : {0U, random.below(leaves), leaves - 1}) {
      assert_true(board.tournament().least(from, excluded) ==
                  least_by_a_walk(board, from, excluded));
    }
  }
  assert_true(board.untouched_outside());
}

void the_least_but_for_some_is_what_a_walk_finds(void**) {
  for (const std::uint32_t leaves : {1U, 2U, 31U, 32U, 33U, 63U, 1'024U, 1'025U, 3'000U}) {
    for (const std::uint32_t excluded_of_8 : {0U, 1U, 7U, 8U}) {
      compare_least_with_a_walk<std::uint32_t>(leaves, excluded_of_8);
      compare_least_with_a_walk<std::int64_t>(leaves, excluded_of_8);
    }
  }
}

// Of equals the first from there on, each as often as the others.
void the_least_of_equals_goes_round(void**) {
  const auto nobody = [](std::uint32_t) { return false; };
  for (const std::uint32_t leaves : {1U, 33U, 1'025U}) {
    Board<std::uint32_t> board(leaves);
    for (std::uint32_t leaf = 0; leaf < leaves; ++leaf) board.truth[leaf] = 5;
    board.rebuild();
    for (std::uint32_t from = 0; from < leaves; ++from) {
      assert_int_equal(board.tournament().least(from, nobody).value_or(leaves), from);
      const auto that_one = [&](std::uint32_t leaf) { return leaf == from; };
      const auto next = board.tournament().least(from, that_one);
      assert_true(leaves == 1 ? !next : next == (from + 1) % leaves);
    }
    assert_int_equal(board.tournament().least(leaves, nobody).value_or(leaves), 0);
  }
  assert_false(Tournament<std::uint32_t>(nullptr, 0).least(0, nobody).has_value());
}

// It looks at the nodes that matter, and not at ten thousand peers.
void the_least_is_found_by_few_looks(void**) {
  Board<std::uint32_t> board(10'000);
  for (std::uint32_t leaf = 0; leaf < 10'000; ++leaf) board.truth[leaf] = 5 + leaf % 3;
  board.truth[7'777] = 1;
  board.rebuild();
  int looks = 0;
  const auto excluded = [&](std::uint32_t leaf) {
    ++looks;
    return leaf == 7'777;
  };
  assert_int_equal(board.tournament().least(5'001, excluded).value_or(0), 5'001);
  assert_true(looks <= 8);
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
      cmocka_unit_test(the_least_but_for_some_is_what_a_walk_finds),
      cmocka_unit_test(the_least_of_equals_goes_round),
      cmocka_unit_test(the_least_is_found_by_few_looks),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
