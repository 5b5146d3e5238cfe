// SPDX-License-Identifier: MIT
#include "core/registry/closing.h"

#include <string>
#include <string_view>

#include "fields.h"

namespace kerberos::registry {
namespace {

std::string flaw_at(std::string_view text, std::size_t at) {
  const auto flaw = flaw_of_bracket(text, at);
  return flaw ? listed({*flaw}) : "";
}

void a_quote_is_closed_by_its_like(void**) {
  assert_int_equal(closing_quote("\"a\\\"b\" c\""), 5);
  assert_int_equal(closing_quote("'a''b' c'"), 5);
  assert_int_equal(closing_quote("'a\\'"), 3);
  assert_int_equal(closing_quote("\"'\""), 2);
  assert_true(closing_quote("\"a\\\"") == std::string_view::npos);
  assert_true(closing_quote("'a''") == std::string_view::npos);
}

void brackets_that_are_closed_have_no_flaw(void**) {
  for (const std::string_view text : {"[]", "{a: [b, {c: d}], e: \"]\", 'f': it's, g: x#y}",
                                      "[a, # ]\n b]", "[a] }", "[\"\\\"]\"]"}) {
    expect_text(std::string(text).c_str(), flaw_at(text, 0), "");
  }
}

void what_stays_open_is_named(void**) {
  expect_text("a list", flaw_at("a:\n  b: [c,\nd: e\n", 8),
              "2:6: unclosed \"[\" (no closing ] up to the end of the file)");
  expect_text("the inner one", flaw_at("[{a: b\n", 0),
              "1:2: unclosed \"{\" (no closing } up to the end of the file)");
  expect_text("in a comment", flaw_at("[a # ]\n", 0),
              "1:1: unclosed \"[\" (no closing ] up to the end of the file)");
  expect_text("a quote", flaw_at("{a: 'b}\n", 0),
              "1:5: unterminated quote (no closing ' up to the end of the file)");
}

void one_that_closes_another_is_named(void**) {
  expect_text("list", flaw_at("[{a: b],\n", 0), "1:7: \"]\" where \"{\" of 1:2 is still open");
  expect_text("mapping", flaw_at("x: {a: [b}\n", 3),
              "1:10: \"}\" where \"[\" of 1:8 is still open");
}

void a_byte_has_its_place(void**) {
  const base::Place place = place_in("ab\nc\n", 3);
  assert_int_equal(place.line, 2);
  assert_int_equal(place.column, 1);
  assert_int_equal(place_in("ab", 1).column, 2);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_quote_is_closed_by_its_like),
      cmocka_unit_test(brackets_that_are_closed_have_no_flaw),
      cmocka_unit_test(what_stays_open_is_named),
      cmocka_unit_test(one_that_closes_another_is_named),
      cmocka_unit_test(a_byte_has_its_place),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
