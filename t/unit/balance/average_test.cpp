// SPDX-License-Identifier: MIT
#include "core/balance/average.h"

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <thread>

#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr base::Millis kTau = 10'000;
const float kE = std::exp(1.0F);

struct Gauge {
  std::atomic<std::uint64_t> word = 0;
  Average average{word};

  [[nodiscard]] float value() const { return average.value().value_or(-1); }
};

void near(float is, float expected) {
  if (std::abs(is - expected) <= 1e-4F * std::abs(expected)) return;
  fail_msg("%g instead of %g", static_cast<double>(is), static_cast<double>(expected));
}

void nothing_is_known_before_the_first_sample(void**) {
  const Gauge gauge;
  assert_false(gauge.average.value().has_value());
}

void samples_of_one_time_count_alike(void**) {
  Gauge gauge;
  const float samples[] = {120, 0, 60, 60};
  const float means[] = {120, 60, 60, 60};
  for (int i = 0; i < 4; ++i) {
    gauge.average.add(samples[i], 1'000, kTau);
    near(gauge.value(), means[i]);
  }
}

// What is slow comes late, and is no more for that: in a closed loop one of three is slow.
void a_sample_that_comes_late_counts_no_more_than_others(void**) {
  Gauge gauge;
  base::Instant now = 1'000;
  for (int i = 0; i < 300; ++i) {
    const float latency = i % 3 == 2 ? 30.0F : 0.0F;
    now += static_cast<base::Instant>(latency);
    gauge.average.add(latency, now, 1'000'000);
  }
  assert_true(gauge.value() > 9 && gauge.value() < 11);
}

void a_sample_counts_the_less_the_older_it_is(void**) {
  Gauge gauge;
  gauge.average.add(100, 16'000, 16'000);
  gauge.average.add(0, 32'000, 16'000);
  near(gauge.value(), 100 - 100 / (1 + 1 / kE));
  gauge.average.add(70, 16'000'000, 16'000);
  near(gauge.value(), 70);
}

// Of very many, the last few thousand.
void it_goes_on_learning_however_much_it_has_seen(void**) {
  Gauge gauge;
  for (int i = 0; i < 100'000; ++i) gauge.average.add(100, 1'000, kTau);
  for (int i = 0; i < 20'000; ++i) gauge.average.add(200, 1'000, kTau);
  assert_true(gauge.value() > 195 && gauge.value() <= 200);
}

void a_clock_that_steps_back_counts_as_one_that_stands(void**) {
  Gauge gauge;
  gauge.average.add(100, 80'000, kTau);
  gauge.average.add(200, 30'000, kTau);
  near(gauge.value(), 150);
  gauge.average.add(0, 80'000, kTau);
  near(gauge.value(), 100);  // no time has passed twice
}

void a_stamp_goes_round_without_harm(void**) {
  constexpr base::Instant kRound = 16LL << 20U;
  Gauge gauge;
  gauge.average.add(100, kRound - 16'000, 32'000);
  gauge.average.add(0, kRound + 16'000, 32'000);
  near(gauge.value(), 100 - 100 / (1 + 1 / kE));
}

void what_is_known_is_never_mistaken_for_nothing(void**) {
  for (const base::Instant now : {0LL, 16LL << 20U}) {
    Gauge gauge;
    gauge.average.add(0, now, kTau);
    assert_true(gauge.average.value().has_value());
    near(gauge.value() + 1, 1);
  }
}

void what_is_no_sample_is_dropped(void**) {
  using Limits = std::numeric_limits<float>;
  Gauge gauge;
  for (const float bad : {Limits::quiet_NaN(), Limits::infinity(), -Limits::infinity(), -1.0F}) {
    gauge.average.add(bad, 1'000, kTau);
  }
  assert_false(gauge.average.value().has_value());
  gauge.average.add(7, 1'000, kTau);
  gauge.average.add(Limits::infinity(), 2'000, kTau);
  gauge.average.add(Limits::quiet_NaN(), 2'000, kTau);
  near(gauge.value(), 7);
}

void whoever_adds_at_the_same_time_nobody_reads_half_a_sample(void**) {
  Gauge gauge;
  const auto adder = [&gauge](float sample) {
    for (base::Instant now = 1; now <= 100'000; ++now) gauge.average.add(sample, now, 10);
  };
  gauge.average.add(10, 1, 10);
  std::thread one(adder, 10.0F);
  std::thread two(adder, 20.0F);
  for (int i = 0; i < 100'000; ++i) assert_true(gauge.value() >= 10 && gauge.value() <= 20);
  one.join();
  two.join();
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_known_before_the_first_sample),
      cmocka_unit_test(samples_of_one_time_count_alike),
      cmocka_unit_test(a_sample_that_comes_late_counts_no_more_than_others),
      cmocka_unit_test(a_sample_counts_the_less_the_older_it_is),
      cmocka_unit_test(it_goes_on_learning_however_much_it_has_seen),
      cmocka_unit_test(a_clock_that_steps_back_counts_as_one_that_stands),
      cmocka_unit_test(a_stamp_goes_round_without_harm),
      cmocka_unit_test(what_is_known_is_never_mistaken_for_nothing),
      cmocka_unit_test(what_is_no_sample_is_dropped),
      cmocka_unit_test(whoever_adds_at_the_same_time_nobody_reads_half_a_sample),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
