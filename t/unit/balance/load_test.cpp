// SPDX-License-Identifier: MIT
#include "core/balance/load.h"

#include "core/balance/tournament.h"
#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

// The oracle multiplies across, and so needs no fraction.
int compare(const Load& a, const Load& b) {
  const std::uint64_t left = a.in_flight * b.weight;
  const std::uint64_t right = b.in_flight * a.weight;
  return left < right ? -1 : left > right ? 1 : 0;
}

void assert_alike(const Load& a, const Load& b) {
  const int expected = compare(a, b);
  const int actual = a.key() < b.key() ? -1 : a.key() > b.key() ? 1 : 0;
  if (actual == expected) return;
  fail_msg("%lu/%u against %lu/%u: %d", a.in_flight, a.weight, b.in_flight, b.weight, actual);
}

void keys_compare_as_fractions_do(void**) {
  for (std::uint64_t m = 0; m < 24; ++m) {
    for (std::uint32_t v = 1; v < 24; ++v) {
      for (std::uint64_t n = 0; n < 24; ++n) {
        for (std::uint32_t w = 1; w < 24; ++w) assert_alike({m, v}, {n, w});
      }
    }
  }
}

void they_do_so_for_large_numbers(void**) {
  base::Pcg32 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t weight = 1 + random.below(1'000);
    const std::uint32_t flying = random.below((1U << 23U) / weight / 2);
    const std::uint32_t other = 1 + random.below(1'000);
    // Close to one another.
    const std::uint64_t near = std::uint64_t{flying} * other / weight + random.below(3);
    if (near * other >= 1U << 23U) continue;
    assert_alike({flying, weight}, {near, other});
  }
}

void none_in_flight_is_the_least_and_nobody_is_out(void**) {
  for (const std::uint32_t weight : {1U, 5U, 1'000'000U}) {
    assert_int_equal((Load{0, weight}.key()), 0);
    assert_true((Load{1, weight}.key()) > 0);
    assert_true((Load{~0ULL, weight}.key()) < Tournament<std::uint32_t>::kOut);
  }
}

void a_ratio_is_a_ratio(void**) {
  assert_true((Load{6, 4}.ratio()) == 1.5F);
  assert_true(Load{}.ratio() == 0.0F);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(keys_compare_as_fractions_do),
      cmocka_unit_test(they_do_so_for_large_numbers),
      cmocka_unit_test(none_in_flight_is_the_least_and_nobody_is_out),
      cmocka_unit_test(a_ratio_is_a_ratio),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
