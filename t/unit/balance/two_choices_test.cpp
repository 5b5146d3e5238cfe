// SPDX-License-Identifier: MIT
#include "core/balance/two_choices.h"

#include <array>

#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

const auto kAlike = [](std::uint32_t) { return 0; };

std::optional<std::uint32_t> choose(const List& list, base::Pcg32& random, Doors& doors) {
  return two_choices(list.entries(), random, kAlike, doors);
}

// Whoever could serve is found: by reading on, where the draws never meet it.
void the_only_one_that_accepts_is_found(void**) {
  base::Pcg32 random(1);
  for (const std::uint32_t count : {1U, 2U, 3U, 16U, 33U, 500U}) {
    for (const std::uint32_t lone : {0U, count / 2, count - 1}) {
      Peers others = up_to(count);
      std::erase(others, lone);
      const List list(up_to(count));
      for (int i = 0; i < 20; ++i) {
        Doors doors{.refuse = others};
        assert_int_equal(choose(list, random, doors).value_or(kNobody), lone);
        assert_true(doors.asked.size() <= 2 * kDraws + count);
      }
    }
  }
}

// The one that all draws meet may be the only one that refuses.
void one_that_weighs_nearly_all_hides_nobody(void**) {
  Peers order(1'000, 0);
  order[613] = 1;
  const List list(order);
  base::Pcg32 random(2);
  for (int i = 0; i < 50; ++i) {
    Doors doors{.refuse = {0}};
    assert_int_equal(choose(list, random, doors).value_or(kNobody), 1);
  }
}

void where_all_refuse_everybody_was_asked(void**) {
  base::Pcg32 random(3);
  for (const std::uint32_t count : {1U, 2U, 17U, 300U}) {
    const List list(up_to(count));
    Doors doors{.refuse = up_to(count)};
    assert_false(choose(list, random, doors).has_value());
    for (const std::uint32_t peer : up_to(count)) assert_true(has(doors.asked, peer));
    assert_true(doors.asked.size() <= 2 * kDraws + count);
  }
}

void nobody_is_chosen_from_nobody(void**) {
  base::Pcg32 random(4);
  Doors doors;
  assert_false(choose(List({}), random, doors).has_value());
  assert_true(doors.asked.empty());
}

// Two are drawn by weight, and with nothing between them it is as if one had been.
void draws_go_by_weight(void**) {
  const List list({0, 0, 0, 0, 1, 1, 1, 2});
  base::Pcg32 random(5);
  std::array<int, 3> picks{};
  for (int i = 0; i < 8'000; ++i) {
    Doors doors;
    ++picks[choose(list, random, doors).value_or(0)];
    assert_int_equal(doors.asked.size(), 1);
  }
  assert_in_range(picks[0], 3'700, 4'300);
  assert_in_range(picks[1], 2'750, 3'250);
  assert_in_range(picks[2], 850, 1'150);
}

// The dearest of n is taken only where nobody else was drawn.
void the_cheaper_of_the_two_is_asked_first(void**) {
  const List list(up_to(10));
  base::Pcg32 random(6);
  std::array<int, 10> picks{};
  for (int i = 0; i < 10'000; ++i) {
    Doors doors;
    const auto cost = [](std::uint32_t peer) { return 10 - peer; };
    ++picks[two_choices(list.entries(), random, cost, doors).value_or(0)];
  }
  // Of the 45 pairs, peer n is the cheaper one in n.
  for (int n = 1; n < 10; ++n) {
    assert_in_range(picks[n], 10'000 * n / 45 * 8 / 10 - 30, 10'000 * n / 45 * 12 / 10 + 30);
  }
  assert_true(picks[0] < 10);
}

void the_other_of_the_two_is_asked_next(void**) {
  const List list(up_to(2));
  base::Pcg32 random(7);
  for (int i = 0; i < 200; ++i) {
    Doors doors{.refuse = {1}};
    const auto cost = [](std::uint32_t peer) { return 10 - peer; };
    assert_int_equal(two_choices(list.entries(), random, cost, doors).value_or(kNobody), 0);
    assert_true(doors.asked.size() <= 3);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_only_one_that_accepts_is_found),
      cmocka_unit_test(one_that_weighs_nearly_all_hides_nobody),
      cmocka_unit_test(where_all_refuse_everybody_was_asked),
      cmocka_unit_test(nobody_is_chosen_from_nobody),
      cmocka_unit_test(draws_go_by_weight),
      cmocka_unit_test(the_cheaper_of_the_two_is_asked_first),
      cmocka_unit_test(the_other_of_the_two_is_asked_next),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
