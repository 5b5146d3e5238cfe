// SPDX-License-Identifier: MIT
#include "core/balance/hash.h"

#include <map>

#include "circle.h"
#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

struct Hashes {
  explicit Hashes(const Members& members) : circle(members) {}

  [[nodiscard]] Entries peers() const { return {circle.words.data(), circle.length}; }
  std::uint32_t pick(std::uint64_t key, Doors& bounded, Doors& beyond) const {
    const Ring ring(circle.words.data(), circle.capacity, circle.length);
    return hash(ring, peers(), key, bounded, beyond).value_or(kNobody);
  }
  std::uint32_t pick(std::uint64_t key, const Peers& refuse = {}) const {
    Doors bounded{.refuse = refuse};
    Doors beyond{.refuse = refuse};
    return pick(key, bounded, beyond);
  }

  Circle circle;
};

void a_key_goes_to_its_peer(void**) {
  const Hashes hashes(crowd(10));
  for (std::uint64_t key = 0; key < 1'000; ++key) {
    Doors bounded;
    Doors beyond;
    assert_int_equal(hashes.pick(key, bounded, beyond), hashes.circle.owner(key));
    assert_int_equal(bounded.asked.size(), 1);
    assert_true(beyond.asked.empty());
  }
}

void what_one_refuses_is_spread_over_all_others(void**) {
  const Hashes hashes(crowd(10));
  std::map<std::uint32_t, int> heirs;
  int moved = 0;
  for (std::uint64_t key = 0; key < 20'000; ++key) {
    const std::uint32_t who = hashes.pick(scatter(key), {3});
    assert_int_equal(hashes.pick(scatter(key), {3}), who);
    if (hashes.circle.owner(scatter(key)) == 3) {
      ++heirs[who];
      ++moved;
    } else {
      assert_int_equal(who, hashes.circle.owner(scatter(key)));
    }
  }
  assert_int_equal(heirs.size(), 9);
  for (const auto& [who, keys] : heirs)
    assert_in_range(keys, moved / 9 * 7 / 10, moved / 9 * 13 / 10);
}

void the_only_one_that_accepts_is_found(void**) {
  for (const std::uint32_t count : {1U, 2U, 17U, 65U, 500U}) {
    const Hashes hashes(crowd(count));
    for (std::uint64_t key = 0; key < 20; ++key) {
      Peers others = up_to(count);
      std::erase(others, count / 2);
      assert_int_equal(hashes.pick(scatter(key), others), count / 2);
    }
  }
}

void the_bound_holds_as_long_as_anybody_is_below_it(void**) {
  // One has nearly the whole ring, and is at its bound.
  Members members = crowd(2);
  members[0].weight = 900;
  const Hashes hashes(members);
  for (std::uint64_t key = 0; key < 100; ++key) {
    Doors bounded{.refuse = {0}};
    Doors beyond;
    assert_int_equal(hashes.pick(scatter(key), bounded, beyond), 1);
    assert_true(beyond.asked.empty());
  }
}

void beyond_the_bound_rather_than_nobody(void**) {
  const Hashes hashes(crowd(5));
  Doors bounded{.refuse = up_to(5)};
  Doors beyond{.refuse = {0, 1, 2, 4}};
  assert_int_equal(hashes.pick(7, bounded, beyond), 3);
  for (const std::uint32_t peer : up_to(5)) assert_true(has(bounded.asked, peer));
  assert_int_equal(hashes.pick(7, up_to(5)), kNobody);
}

void nobody_has_no_key(void**) {
  Hashes hashes(crowd(3));
  hashes.circle.write([](std::uint32_t) { return false; });
  assert_int_equal(hashes.pick(7), kNobody);
}

void a_bound_is_the_average_by_weight_rounded_up(void**) {
  const struct {
    std::uint64_t in_flight;  // before this one
    std::uint64_t weights;
    std::uint32_t weight;
    std::uint32_t percent;
    std::uint64_t most;
  } rows[] = {
      {0, 10, 1, 125, 1},       // 0.125
      {7, 10, 1, 125, 1},       // exactly 1
      {8, 10, 1, 125, 2},       // 1.125
      {9, 10, 1, 100, 1},       // exactly 1
      {10, 10, 1, 100, 2},      // 1.1
      {99, 10, 1, 125, 13},     // 12.5
      {99, 10, 5, 125, 63},     // 62.5
      {99, 10, 10, 100, 100},   // alone
      {0, 1, 1, 100, 1},        // the first of all
      {99, 10, 1, 1'000, 100},  // ten times the average
      {5, 0, 1, 125, 8},        // of nobody: no division by it
      {1ULL << 30U, 1'000'000'000, 1'000'000, 1'000, 10'737'419},
  };
  for (const auto& row : rows) {
    assert_int_equal(bounded_most(row.in_flight, row.weights, row.weight, row.percent), row.most);
  }
}

// So somebody always can: all bounds together exceed what is in flight.
void all_bounds_together_leave_room_for_one_more(void**) {
  for (const std::uint32_t percent : {100U, 101U, 125U, 1'000U}) {
    for (std::uint64_t in_flight = 0; in_flight < 500; ++in_flight) {
      std::uint64_t room = 0;
      for (const std::uint32_t weight : {1U, 2U, 7U, 100U}) {
        room += bounded_most(in_flight, 110, weight, percent);
      }
      assert_true(room > in_flight);
    }
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_key_goes_to_its_peer),
      cmocka_unit_test(what_one_refuses_is_spread_over_all_others),
      cmocka_unit_test(the_only_one_that_accepts_is_found),
      cmocka_unit_test(the_bound_holds_as_long_as_anybody_is_below_it),
      cmocka_unit_test(beyond_the_bound_rather_than_nobody),
      cmocka_unit_test(nobody_has_no_key),
      cmocka_unit_test(a_bound_is_the_average_by_weight_rounded_up),
      cmocka_unit_test(all_bounds_together_leave_room_for_one_more),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
