// SPDX-License-Identifier: MIT
//
// What a tournament does to its memory, and what it makes of what it finds there.
#include <sys/mman.h>

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "board.h"
#include "core/balance/tournament.h"
#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

// A key that lets another process in between two comparisons.
struct Watched {
  std::uint32_t value = 0;
  static inline int comparisons = 0;  // until then
  static inline std::function<void()> interlude = [] {};

  friend bool operator<(Watched a, Watched b) {
    if (--comparisons == 0) interlude();
    return a.value < b.value;
  }
  friend bool operator==(Watched a, Watched b) { return a.value == b.value; }
};

}  // namespace
}  // namespace kerberos::balance

template <>
struct std::numeric_limits<kerberos::balance::Watched> {
  static constexpr kerberos::balance::Watched max() { return {99}; }
};

namespace kerberos::balance {
namespace {

// Whatever stands in the parents: what is found is within the bound, nothing outside is read or
// written, and a rebuild puts it right.
void parents_that_lie_do_no_harm(void**) {
  for (const std::uint32_t leaves : kSizes) {
    base::Pcg32 random(leaves);
    Board<std::uint32_t> board(leaves);
    const std::size_t first_leaf = board.words - (std::size_t{leaves} + 31) / 32 * 32;
    for (const std::uint32_t lie : {0U, 5U, Tournament<std::uint32_t>::kOut}) {
      for (auto& key : board.truth) key = random.below(50) == 0 ? 5 : 9;
      board.truth[leaves / 2] = 5;
      board.rebuild();
      for (std::size_t i = 0; i < first_leaf; ++i) board.word(i) = random.below(2) == 0 ? lie : 5;
      for (int i = 0; i < 20; ++i) {
        const std::uint32_t from = random.below(leaves);
        const auto found = board.next(from, 5);
        // A parent that promises too much costs time, one that promises too little hides its peers.
        if (lie <= 5) assert_true(found == board.walk(from, 5));
        if (found) assert_int_equal(board.truth[*found], 5);
        assert_false(board.next(from, 4).has_value());
      }
      board.rebuild();
      assert_int_equal(board.tournament().min(), 5);
      assert_true(board.next(0, 5) == board.walk(0, 5));
      assert_true(board.untouched_outside());
    }
  }
}

// A worker died between its leaf and what stands above.
void the_next_change_below_a_parent_heals_it(void**) {
  Board<std::uint32_t> board(10'000);
  const std::size_t first_leaf = board.words - 10'016;
  board.word(first_leaf + 4'000) = 1;  // 32 * 125
  board.truth[4'000] = 1;
  assert_false(board.next(0, 1).has_value());
  board.set(4'031, Tournament<std::uint32_t>::kOut);  // no change, and nothing to do
  assert_false(board.next(0, 1).has_value());
  board.set(4'031, 9);
  assert_int_equal(board.tournament().min(), 1);
  assert_int_equal(board.next(9'999, 1).value_or(10'000), 4'000);
}

// Root and upper level are neighbours, and each leaf has but one group.
void an_update_writes_three_lines_at_most(void**) {
  base::Pcg32 random(3);
  for (const std::uint32_t leaves : {10'000U, 15 * 1'024U}) {
    Board<std::uint32_t> board(leaves);
    std::size_t most = 0;
    for (int i = 0; i < 300; ++i) {
      const auto before = board.image();
      // First each one is the new minimum, then minima go back.
      const std::uint32_t leaf = i < 200 ? random.below(leaves) : *board.next(0, board.least());
      board.set(leaf, i < 200 ? 1'000 - static_cast<std::uint32_t>(i) : 5'000);
      const auto after = board.image();
      std::size_t lines = 0;
      for (std::size_t at = 0; at < before.size(); at += board.kLine) {
        lines += std::equal(&before[at], &before[at] + board.kLine, &after[at]) ? 0 : 1;
      }
      most = std::max(most, lines);
    }
    assert_int_equal(most, 3);
  }
}

void groups_of_leaves_begin_at_whole_groups(void**) {
  for (const std::uint32_t leaves : kSizes) {
    Board<std::uint32_t> board(leaves);
    assert_int_equal(board.words % 32, 0);
    for (const std::uint32_t leaf : {0U, leaves - 1}) {
      const auto before = board.image();
      board.set(leaf, 9);
      std::size_t last = 0;  // of those that changed: the leaf
      const auto after = board.image();
      for (std::size_t i = 0; i < after.size(); ++i) last = before[i] != after[i] ? i : last;
      assert_int_equal((last - board.kLine) % 32, leaf % 32);
      assert_int_equal(board.word(last - board.kLine), 9);
      board.set(leaf, Tournament<std::uint32_t>::kOut);
    }
  }
}

// Its line is everybody's. Here it cannot even be written: that would end the test at once.
void a_parent_that_is_right_is_not_written(void**) {
  constexpr std::uint32_t kLeaves = 40'000;
  constexpr std::uint32_t kLeaf = 100;
  const std::size_t size = Tournament<std::uint32_t>::keys(kLeaves) * sizeof(std::uint32_t);
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  assert_true(memory != MAP_FAILED);
  Tournament<std::uint32_t> tournament(static_cast<std::atomic<std::uint32_t>*>(memory), kLeaves);
  tournament.rebuild([](std::uint32_t) { return 7U; });
  // The first page has all parents of that leaf, and no leaves.
  assert_int_equal(mprotect(memory, 4'096, PROT_READ), 0);
  tournament.update(kLeaf, [] { return 8U; });
  assert_int_equal(tournament.key(kLeaf), 8);
  assert_int_equal(tournament.min(), 7);
  munmap(memory, size);
}

void the_key_is_asked_again_until_it_stands(void**) {
  Board<std::uint32_t> board(100);
  const std::uint32_t answers[] = {5, 7, 3, 3, 99};
  std::size_t asked = 0;
  board.tournament().update(40, [&] { return answers[asked++]; });
  assert_int_equal(asked, 4);
  assert_int_equal(board.tournament().key(40), 3);
  assert_int_equal(board.tournament().min(), 3);
  // A rebuild does so too.
  asked = 0;
  board.tournament().rebuild(
      [&](std::uint32_t leaf) { return leaf == 40 ? answers[asked++] : 1'000; });
  assert_int_equal(asked, 4);
  assert_int_equal(board.tournament().min(), 3);
}

// Another process changes what is read, and updates, right after it was read here.
void an_old_key_is_never_left_behind(void**) {
  Board<std::uint32_t> board(100);
  std::uint32_t counter = 8;
  int asked = 0;
  board.tournament().update(40, [&] {
    const std::uint32_t read = counter;
    if (asked++ == 0) {
      counter = 2;
      board.tournament().update(40, [&] { return counter; });
    }
    return read;
  });
  assert_int_equal(board.tournament().key(40), 2);
  assert_int_equal(board.tournament().min(), 2);
}

// The same of a parent: another changes a child that was looked at already, and is done with it.
void an_old_minimum_is_never_left_behind(void**) {
  for (const int moment : {2, 20, 40, 41, 42}) {  // while looking at the leaves, or at the nodes
    std::vector<std::atomic<Watched>> words(Tournament<Watched>::keys(1'100));
    Tournament<Watched> tournament(words.data(), 1'100);
    tournament.rebuild([](std::uint32_t) { return Watched{9}; });
    Watched::interlude = [&] { tournament.update(0, [] { return Watched{3}; }); };
    Watched::comparisons = moment;
    tournament.update(5, [] { return Watched{5}; });
    assert_true(Watched::comparisons < 0);
    assert_int_equal(tournament.min().value, 3);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(parents_that_lie_do_no_harm),
      cmocka_unit_test(the_next_change_below_a_parent_heals_it),
      cmocka_unit_test(an_update_writes_three_lines_at_most),
      cmocka_unit_test(groups_of_leaves_begin_at_whole_groups),
      cmocka_unit_test(a_parent_that_is_right_is_not_written),
      cmocka_unit_test(the_key_is_asked_again_until_it_stands),
      cmocka_unit_test(an_old_key_is_never_left_behind),
      cmocka_unit_test(an_old_minimum_is_never_left_behind),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
