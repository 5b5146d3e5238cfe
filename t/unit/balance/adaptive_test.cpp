// SPDX-License-Identifier: MIT
#include "core/balance/adaptive.h"

#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

void whoever_does_as_well_as_its_service_keeps_its_share(void**) {
  const Achievement services[] = {{0, 0}, {0, 20}, {0.01F, 500}, {0.5F, 3}, {1, 80}};
  for (const Achievement& service : services) {
    assert_int_equal(adapted(100, service, service), 100);
    // A little worse is still as well.
    const Achievement near{service.errors + (1 - service.errors) * 0.04F,
                           service.latency * 1.49F + 0.2F};
    assert_int_equal(adapted(100, near, service), 100);
    // Better is no more than all.
    assert_int_equal(adapted(100, {0, 0}, service), 100);
  }
}

void a_share_falls_to_its_target_at_once(void**) {
  const struct {
    Achievement peer;
    Achievement service;
    std::uint32_t percent;
  } rows[] = {
      {{0.5F, 9}, {0, 9}, 25},         // (1/2)^2
      {{0.1F, 9}, {0, 9}, 81},         // 0.9^2
      {{0.75F, 9}, {0.5F, 9}, 25},     // half as many successes as the others
      {{0, 49}, {0, 9}, 30},           // 1.5 * 10 / 50
      {{0, 24}, {0, 9}, 60},           // 1.5 * 10 / 25
      {{0.5F, 24}, {0, 9}, 15},        // both
      {{1, 9}, {0, 9}, kAdaptiveMin},  // never less
      {{0, 60'000}, {0, 9}, kAdaptiveMin},
      {{1, 9}, {1, 9}, 100},  // nobody does any better
  };
  for (const auto& row : rows) {
    for (const std::uint32_t before : {100U, row.percent}) {  // rounded down
      assert_in_range(adapted(before, row.peer, row.service), row.percent - 1, row.percent);
    }
  }
}

void a_share_rises_by_ten_points_at_most(void**) {
  std::uint32_t percent = kAdaptiveMin;
  for (const std::uint32_t next : {20U, 30U, 40U, 50U, 60U, 70U, 80U, 90U, 100U, 100U}) {
    percent = adapted(percent, {0, 9}, {0, 9});
    assert_int_equal(percent, next);
  }
  assert_int_equal(adapted(95, {0, 9}, {0, 9}), 100);
  assert_int_equal(adapted(12, {0.5F, 9}, {0, 9}), 22);
  assert_int_equal(adapted(17, {0.5F, 9}, {0, 9}), 25);
  assert_int_equal(kAdaptiveRise, 10);
  assert_int_equal(kAdaptivePause, 1'000);
}

// Whatever comes in, even a share of errors that rounding put a little beyond one.
void a_share_is_within_its_bounds(void**) {
  base::Pcg32 random(1);
  const auto some = [&] {
    return Achievement{static_cast<float>(random.below(1'000'010)) / 1e6F,
                       static_cast<float>(random.below(1U << random.below(31)))};
  };
  for (int i = 0; i < 100'000; ++i) {
    const std::uint32_t before = kAdaptiveMin + random.below(91);
    const Achievement peer = some();
    const std::uint32_t after = adapted(before, peer, some());
    assert_in_range(after, kAdaptiveMin, 100);
    assert_true(after <= before + kAdaptiveRise);
  }
}

// The worse, the less.
void a_share_does_not_grow_with_errors_or_latency(void**) {
  const Achievement service{0.05F, 30};
  std::uint32_t last = 100;
  for (int i = 0; i <= 100; ++i) {
    const std::uint32_t now = adapted(100, {static_cast<float>(i) / 100, 30}, service);
    assert_true(now <= last);
    last = now;
  }
  last = 100;
  for (int i = 0; i < 500; ++i) {
    const std::uint32_t now = adapted(100, {0.05F, static_cast<float>(i)}, service);
    assert_true(now <= last);
    last = now;
  }
}

void a_factor_is_packed_and_unpacked(void**) {
  assert_int_equal(Factor::unpack(0).percent, 100);
  assert_int_equal(Factor::unpack(0).at, 0);
  for (const std::uint32_t percent : {10U, 99U, 100U}) {
    for (const base::Instant at : {0LL, 1LL, (1LL << 43) - 1}) {
      const Factor factor = Factor::unpack(Factor{percent, at}.pack());
      assert_int_equal(factor.percent, percent);
      assert_int_equal(factor.at, at);
    }
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(whoever_does_as_well_as_its_service_keeps_its_share),
      cmocka_unit_test(a_share_falls_to_its_target_at_once),
      cmocka_unit_test(a_share_rises_by_ten_points_at_most),
      cmocka_unit_test(a_share_is_within_its_bounds),
      cmocka_unit_test(a_share_does_not_grow_with_errors_or_latency),
      cmocka_unit_test(a_factor_is_packed_and_unpacked),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
