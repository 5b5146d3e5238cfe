// SPDX-License-Identifier: MIT
//
// Triggers against peers that fail at random: how often they open, in virtual time, next to what
// the arithmetic says.
#include <cmath>
#include <cstdint>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

constexpr base::Millis kHour = 3'600'000;

// Fails now and then, of every 100 attempts so many, and never because of the one before.
struct Noisy : Rig {
  Noisy(std::uint32_t of_hundred, std::uint64_t seed) : failing(of_hundred), dice(seed) {
    options.threshold = 0;
  }
  const Judgement& next() { return dice.below(100) < failing ? kStatus503 : kSucceeded; }
  // At so many requests a second, for so long. Returns how often it opened; it begins anew then.
  std::uint32_t serve(std::uint32_t rate, base::Millis span) {
    std::uint32_t trips = 0;
    const base::Instant from = now;
    for (std::int64_t i = 0; i < rate * span / 1'000; ++i) {
      now = from + i * 1'000 / rate;
      if (!attempt(next())) continue;
      ++trips;
      words.word = Word{.epoch = word().epoch + 1}.pack();
    }
    return trips;
  }
  std::uint32_t failing;
  base::Pcg32 dice;
};

void thirty_percent_of_failures_do_not_open_it_at_fifty(void**) {
  Noisy rig(30, 1);
  rig.options.failure_rate_percent = 50;
  assert_int_equal(rig.serve(200, kHour), 0);
}

void sixty_percent_of_failures_open_it_at_fifty_as_soon_as_it_may(void**) {
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    Noisy rig(60, seed);
    rig.options.failure_rate_percent = 50;
    assert_true(rig.serve(200, 1'000) > 0);
  }
}

// With few requests in its window, a healthy peer looks broken at times. The minimum is against it.
void the_minimum_of_requests_keeps_a_healthy_peer_in(void**) {
  for (const std::uint32_t rate : {2U, 10U, 200U}) {
    Noisy rig(5, rate);
    rig.options.failure_rate_percent = 50;
    assert_int_equal(rig.serve(rate, 4 * kHour), 0);
  }
  Noisy hasty(5, 1);
  hasty.options.failure_rate_percent = 50;
  hasty.options.min_requests = 2;
  assert_true(hasty.serve(1, 4 * kHour) > 0);
}

void twenty_percent_takes_a_larger_minimum(void**) {
  Noisy hasty(5, 1);
  hasty.options.failure_rate_percent = 20;
  assert_true(hasty.serve(3, 4 * kHour) > 0);
  Noisy patient(5, 1);
  patient.options.failure_rate_percent = 20;
  patient.options.min_requests = 100;
  assert_int_equal(patient.serve(11, 4 * kHour), 0);
}

// The rate takes as many failures as there were successes in the window, the run takes `threshold`.
void an_outage_is_found_first_by_the_run(void**) {
  Noisy rig(0, 1);
  rig.options.failure_rate_percent = 50;
  assert_int_equal(rig.serve(200, 10'000), 0);
  rig.attempts(1'999, kStatus503);
  assert_some(rig.attempt(kStatus503));

  Noisy both(0, 1);
  both.options.failure_rate_percent = 50;
  both.serve(200, 10'000);
  both.options.threshold = 5;
  both.attempts(4, kStatus503);
  assert_some(both.attempt(kStatus503));
}

// Requests until k failures stand in a row: (1 - p^k) / ((1 - p) p^k).
void runs_are_as_long_as_the_arithmetic_says(void**) {
  struct {
    std::uint32_t threshold;
    std::uint32_t percent;
  } const rows[] = {{3, 10}, {3, 30}, {3, 50}, {5, 30}, {5, 50}, {7, 50}};
  constexpr std::uint32_t kTrips = 4'000;
  for (const auto& row : rows) {
    Noisy rig(row.percent, row.threshold);
    rig.options.threshold = row.threshold;
    std::uint64_t requests = 0;
    for (std::uint32_t trips = 0; trips < kTrips; ++requests) {
      if (!rig.attempt(rig.next())) continue;
      ++trips;
      rig.words.word = Word{.epoch = rig.word().epoch + 1}.pack();
    }
    const double p = row.percent / 100.0;
    const double power = std::pow(p, row.threshold);
    const double expected = (1 - power) / ((1 - p) * power);
    const double mean = static_cast<double>(requests) / kTrips;
    // The mean of so many strays by 1.6 % from what is expected.
    if (std::abs(mean / expected - 1) > 0.06) {
      fail_msg("%u in a row at %u %%: %.1f, not %.1f", row.threshold, row.percent, mean, expected);
    }
  }
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(thirty_percent_of_failures_do_not_open_it_at_fifty),
      cmocka_unit_test(sixty_percent_of_failures_open_it_at_fifty_as_soon_as_it_may),
      cmocka_unit_test(the_minimum_of_requests_keeps_a_healthy_peer_in),
      cmocka_unit_test(twenty_percent_takes_a_larger_minimum),
      cmocka_unit_test(an_outage_is_found_first_by_the_run),
      cmocka_unit_test(runs_are_as_long_as_the_arithmetic_says),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
