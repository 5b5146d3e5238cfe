// SPDX-License-Identifier: MIT
#include "core/balance/ewma.h"

#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

void a_cost_is_latency_times_those_before(void**) {
  assert_true(ewma_cost(0, {}) == 1.0F);
  assert_true(ewma_cost(9, {}) == 10.0F);
  assert_true(ewma_cost(9, {3, 1}) == 40.0F);
  assert_true(ewma_cost(9, {3, 3}) == 20.0F);  // three at once
}

void below_a_millisecond_the_busy_one_is_still_dearer(void**) {
  assert_true(ewma_cost(0, {5, 1}) > ewma_cost(0, {4, 1}));
}

// How busy a fast peer gets before a slow one is the better choice.
void a_fast_peer_gets_more_at_once(void**) {
  const List list({0, 1});
  base::Pcg32 dice(1);
  std::vector<Load> loads(2);
  for (int i = 0; i < 1'100; ++i) {
    const auto cost = [&](std::uint32_t peer) {
      return ewma_cost(peer == 0 ? 9.0F : 99.0F, loads[peer]);
    };
    ++loads[ewma(list.entries(), dice, cost, Doors{}).value_or(0)].in_flight;
  }
  // Ten times as fast, ten times as many, but for the draws that had no choice.
  assert_in_range(loads[1].in_flight, 90, 150);
}

void a_failure_costs_more_than_any_usual_response(void**) {
  assert_true(ewma_penalty(1, 4) == 1'000);  // two hundred times what is usual
  assert_true(ewma_penalty(1, 0) == 200);    // nothing is known, or all is fast
  assert_true(ewma_penalty(3'000, 4) == 3'000);
  assert_int_equal(kEwmaDecay, 10'000);
  assert_true(ewma_cost(ewma_penalty(0, 400), {}) > ewma_cost(400, {190, 1}));
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_cost_is_latency_times_those_before),
      cmocka_unit_test(below_a_millisecond_the_busy_one_is_still_dearer),
      cmocka_unit_test(a_fast_peer_gets_more_at_once),
      cmocka_unit_test(a_failure_costs_more_than_any_usual_response),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
