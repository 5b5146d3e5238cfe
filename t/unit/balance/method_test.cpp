// SPDX-License-Identifier: MIT
#include "core/balance/method.h"

#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

void the_table_stands_in_the_order_of_the_methods(void**) {
  for (std::size_t i = 0; i < kMethods.size(); ++i) {
    assert_int_equal(kMethods[i].method, i);
    assert_true(row_of(kMethods[i].method).name == kMethods[i].name);
    for (std::size_t k = 0; k < i; ++k) assert_true(kMethods[k].name != kMethods[i].name);
  }
}

void each_method_keeps_what_it_needs_and_no_more(void**) {
  const struct {
    Options options;
    bool learns;
    bool ranks;
  } rows[] = {
      {{}, false, false},
      {{.adaptive = true}, true, false},
      {{.method = Method::kLeastConn}, false, true},
      {{.method = Method::kRandom}, false, false},
      {{.method = Method::kEwma}, true, false},
      {{.method = Method::kHash}, false, false},
      {{.method = Method::kHash, .bounded_percent = 125}, false, false},
  };
  for (const auto& row : rows) {
    assert_int_equal(row.options.learns(), row.learns);
    assert_int_equal(row.options.ranks(), row.ranks);
  }
}

void unless_told_otherwise_it_is_round_robin(void**) {
  assert_true(Options{}.method == Method::kRoundRobin);
  assert_true(row_of(Options{}.method).name == "round_robin");
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_table_stands_in_the_order_of_the_methods),
      cmocka_unit_test(each_method_keeps_what_it_needs_and_no_more),
      cmocka_unit_test(unless_told_otherwise_it_is_round_robin),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
