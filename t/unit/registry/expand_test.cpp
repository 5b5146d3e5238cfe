// SPDX-License-Identifier: MIT
#include "core/registry/expand.h"

#include <array>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

const Environment& variables() {
  constexpr std::array<std::string_view, 8> kEntries = {
      "HOST=10.0.0.1", "N=5",           "EMPTY=",    "STRUCTURE={a: [b]}\"",
      "_x1=y",         "LINES=a\nb: c", "BYTE=\xFF", "DOLLAR=${N}",
  };
  static const Environment kVariables(kEntries);
  return kVariables;
}

// The values of a tree, its keys before them, with blanks between; quoted ones in quotes.
std::string flat(const Node& node) {
  if (node.kind == Kind::kScalar) return node.quoted ? "'" + node.text + "'" : node.text;
  std::string result;
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i > 0) result += ' ';
    if (node.kind == Kind::kMap) result += node.keys[i].text + "=";
    result += flat(node.children[i]);
  }
  return result;
}

Node tree_of(std::string_view yaml) {
  Document document = parse_document(yaml);
  expect_text(yaml, listed(document.problems), "");
  return document.root.value_or(Node{});
}

void values_get_what_variables_hold(void**) {
  constexpr struct {
    std::string_view row, yaml, expected;
  } kRows[] = {
      {"alone", "a: ${HOST}", "a=10.0.0.1"},
      {"amid", "a: http://${HOST}:${N}0", "a=http://10.0.0.1:50"},
      {"in a list", "- ${N}\n- b", "5 b"},
      {"at the root", "${N}", "5"},
      {"an underscore and a digit", "a: ${_x1}", "a=y"},
      {"quotes make no text of it", "a: [\"${N}\", '${N}']", "a=5 5"},
      {"quotes without a variable do", "a: ['$N', \"$${N}\"]", "a='$N' '${N}'"},
      {"a default", "a: ${NONE:-http://b:80}", "a=http://b:80"},
      {"an empty default", "a: ${NONE:-}", "a="},
      {"a default that is not needed", "a: ${N:-6}", "a=5"},
      {"a default for what is empty", "a: ${EMPTY:-6}", "a=6"},
      {"empty without a default", "a: ${EMPTY}", "a="},
      {"an escape", "a: hash $${arg_user}", "a=hash ${arg_user}"},
      {"nginx's variables", "a: hash $cookie_x$$y$", "a=hash $cookie_x$$y$"},
      {"a plain dollar before one", "a: $-${N}", "a=$-5"},
      {"keys stay", "\"${N}\": ${N}", "${N}=5"},
      {"what a variable holds is text", "a: ${STRUCTURE}", "a={a: [b]}\""},
      {"and not looked at again", "a: ${DOLLAR}", "a=${N}"},
  };
  for (const auto& row : kRows) {
    Node root = tree_of(row.yaml);
    const Expansion expansion(root, variables());
    base::Problems problems;
    expansion.explain(problems);
    expect_text(row.row, listed(problems), "");
    expect_text(row.row, flat(root), row.expected);
  }
}

void what_cannot_be_put_in_is_a_problem(void**) {
  const std::string form = " (${NAME} or ${NAME:-DEFAULT}; for a plain \"${\" write \"$${\")";
  const struct {
    std::string_view row, yaml;
    std::string expected;
  } rows[] = {
      {"missing", "a: ${NONE}", "1:4: variable \"NONE\" is not set (a default: ${NONE:-...})"},
      {"missing within", "a:\n  - 'x ${NONE}'",
       "2:5: variable \"NONE\" is not set (a default: ${NONE:-...})"},
      {"the first one only", "a: ${N}${NO}${NONE}",
       "1:4: variable \"NO\" is not set (a default: ${NO:-...})"},
      {"each value", "[\"${NO}\", \"${NONE}\"]",
       "1:2: variable \"NO\" is not set (a default: ${NO:-...})\n"
       "1:11: variable \"NONE\" is not set (a default: ${NONE:-...})"},
      {"no end", "a: ${N", "1:4: invalid variable \"${N\"" + form},
      {"no name", "a: ${}", "1:4: invalid variable \"${}\"" + form},
      {"no name of a variable", "a: ${1}", "1:4: invalid variable \"${1}\"" + form},
      {"blanks", "a: ${ N }", "1:4: invalid variable \"${ N }\"" + form},
      {"another operator", "a: ${N-5}", "1:4: invalid variable \"${N-5}\"" + form},
      {"one in another", "a: ${NONE:-${N}}", "1:4: invalid variable \"${NONE:-${N}\"" + form},
      {"several lines", "a: ${LINES}",
       "1:4: the value of variable \"LINES\" is not one line of UTF-8 text"},
      {"bytes", "a: ${BYTE}", "1:4: the value of variable \"BYTE\" is not one line of UTF-8 text"},
  };
  for (const auto& row : rows) {
    Node root = tree_of(row.yaml);
    const Expansion expansion(root, variables());
    base::Problems problems;
    expansion.explain(problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

void many_times_a_long_value_is_too_much(void**) {
  const std::string entry = "LONG=" + std::string(std::size_t{1} << 20U, 'x');
  const std::string_view entries[] = {entry};
  const Environment environment(entries);
  std::string yaml;
  for (int i = 0; i < 16; ++i) yaml += "- ${LONG}\n";
  const auto problems_of = [&](std::string_view text) {
    Node root = tree_of(text);
    base::Problems problems;
    Expansion(root, environment).explain(problems);
    return listed(problems);
  };
  expect_text("just fits", problems_of(yaml), "");
  expect_text("one more", problems_of(yaml + "- ${LONG}\n"),
              "17:3: the values of variables are too long (at most 16 MiB in one file)");
}

// What readers find wrong with values that variables made.
void problems_say_where_a_value_came_from(void**) {
  Node root = tree_of("[\"${N}\", \"${NONE}\", plain, \"${N}-${HOST}-${N}\"]");
  const Expansion expansion(root, variables());
  base::Problems problems;
  for (const Node& child : root.children) problems.push_back(problem_at(child, "bad"));
  problems.push_back({{1, 1}, "worse"});
  expansion.explain(problems);
  expect_text("problems", listed(problems),
              "1:1: worse\n"
              "1:2: bad, from ${N}\n"
              "1:10: variable \"NONE\" is not set (a default: ${NONE:-...})\n"
              "1:21: bad\n"
              "1:28: bad, from ${N} and ${HOST}");
  assert_int_equal(problems[1].length, 6);
  assert_int_equal(problems[2].length, 9);
  assert_int_equal(problems[3].length, 5);
}

void it_knows_the_variables_that_were_used(void**) {
  Node root = tree_of("[\"${N}\", \"${NONE:-1}\", $HOST, \"${N}\"]");
  std::string names;
  const Expansion expansion(root, variables());
  for (const auto& name : expansion.names()) names += name + " ";
  expect_text("names", names, "N NONE ");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_get_what_variables_hold),
      cmocka_unit_test(what_cannot_be_put_in_is_a_problem),
      cmocka_unit_test(many_times_a_long_value_is_too_much),
      cmocka_unit_test(problems_say_where_a_value_came_from),
      cmocka_unit_test(it_knows_the_variables_that_were_used),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
