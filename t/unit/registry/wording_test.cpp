// SPDX-License-Identifier: MIT
#include "core/registry/wording.h"

#include <array>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

void quoted_text_fits_in_one_line(void**) {
  const std::string at_limit(80, 'a');
  expect_text("plain", quoted("timeout"), "\"timeout\"");
  expect_text("empty", quoted(""), "\"\"");
  expect_text("control characters", quoted("a\nb\x7f"), "\"a?b?\"");
  expect_text("at the limit", quoted(at_limit), "\"" + at_limit + "\"");
  expect_text("over the limit", quoted(at_limit + "b"), "\"" + at_limit + "...\"");
  const std::string before(79, 'a');
  expect_text("no half characters", quoted(before + "\xC3\xA9!"), "\"" + before + "...\"");
}

void hints_ask_for_near_misses(void**) {
  constexpr std::array<std::string_view, 4> kNames = {"threshold", "timeout", "url", "id"};
  struct {
    std::string_view row, word, expected;
  } const rows[] = {
      {"one missing", "treshold", "did you mean \"threshold\"? "},
      {"two swapped", "tiemout", "did you mean \"timeout\"? "},
      {"two swapped in three", "ulr", "did you mean \"url\"? "},
      {"one too many", "ids", "did you mean \"id\"? "},
      {"plural and capital", "Timeouts", "did you mean \"timeout\"? "},
      {"three edits", "tmout2", ""},
      {"nothing in common", "ab", ""},
      {"empty", "", ""},
  };
  for (const auto& row : rows) {
    expect_text(row.row, hint(row.word, kNames),
                std::string(row.expected) + "allowed: threshold, timeout, url, id");
  }
  expect_text("huge", hint(std::string(1 << 20, 'a'), kNames), "allowed: " + joined(kNames));
  expect_text("no names", hint("a", {}), "allowed: ");
}

void places_are_line_and_column(void**) {
  expect_text("place", first_at({4, 11}), "first at 4:11");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(quoted_text_fits_in_one_line),
      cmocka_unit_test(hints_ask_for_near_misses),
      cmocka_unit_test(places_are_line_and_column),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
