// SPDX-License-Identifier: MIT
#include "core/registry/environment.h"

#include <array>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

void a_variable_is_found_by_its_name(void**) {
  constexpr std::array<std::string_view, 4> kEntries = {"PATH=/bin:/sbin", "B=a=b",
                                                        "EMPTY=", "A=1"};
  const Environment environment(kEntries);
  expect_text("value", environment.find("PATH").value_or("none"), "/bin:/sbin");
  expect_text("equals sign", environment.find("B").value_or("none"), "a=b");
  expect_text("empty", environment.find("EMPTY").value_or("none"), "");
  for (const std::string_view name : {"", "C", "PAT", "PATHS", "EMPTY="}) {
    expect_true(name, !environment.find(name));
  }
  assert_false(Environment().find("A").has_value());
}

void they_come_in_the_order_of_their_names(void**) {
  constexpr std::array<std::string_view, 3> kEntries = {"B=2", "A=1", "C=3"};
  std::string names;
  const Environment environment(kEntries);
  for (const auto& variable : environment.variables()) names += variable.first;
  expect_text("names", names, "ABC");
}

void the_first_of_a_name_holds_and_what_has_none_is_passed_over(void**) {
  constexpr std::array<std::string_view, 5> kEntries = {"A=1", "nothing", "=2", "", "A=3"};
  const Environment environment(kEntries);
  assert_int_equal(environment.variables().size(), 1);
  expect_text("first", environment.find("A").value_or("none"), "1");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_variable_is_found_by_its_name),
      cmocka_unit_test(they_come_in_the_order_of_their_names),
      cmocka_unit_test(the_first_of_a_name_holds_and_what_has_none_is_passed_over),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
