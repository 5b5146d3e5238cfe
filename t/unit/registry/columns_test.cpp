// SPDX-License-Identifier: MIT
#include "core/registry/columns.h"

#include "rows.h"

namespace kerberos::registry {
namespace {

void a_scalar_reaches_to_its_end_or_that_of_its_line(void**) {
  constexpr struct {
    std::string_view row, source, value;
    std::uint32_t columns;
  } kRows[] = {
      {"plain", "10x # c\n", "10x", 3},
      {"in quotes", "'it''s': 1", "it's", 7},
      {"an escape", "\"a\\tb\"\n", "a\tb", 6},
      {"quotes over lines", "\"one\n  two\"\n", "one two", 4},
      {"folded", "one\n  two\n", "one two", 3},
      {"a quote that stays open", "'ab\nc", "ab c", 3},
      {"a block begins with its mark", "|\n  x\n", "x\n", 1},
      {"nothing", "", "", 1},
  };
  for (const auto& row : kRows) {
    expect_true(row.row, columns_of(row.source, row.value) == row.columns);
  }
}

void a_word_ends_where_another_thing_begins(void**) {
  for (const std::string_view source : {"!env", "!env x", "!env,", "!env]", "!env}", "!env\n"}) {
    expect_true(source, columns_of_word(source) == 4);
  }
  expect_true("nothing", columns_of_word("") == 1);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_scalar_reaches_to_its_end_or_that_of_its_line),
      cmocka_unit_test(a_word_ends_where_another_thing_begins),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
