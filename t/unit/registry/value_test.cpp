// SPDX-License-Identifier: MIT
#include "core/registry/value.h"

#include <array>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

const Key kKey{"weight", {2, 3}};

constexpr KeyRow kTruth = truth("weight", "", "");
constexpr KeyRow kNumber = number("weight", 1, 10, "", "");

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
  assert_int_equal(*number_of(kTruth, {kKey, scalar("true")}, problems), 1);
  assert_int_equal(*number_of(kTruth, {kKey, scalar("false")}, problems), 0);
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
      {of_kind(Kind::kNothing), "2:11: \"weight\" has no value (true or false)"},
  };
  for (const auto& row : rows) {
    problems.clear();
    expect_true(row.expected, !number_of(kTruth, {kKey, row.node}, problems).has_value());
    expect_text("boolean", listed(problems), row.expected);
  }
}

void whole_numbers_are_plain_and_in_range(void**) {
  base::Problems problems;
  assert_int_equal(*number_of(kNumber, {kKey, scalar("1")}, problems), 1);
  assert_int_equal(*number_of(kNumber, {kKey, scalar("10")}, problems), 10);
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
    expect_true(row.expected, !number_of(kNumber, {kKey, row.node}, problems).has_value());
    expect_text("whole number", listed(problems), row.expected);
  }
}

void times_and_shares_may_be_quoted_but_not_bare_numbers(void**) {
  constexpr KeyRow kTime = time("weight", 1, 60'000, "", "");
  constexpr KeyRow kShare = share("weight", 1, 100, "", "");
  base::Problems problems;
  assert_int_equal(*number_of(kTime, {kKey, scalar("10s", true)}, problems), 10'000);
  assert_int_equal(*number_of(kTime, {kKey, scalar("10")}, problems), 10'000);
  assert_int_equal(*number_of(kShare, {kKey, scalar("10%", true)}, problems), 10);
  expect_text("good", listed(problems), "");
  assert_false(number_of(kTime, {kKey, scalar("10", true)}, problems).has_value());
  expect_text("a text", listed(problems),
              "2:11: invalid value \"10\" of \"weight\" (a time such as 500ms, 30s or 5m, from 1ms "
              "to 1m, without quotes)");
}

void texts_are_what_their_row_finds_valid(void**) {
  constexpr KeyRow kName = text("weight", kNameText, "", "");
  constexpr KeyRow kAny = text("weight", {"something", "^.*$"}, "", "");
  base::Problems problems;
  expect_text("name", *text_of(kName, {kKey, scalar("a-1")}, problems), "a-1");
  expect_text("in quotes", *text_of(kName, {kKey, scalar("7", true)}, problems), "7");
  expect_text("any", *text_of(kAny, {kKey, scalar("")}, problems), "");
  assert_false(text_of(kName, {kKey, scalar("a b")}, problems).has_value());
  assert_false(text_of(kAny, {kKey, of_kind(Kind::kMap)}, problems).has_value());
  expect_text("bad", listed(problems),
              "2:11: invalid value \"a b\" of \"weight\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)\n"
              "2:11: \"weight\" is a mapping (something)");
}

struct Target {
  std::uint32_t weight = 1;
  bool down = false;
  std::string id;
  std::optional<base::Millis> idle;
  std::optional<breaker::Mode> mode;
  std::string other;
};

constexpr std::array<std::string_view, 2> kModes = {"enforce", "observe"};

constexpr std::array kKnown = {
    Known<Target>{number("weight", 1, 10, "", ""), &Target::weight},
    Known<Target>{truth("down", "", ""), &Target::down},
    Known<Target>{text("id", kNameText, "", ""), &Target::id},
    Known<Target>{time("idle", 1, 9'000, "", ""), &Target::idle},
    Known<Target>{word("mode", kModes, "", ""), &Target::mode},
    Known<Target>{text("other", {"a text", ""}, "", ""),
                  [](Target& target, const Field& field) { target.other = field.key.text; }},
};

Node map_of(std::initializer_list<std::pair<std::string_view, std::string_view>> fields) {
  Node map = of_kind(Kind::kMap);
  int line = 3;
  for (const auto& [key, value] : fields) {
    map.keys.push_back({std::string(key), {line++, 1}, static_cast<std::uint32_t>(key.size())});
    map.children.push_back(scalar(value));
  }
  return map;
}

void fields_go_to_whoever_knows_their_key(void**) {
  Target target;
  base::Problems problems;
  read_map(map_of({{"mode", "observe"},
                   {"weight", "7"},
                   {"down", "true"},
                   {"other", "x"},
                   {"idle", "2s"},
                   {"id", "a"}}),
           kKnown, target, problems);
  expect_text("good", listed(problems), "");
  assert_int_equal(target.weight, 7);
  assert_true(target.down);
  expect_text("id", target.id, "a");
  assert_int_equal(*target.idle, 2'000);
  assert_true(*target.mode == breaker::Mode::kObserve);
  expect_text("a function", target.other, "other");
}

void what_is_wrong_leaves_the_target_alone(void**) {
  Target target;
  base::Problems problems;
  read_map(map_of({{"wieght", "8"}, {"weight", "11"}, {"id", "a b"}, {"mode", "Observe"}}), kKnown,
           target, problems);
  expect_text("problems", listed(problems),
              "3:1: unknown key \"wieght\" (did you mean \"weight\"? allowed: weight, down, id, "
              "idle, mode, other)\n"
              "2:11: invalid value \"11\" of \"weight\" (a whole number from 1 to 10)\n"
              "2:11: invalid value \"a b\" of \"id\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)\n"
              "2:11: invalid value \"Observe\" of \"mode\" (did you mean \"observe\"? allowed: "
              "enforce, observe)");
  assert_int_equal(problems[0].length, 6);
  assert_int_equal(target.weight, 1);
  expect_text("id", target.id, "");
  assert_false(target.mode.has_value());
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
      cmocka_unit_test(times_and_shares_may_be_quoted_but_not_bare_numbers),
      cmocka_unit_test(texts_are_what_their_row_finds_valid),
      cmocka_unit_test(what_is_wrong_leaves_the_target_alone),
      cmocka_unit_test(fields_go_to_whoever_knows_their_key),
      cmocka_unit_test(names_can_stand_in_paths),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
