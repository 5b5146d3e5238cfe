// SPDX-License-Identifier: MIT
#include "core/registry/unreadable.h"

#include <string>
#include <string_view>

#include "core/registry/document.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

struct Row {
  std::string_view row;
  std::string_view text;
  std::string_view expected;
};

void the_text_says_what_the_parser_stopped_at(void**) {
  constexpr Row kRows[] = {
      {"alias of nothing", "a: *.b\n",
       "1:4: alias (anchors and aliases are not read; a text that begins with \"*\" stands in "
       "quotes)"},
      {"unclosed list", "a: [1, 2\n",
       "1:4: unclosed \"[\" (no closing ] up to the end of the file)"},
      {"unclosed map", "a: {x: 1\n",
       "1:4: unclosed \"{\" (no closing } up to the end of the file)"},
      {"unclosed map in a list", "a:\n  - {x: 1\n",
       "2:5: unclosed \"{\" (no closing } up to the end of the file)"},
      {"unclosed quote in a map", "a:\n  - {x: 'b}\n",
       "2:9: unterminated quote (no closing ' up to the end of the file)"},
      {"variable in braces", "a: {x: http://${Y}:1}\n",
       "1:15: variable without quotes (within braces and brackets a text with \"${\" in it stands "
       "in quotes)"},
      {"merge conflict", "a:\n<<<<<<< HEAD\n- b\n=======\n- c\n>>>>>>> theirs\n",
       "2:1: merge conflict (from here to \">>>>>>>\")"},
  };
  for (const Row& row : kRows) {
    const Document document = parse_document(row.text);
    expect_text(row.row, listed(document.problems), row.expected);
    expect_true(row.row, !document.root);
  }
}

// The words in parentheses are the library's, and differ between its versions.
void what_the_library_cannot_read_is_refused_where_it_says(void**) {
  constexpr Row kRows[] = {
      {"map in a value", "a: b: c\n", "1:5"},
      {"blank behind nothing", "a:b\nc: d\n", "2:2"},
      {"indentation", "a:\n  b: c\n d: e\n", "3:2"},
      {"list under a value", "a: b\n - c: d\n", "2:5"},
      {"stray bracket", "a: [b]]\n", "1:7"},
      {"behind the end", "{a: b}\nc: d\n", "2:1"},
      {"text after a quote", "a: \"x\" y\n", "1:8"},
      {"unknown escape", "a: \"\\z\"\n", "1:7"},
      {"reserved character", "a: 1\n@b: 2\n", "2:1"},
  };
  for (const Row& row : kRows) {
    const Document document = parse_document(row.text);
    const std::string expected = std::string(row.expected) + ": not readable as YAML (";
    expect_text(row.row, listed(document.problems).substr(0, expected.size()), expected);
    expect_true(row.row, !document.root);
  }
}

// A place that the parser does not know is none.
void without_a_place_its_message_is_all(void**) {
  const base::Problem problem = unreadable("a: b", {"odd", {}, 4, {}});
  expect_text("problem", listed({problem}), "0:0: not readable as YAML (odd)");
}

void an_alias_is_as_long_as_its_name(void**) {
  assert_int_equal(alias_at({2, 4}, "*name, b").length, 5);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_text_says_what_the_parser_stopped_at),
      cmocka_unit_test(what_the_library_cannot_read_is_refused_where_it_says),
      cmocka_unit_test(without_a_place_its_message_is_all),
      cmocka_unit_test(an_alias_is_as_long_as_its_name),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
