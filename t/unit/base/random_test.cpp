// SPDX-License-Identifier: MIT
#include "core/base/random.h"

#include <array>
#include <cstdint>
#include <initializer_list>

#include "unit/cmocka.h"

namespace kerberos::base {
namespace {

// Computed from the paper's algorithm by another program, with this increment.
void numbers_are_those_of_the_paper(void**) {
  struct {
    std::uint64_t seed;
    std::array<std::uint32_t, 4> numbers;
  } const rows[] = {
      {0, {0xe823a24e, 0x7a7ecbd9, 0x89fd6c06, 0xae646aa8}},
      {42, {0xc2f57bd6, 0x6b07c4a9, 0x72b7b29b, 0x44215383}},
      {UINT64_MAX, {0xd9313036, 0xcd4b6992, 0x7b8ec69e, 0x999dd010}},
  };
  for (const auto& row : rows) {
    Pcg32 random(row.seed);
    for (const std::uint32_t number : row.numbers) assert_int_equal(random.next(), number);
  }
}

void one_seed_is_one_sequence(void**) {
  Pcg32 one(7);
  Pcg32 same(7);
  Pcg32 other(8);
  int differences = 0;
  for (int i = 0; i < 100; ++i) {
    const std::uint32_t number = one.next();
    assert_int_equal(same.next(), number);
    if (other.next() != number) ++differences;
  }
  assert_true(differences > 90);
}

void below_stays_below(void**) {
  Pcg32 random(1);
  for (const std::uint32_t bound : {1U, 2U, 3U, 1'000U, 0x80000000U, UINT32_MAX}) {
    for (int i = 0; i < 1'000; ++i) assert_true(random.below(bound) < bound);
  }
  assert_int_equal(random.below(0), 0);
}

void below_reaches_every_number_about_as_often(void**) {
  constexpr std::uint32_t kBound = 10;
  constexpr int kDraws = 100'000;
  Pcg32 random(1);
  std::array<int, kBound> drawn{};
  for (int i = 0; i < kDraws; ++i) ++drawn[random.below(kBound)];
  // 10,000 each, with a standard deviation of 95.
  for (const int times : drawn) assert_in_range(times, 9'500, 10'500);
}

}  // namespace
}  // namespace kerberos::base

int main() {
  using namespace kerberos::base;
  const CMUnitTest tests[] = {
      cmocka_unit_test(numbers_are_those_of_the_paper),
      cmocka_unit_test(one_seed_is_one_sequence),
      cmocka_unit_test(below_stays_below),
      cmocka_unit_test(below_reaches_every_number_about_as_often),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
