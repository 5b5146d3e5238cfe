// SPDX-License-Identifier: MIT
#include "core/registry/telling.h"

#include <string>
#include <string_view>
#include <vector>

#include "rows.h"

namespace kerberos::registry {
namespace {

const std::vector<Source>& sources() {
  static const std::vector<Source> kSources = {{"/a", "x: y\n"}, {"/b", ""}};
  return kSources;
}

void a_problem_is_told_with_its_source(void**) {
  std::string lines;
  for (const auto& line : told({{{1, 4}, "bad y"}, {{}, "bad file", 1}}, sources())) {
    lines += line + "\n";
  }
  expect_text("lines", lines,
              "/a:1:4: bad y\n"
              "    1 | x: y\n"
              "      |    ^\n"
              "/b: bad file\n");
  assert_true(told({}, sources()).empty());
}

void of_many_problems_a_hundred_are_told(void**) {
  base::Problems problems(100, base::Problem{{}, "bad", 1});
  assert_int_equal(told(problems, sources()).size(), 100);
  expect_text("the last of a hundred", told(problems, sources()).back(), "/b: bad");
  problems.push_back({{}, "worse", 1});
  assert_int_equal(told(problems, sources()).size(), 101);
  expect_text("one more", told(problems, sources()).back(), "and 1 more problem");
  problems.resize(1'234, base::Problem{{}, "bad", 1});
  expect_text("many more", told(problems, sources()).back(), "and 1134 more problems");
}

void what_is_idle_is_named(void**) {
  expect_text("nothing", told_idle({}), "");
  const std::vector<std::string> two = {"A_SVC_RETRY", "A_SVC_INSTANCES (health URLs)"};
  expect_text("two", told_idle(two),
              "no effect in this version: A_SVC_RETRY, A_SVC_INSTANCES (health URLs)");
  const std::vector<std::string> many(25, "X");
  const std::string line = told_idle(many);
  expect_true(line, line.ends_with(", X and 5 more"));
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_problem_is_told_with_its_source),
      cmocka_unit_test(of_many_problems_a_hundred_are_told),
      cmocka_unit_test(what_is_idle_is_named),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
