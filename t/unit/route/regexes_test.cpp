// SPDX-License-Identifier: MIT
#include "core/route/regexes.h"

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "gate.h"

namespace kerberos::route {
namespace {

using namespace std::string_view_literals;

bool matches(std::string_view expression, std::string_view text) {
  Regexes regexes;
  regexes.adopt(std::array{expression});
  return regexes.matches(0, text);
}

void an_expression_matches_the_whole_text(void**) {
  assert_true(matches("/users/[0-9]+", "/users/17"));
  assert_false(matches("/users/[0-9]+", "/users/17/x"));
  assert_false(matches("/users/[0-9]+", "/v1/users/17"));
  assert_true(matches("^/users/[0-9]+$", "/users/17"));
  assert_true(matches("/a|/ab", "/ab"));
  assert_false(matches("/a|/b", "/ab"));
  assert_true(matches("(?i)/Users", "/uSERS"));
}

void an_expression_works_on_bytes(void**) {
  assert_true(matches("/a.*", "/a\n\xFF\0z"sv));
  assert_true(matches("/\xC3\xA9", "/\xC3\xA9"));
  assert_false(matches("/.", "/\xC3\xA9"));
  assert_true(matches("/..", "/\xC3\xA9"));
}

void what_cannot_be_used_is_refused(void**) {
  const std::string hint = "; RE2 has neither look-around nor back-references";
  const auto refused = [&](std::string_view expression, const std::string& why) {
    expect_text(expression, judge(expression).refusal, why);
  };
  refused("/a(b", "missing ): /a(b");
  refused("a)(b", "unexpected ): a)(b");
  refused("/(?=a)", "invalid perl operator: (?=" + hint);
  refused("(a)\\1", "invalid escape sequence: \\1" + hint);
  refused("((a{100}){100}){100}", "invalid repetition size: {100}");
  std::string large;
  for (int i = 0; i < 25; ++i) large += ".{999}";
  refused(large, "pattern too large - compile failed");
  expect_text("long", judge(std::string(kRegexMax + 1, 'a')).refusal, "at most 1024 bytes");
  expect_text("long enough", judge(std::string(kRegexMax, 'a')).refusal, "");
}

void it_is_known_how_a_match_begins(void**) {
  constexpr struct {
    std::string_view expression, fixed;
  } kRows[] = {
      {"/api/v1/users/[0-9]+", "/api/v1/users/"},
      {"/api/.*", "/api/"},
      {"^/api/.*$", "/api/"},
      {"/api[/0]", "/api"},
      {"/(?:api)/x", "/api/x"},
      {"/api/a|/api/b", "/api/"},
      {"/x|y", ""},
      {".*/x", ""},
      {"(?i)/api", "/"},
      {"/ab?c", "/a"},
      {"/a+", "/a"},
      {"/a\\.b[0-9]", "/a.b"},
      {"/\\Qa.b", "/a.b"},
      {"", ""},
  };
  for (const auto& row : kRows) {
    const Judgement judgement = judge(row.expression);
    expect_text(row.expression, judgement.refusal, "");
    // "\\Qa.b" cannot be bound at its end: then nothing is known, which is no error.
    if (row.expression.starts_with("/\\Q") && judgement.fixed.empty()) continue;
    expect_text(row.expression, judgement.fixed, row.fixed);
  }
}

void it_is_known_what_a_match_has_in_it(void**) {
  constexpr struct {
    std::string_view expression, within;
  } kRows[] = {
      {"/[a-z]+/service-17/.*", "/service-17/"},
      {"/tenants/[a-z]+/Orders/x", "/orders/x"},
      {"/api/[0-9]+/x", "/api/"},
      {"/(a|b)/x", ""},
      {".*\\.php", ""},
      {".*x/y\\.php", "/y.php"},
      {"(?i).*/ABC", "/abc"},
      {"(/abc)?", ""},
      {"(/abc)+", "/abc"},
      {".*", ""},
      {"", ""},
  };
  for (const auto& row : kRows) {
    expect_text(row.expression, judge(row.expression).within, row.within);
  }
}

void groups_are_told_by_number_and_name(void**) {
  const Judgement judgement = judge("/(?P<tenant>[a-z]+)/([0-9]+)");
  assert_int_equal(judgement.groups.count, 2);
  assert_int_equal(judgement.groups.names.size(), 1);
  expect_text("name", judgement.groups.names[0].first, "tenant");
  assert_int_equal(judgement.groups.names[0].second, 1);

  Regexes regexes;
  regexes.adopt(std::array{"/(?P<tenant>[a-z]+)/([0-9]+)(x)?"sv});
  std::array<std::string_view, 10> groups;
  groups.fill("old");
  assert_true(regexes.match(0, "/blue/17", groups));
  expect_text("0", groups[0], "/blue/17");
  expect_text("1", groups[1], "blue");
  expect_text("2", groups[2], "17");
  expect_text("3", groups[3], "");
  expect_text("9", groups[9], "");
  std::array<std::string_view, 2> two;
  assert_true(regexes.match(0, "/red/1", two));
  expect_text("of two", two[1], "red");
  assert_false(regexes.match(0, "/red", two));
}

void what_was_compiled_is_not_compiled_again(void**) {
  Regexes regexes;
  regexes.adopt(std::array{"/a"sv, "/b"sv, "/a"sv});
  assert_int_equal(regexes.compiled(), 2);
  assert_int_equal(regexes.size(), 3);
  assert_true(regexes.matches(2, "/a"));

  regexes.adopt(std::array{"/c"sv, "/b"sv});
  assert_int_equal(regexes.compiled(), 3);
  assert_int_equal(regexes.size(), 2);
  assert_true(regexes.matches(0, "/c"));
  assert_true(regexes.matches(1, "/b"));
  assert_false(regexes.matches(2, "/a"));

  regexes.adopt(std::array{"/a"sv});  // it was let go
  assert_int_equal(regexes.compiled(), 4);
  regexes.adopt({});
  assert_int_equal(regexes.size(), 0);
  assert_false(regexes.matches(0, "/a"));
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_expression_matches_the_whole_text),
      cmocka_unit_test(an_expression_works_on_bytes),
      cmocka_unit_test(what_cannot_be_used_is_refused),
      cmocka_unit_test(it_is_known_how_a_match_begins),
      cmocka_unit_test(it_is_known_what_a_match_has_in_it),
      cmocka_unit_test(groups_are_told_by_number_and_name),
      cmocka_unit_test(what_was_compiled_is_not_compiled_again),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
