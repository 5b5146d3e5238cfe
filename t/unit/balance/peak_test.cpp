// SPDX-License-Identifier: MIT
#include "core/balance/peak.h"

#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr base::Millis kTau = 10'000;
const float kE = std::exp(1.0F);

struct Gauge {
  std::atomic<std::uint64_t> word = 0;
  Peak average{word};

  [[nodiscard]] float value() const {
    return std::bit_cast<float>(static_cast<std::uint32_t>(word.load() >> 32U));
  }
  [[nodiscard]] std::uint32_t stamp() const { return static_cast<std::uint32_t>(word.load()); }
};

void near(float is, float expected) {
  if (std::abs(is - expected) <= 1e-4F * std::abs(expected)) return;
  fail_msg("%g instead of %g", static_cast<double>(is), static_cast<double>(expected));
}

void nothing_is_known_before_the_first_sample(void**) {
  const Gauge gauge;
  near(gauge.average.decayed(1'000, kTau, 42), 42);
}

void the_first_sample_is_the_average(void**) {
  Gauge gauge;
  gauge.average.add(120, 1'000, kTau);
  near(gauge.value(), 120);
}

void it_comes_down_by_the_time_since_the_last_sample(void**) {
  Gauge gauge;
  gauge.average.add(200, 1'000, kTau);
  gauge.average.add(100, 1'000 + kTau, kTau);
  near(gauge.value(), 100 + 100 / kE);
  gauge.average.add(0, 1'000 + 3 * kTau, kTau);
  near(gauge.value(), (100 + 100 / kE) / (kE * kE));
}

void samples_of_one_millisecond_count_a_little_each(void**) {
  Gauge gauge;
  gauge.average.add(200, 1'000, kTau);
  gauge.average.add(100, 1'000, kTau);
  const float one = 200 - gauge.value();
  assert_true(one > 0);
  Gauge later;
  later.average.add(200, 1'000, kTau);
  later.average.add(100, 1'001, kTau);
  assert_true(one < 200 - later.value());
  for (int i = 0; i < 1'000'000; ++i) gauge.average.add(100, 1'000, kTau);
  assert_true(gauge.value() >= 100 && gauge.value() < 101);
}

void what_is_not_heard_of_decays(void**) {
  Gauge gauge;
  gauge.average.add(100, 1'000, kTau);
  near(gauge.average.decayed(1'000, kTau, -1), 100);
  near(gauge.average.decayed(1'000 + kTau, kTau, -1), 100 / kE);
  near(gauge.average.decayed(1'000 + 2 * kTau, kTau, -1), 100 / kE / kE);
  near(gauge.average.decayed(1'000 + 2 * kTau, 2 * kTau, -1), 100 / kE);
  near(gauge.value(), 100);  // looking at it changes nothing
}

void a_clock_that_steps_back_counts_as_one_that_stands(void**) {
  Gauge gauge;
  gauge.average.add(100, 5'000, kTau);
  near(gauge.average.decayed(4'000, kTau, -1), 100);
  const std::uint32_t stamp = gauge.stamp();
  gauge.average.add(50, 4'000, kTau);
  assert_true(gauge.value() < 100 && gauge.value() > 99);
  assert_int_equal(gauge.stamp(), stamp);
  gauge.average.add(300, 4'000, kTau);
  near(gauge.value(), 300);
  assert_int_equal(gauge.stamp(), stamp);
}

void a_stamp_goes_round_without_harm(void**) {
  constexpr base::Instant kRound = 1LL << 32;
  Gauge gauge;
  gauge.average.add(200, kRound - 1'000, kTau);
  near(gauge.average.decayed(kRound - 1'000 + kTau, kTau, -1), 200 / kE);
  gauge.average.add(100, kRound - 1'000 + kTau, kTau);
  near(gauge.value(), 100 + 100 / kE);
  assert_int_equal(gauge.stamp(), kTau - 1'000);
  // Idle for more than half a round.
  near(gauge.average.decayed(kRound + kRound / 4 * 3, kTau, -1) + 1, 1);
}

void what_is_known_is_never_mistaken_for_nothing(void**) {
  for (const base::Instant now : {0LL, 1LL << 32}) {
    Gauge gauge;
    gauge.average.add(0, now, kTau);
    gauge.average.add(0, now, kTau);
    near(gauge.average.decayed(now, kTau, 42) + 1, 1);
  }
}

void a_peak_counts_at_once_and_fades_like_any_other(void**) {
  Gauge gauge;
  gauge.average.add(100, 1'000, kTau);
  gauge.average.add(5'000, 1'001, kTau);
  near(gauge.value(), 5'000);
  gauge.average.add(100, 1'001 + kTau, kTau);
  near(gauge.value(), 100 + 4'900 / kE);
  // The time that has passed is used up by the peak.
  gauge.average.add(6'000, 1'001 + 2 * kTau, kTau);
  gauge.average.add(100, 1'001 + 3 * kTau, kTau);
  near(gauge.value(), 100 + 5'900 / kE);
}

void what_is_no_sample_is_dropped(void**) {
  using Limits = std::numeric_limits<float>;
  Gauge gauge;
  gauge.average.add(7, 1'000, kTau);
  for (const float bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), -1.0F}) {
    gauge.average.add(bad, 1'000 + kTau, kTau);
  }
  near(gauge.average.decayed(1'000, kTau, -1), 7);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_known_before_the_first_sample),
      cmocka_unit_test(the_first_sample_is_the_average),
      cmocka_unit_test(it_comes_down_by_the_time_since_the_last_sample),
      cmocka_unit_test(samples_of_one_millisecond_count_a_little_each),
      cmocka_unit_test(what_is_not_heard_of_decays),
      cmocka_unit_test(a_clock_that_steps_back_counts_as_one_that_stands),
      cmocka_unit_test(a_stamp_goes_round_without_harm),
      cmocka_unit_test(what_is_known_is_never_mistaken_for_nothing),
      cmocka_unit_test(a_peak_counts_at_once_and_fades_like_any_other),
      cmocka_unit_test(what_is_no_sample_is_dropped),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
