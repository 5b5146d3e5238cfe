// SPDX-License-Identifier: MIT
#include "core/registry/value.h"

#include <array>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

const Key kKey{"weight", {2, 3}};

Node scalar(std::string_view text, bool quoted = false) {
  Node node;
  node.kind = Kind::kScalar;
  node.quoted = quoted;
  node.place = {2, 11};
  node.text = text;
  return node;
}

Node of_kind(Kind kind) {
  Node node = scalar("");
  node.kind = kind;
  return node;
}

void truth_values_are_true_and_false_only(void**) {
  base::Problems problems;
  assert_true(*boolean_of({kKey, scalar("true")}, problems));
  assert_false(*boolean_of({kKey, scalar("false")}, problems));
  expect_text("good", listed(problems), "");
  const struct {
    Node node;
    std::string_view expected;
  } rows[] = {
      {scalar("yes"),
       "2:11: invalid value \"yes\" of \"weight\" (did you mean \"true\"? allowed: "
       "true, false)"},
      {scalar("Off"),
       "2:11: invalid value \"Off\" of \"weight\" (did you mean \"false\"? allowed: "
       "true, false)"},
      {scalar("1"),
       "2:11: invalid value \"1\" of \"weight\" (did you mean \"true\"? allowed: "
       "true, false)"},
      {scalar("True"),
       "2:11: invalid value \"True\" of \"weight\" (did you mean \"true\"? "
       "allowed: true, false)"},
      {scalar("maybe"), "2:11: invalid value \"maybe\" of \"weight\" (allowed: true, false)"},
      {scalar("true", true),
       "2:11: invalid value \"true\" of \"weight\" (true or false, without "
       "quotes)"},
      {of_kind(Kind::kMap), "2:11: \"weight\" is a mapping (true or false)"},
      {of_kind(Kind::kNothing), "2:11: \"weight\" is nothing (true or false)"},
  };
  for (const auto& row : rows) {
    problems.clear();
    expect_true(row.expected, !boolean_of({kKey, row.node}, problems).has_value());
    expect_text("boolean", listed(problems), row.expected);
  }
}

void whole_numbers_are_plain_and_in_range(void**) {
  base::Problems problems;
  assert_int_equal(*whole_number_of({kKey, scalar("1")}, 1, 10, problems), 1);
  assert_int_equal(*whole_number_of({kKey, scalar("10")}, 1, 10, problems), 10);
  expect_text("good", listed(problems), "");
  const struct {
    Node node;
    std::string_view expected;
  } rows[] = {
      {scalar("0"), "2:11: invalid value \"0\" of \"weight\" (a whole number from 1 to 10)"},
      {scalar("11"), "2:11: invalid value \"11\" of \"weight\" (a whole number from 1 to 10)"},
      {scalar("4294967297"),
       "2:11: invalid value \"4294967297\" of \"weight\" (a whole number from 1 to 10)"},
      {scalar("1.0"), "2:11: invalid value \"1.0\" of \"weight\" (a whole number from 1 to 10)"},
      {scalar("5", true),
       "2:11: invalid value \"5\" of \"weight\" (a whole number from 1 to 10, without quotes)"},
      {of_kind(Kind::kSequence), "2:11: \"weight\" is a list (a whole number from 1 to 10)"},
  };
  for (const auto& row : rows) {
    problems.clear();
    expect_true(row.expected, !whole_number_of({kKey, row.node}, 1, 10, problems).has_value());
    expect_text("whole number", listed(problems), row.expected);
  }
}

void fields_go_to_whoever_knows_their_key(void**) {
  constexpr std::array kKnown = {
      Known<std::string>{
          "weight", [](std::string& target, const Field& field) { target += field.value.text; }},
      Known<std::string>{"id", [](std::string& target, const Field&) { target += "id"; }},
  };
  Node map = of_kind(Kind::kMap);
  map.keys = {kKey, {"wieght", {3, 1}}, {"id", {4, 1}}};
  map.children = {scalar("7"), scalar("8"), scalar("9")};
  std::string target;
  base::Problems problems;
  read_map(map, kKnown, target, problems);
  expect_text("in the file's order", target, "7id");
  expect_text("unknown", listed(problems),
              "3:1: unknown key \"wieght\" (did you mean \"weight\"? allowed: weight, id)");
}

void names_can_stand_in_paths(void**) {
  for (const std::string_view name : {"a", "users", "v1.2_x~y-Z", "...", "0"}) {
    expect_true(name, is_name(name));
  }
  for (const std::string_view name : {"", ".", "..", "a b", "a/b", "a:1", "\xC3\xA9", "a\"", "*"}) {
    expect_true(name, !is_name(name));
  }
  assert_true(is_name(std::string(128, 'a')));
  assert_false(is_name(std::string(129, 'a')));
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(truth_values_are_true_and_false_only),
      cmocka_unit_test(whole_numbers_are_plain_and_in_range),
      cmocka_unit_test(fields_go_to_whoever_knows_their_key),
      cmocka_unit_test(names_can_stand_in_paths),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
