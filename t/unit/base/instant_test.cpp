// SPDX-License-Identifier: MIT
#include "core/base/instant.h"

#include "unit/cmocka.h"

namespace kerberos::base {
namespace {

void elapsed_is_the_difference(void**) {
  assert_int_equal(elapsed(1'000, 1'250), 250);
  assert_int_equal(elapsed(0, 1), 1);
  assert_int_equal(elapsed(-50, 50), 100);
}

// Another process may have written an instant that this one's cached clock has not reached.
void elapsed_never_goes_below_zero(void**) {
  assert_int_equal(elapsed(1'000, 1'000), 0);
  assert_int_equal(elapsed(1'000, 999), 0);
  assert_int_equal(elapsed(1'000, 0), 0);
}

}  // namespace
}  // namespace kerberos::base

int main() {
  using namespace kerberos::base;
  const CMUnitTest tests[] = {
      cmocka_unit_test(elapsed_is_the_difference),
      cmocka_unit_test(elapsed_never_goes_below_zero),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
