// SPDX-License-Identifier: MIT
#include "core/balance/random.h"

#include <array>

#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

std::optional<std::uint32_t> draw(const List& list, base::Pcg32& dice,
                                  const std::vector<Load>& loads) {
  return random(
      list.entries(), dice, [&](std::uint32_t peer) { return loads[peer]; }, Doors{});
}

void of_two_the_one_with_less_for_its_weight(void**) {
  const struct {
    Load first;
    Load second;
    std::uint32_t picked;
  } rows[] = {{{1, 1}, {0, 1}, 1}, {{5, 1}, {9, 2}, 1}, {{5, 2}, {3, 1}, 0}, {{0, 1}, {1, 9}, 0}};
  const List list({0, 1});
  base::Pcg32 dice(1);
  for (const auto& row : rows) {
    int picks = 0;
    for (int i = 0; i < 200; ++i) {
      picks += draw(list, dice, {row.first, row.second}) == row.picked ? 1 : 0;
    }
    assert_true(picks > 180);  // but where one was drawn again and again
  }
}

// As busy as one another, for their weights: then chance decides.
void equals_share_by_weight(void**) {
  const List list({0, 0, 0, 1});
  base::Pcg32 dice(2);
  int first = 0;
  for (int i = 0; i < 4'000; ++i) first += draw(list, dice, {{6, 3}, {2, 1}}) == 0U ? 1 : 0;
  assert_in_range(first, 2'800, 3'200);
}

// Requests that stay: chance alone would be out by far more than two choices are.
void it_evens_out(void**) {
  const List list(up_to(100));
  base::Pcg32 dice(3);
  std::vector<Load> loads(100);
  for (int i = 0; i < 10'000; ++i) ++loads[draw(list, dice, loads).value_or(0)].in_flight;
  for (const Load& load : loads) assert_in_range(load.in_flight, 90, 105);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(of_two_the_one_with_less_for_its_weight),
      cmocka_unit_test(equals_share_by_weight),
      cmocka_unit_test(it_evens_out),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
