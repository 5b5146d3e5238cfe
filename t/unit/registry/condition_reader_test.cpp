// SPDX-License-Identifier: MIT
#include "core/registry/condition_reader.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/route/words.h"
#include "fields.h"

namespace kerberos::registry {
namespace {

std::vector<route::Condition> conditions_of(std::string_view text, base::Problems& problems) {
  std::vector<route::Condition> conditions;
  first_field(text, [&](const Field& field) {
    const auto read = field.key.text == "headers" ? read_headers : read_query;
    read(field, conditions, problems);
    return 0;
  });
  return conditions;
}

void a_condition_is_a_text_or_a_form(void**) {
  using route::Condition;
  using route::Form;
  base::Problems problems;
  const auto headers = conditions_of(
      "headers: {X-Tenant: blue, x-b: {present: true}, x-c: {present: false}}", problems);
  const auto query = conditions_of(
      "query: {V: {prefix: \"2\"}, v: {exact: \"\"}, w: {regex: \"[0-9]+\"}, t: \"true\"}",
      problems);
  expect_text("problems", listed(problems), "");
  assert_true(headers == (std::vector<Condition>{{"x-tenant", Form::kExact, "blue"},
                                                 {"x-b", Form::kPresent, ""},
                                                 {"x-c", Form::kAbsent, ""}}));
  assert_true(query == (std::vector<Condition>{{"V", Form::kPrefix, "2"},
                                               {"v", Form::kExact, ""},
                                               {"w", Form::kRegex, "[0-9]+"},
                                               {"t", Form::kExact, "true"}}));
}

void bad_conditions_say_what_is_allowed(void**) {
  const std::string forms =
      " (a text that it must be, or a mapping of one of present, exact, prefix, regex)";
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"header twice", "headers: {X-A: a, x-a: b}",
       "1:19: duplicate header \"x-a\" (names are the same in any case)"},
      {"header's name", "headers: {X A: a}",
       "1:11: invalid header \"X A\" (a header's name is 1 to 128 letters, digits and - _ .)"},
      {"argument's name", "query: {a=b: a}",
       "1:9: invalid argument \"a=b\" (an argument's name is 1 to 128 bytes without blanks, "
       "\"&\", "
       "\"=\" and \"#\")"},
      {"two forms", "headers: {a: {exact: b, prefix: c}}",
       "1:25: \"prefix\" beside \"exact\" (one of present, exact, prefix, regex)"},
      {"present and more", "headers: {a: {exact: b, present: \"true\"}}",
       "1:25: \"present\" beside \"exact\" (one of present, exact, prefix, regex)"},
      {"unknown form", "headers: {a: {prefx: b}}",
       "1:15: unknown key \"prefx\" (did you mean \"prefix\"? allowed: present, exact, prefix, "
       "regex)"},
      {"empty prefix", "headers: {a: {prefix: \"\"}}",
       "1:23: invalid value \"\" of \"prefix\" (at least one byte; {present: true} takes any)"},
      {"header's regex", "headers: {a: {regex: \"*\"}}",
       "1:22: invalid value \"*\" of \"regex\" (no argument for repetition operator: *)"},
      {"a truth value", "headers: {x-debug: true}",
       "1:20: invalid value \"true\" of \"x-debug\" (a text in quotes, or {present: true})"},
      {"no form", "headers: {x-debug: {}}",
       "1:20: \"x-debug\" is empty (a text that it must be, or a mapping of one of "
       "present, exact, prefix, regex)"},
      {"nothing", "headers: {a: }", "1:11: \"a\" has no value" + forms},
      {"a list", "headers: {a: []}", "1:14: \"a\" is a list" + forms},
      {"a text", "query: b",
       "1:8: \"query\" is a single value (a mapping of argument to what it must be, such as "
       "{version: 2})"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    conditions_of(row.text, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

void there_may_be_only_so_many_conditions(void**) {
  std::string text = "query: {";
  for (std::size_t i = 0; i <= route::kConditionsMax; ++i)
    text += "q" + std::to_string(i) + ": a, ";
  base::Problems problems;
  conditions_of(text + "}", problems);
  expect_text("many", listed(problems), "1:1: \"query\" has more than 16 entries");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_condition_is_a_text_or_a_form),
      cmocka_unit_test(bad_conditions_say_what_is_allowed),
      cmocka_unit_test(there_may_be_only_so_many_conditions),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
