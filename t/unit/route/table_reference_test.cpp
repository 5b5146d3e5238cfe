// SPDX-License-Identifier: MIT
//
// Random tables and requests against a matcher that looks at each route and knows no more than
// docs/routing.md: the rules are written here a second time, in the plainest form.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "core/base/random.h"
#include "core/route/table.h"
#include "gate.h"

namespace kerberos::route {
namespace {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }
  bool one_in(std::uint32_t n) { return below(n) == 0; }
  template <std::size_t kCount>
  std::string any(const std::string_view (&words)[kCount]) {
    return std::string(words[below(kCount)]);
  }

 private:
  base::Pcg32 random_;
};

std::string random_path(Dice& dice) {
  constexpr std::string_view kSegments[] = {"a", "b", "ab", "abc", "a1", "7"};
  std::string path;
  const std::uint32_t segments = dice.below(4);
  for (std::uint32_t i = 0; i < segments; ++i) path += "/" + dice.any(kSegments);
  if (path.empty() || dice.one_in(5)) path += '/';
  return path;
}

std::string random_host(Dice& dice, bool wildcards) {
  constexpr std::string_view kHosts[] = {"", "", "h", "x.h", "y.x.h", "o.g"};
  std::string host = dice.any(kHosts);
  if (wildcards && !host.empty() && dice.one_in(2)) host = "*." + host;
  return host;
}

Condition random_condition(Dice& dice, std::string name) {
  constexpr std::string_view kTexts[] = {"a", "b", "ab"};
  constexpr std::string_view kExpressions[] = {"a.*", "[ab]", ".*b"};
  Condition condition{std::move(name), static_cast<Form>(dice.below(5)), {}};
  if (condition.form == Form::kExact || condition.form == Form::kPrefix) {
    condition.text = dice.any(kTexts);
  }
  if (condition.form == Form::kRegex) condition.text = dice.any(kExpressions);
  return condition;
}

Route random_route(Dice& dice) {
  constexpr std::string_view kExpressions[] = {
      "/a.*",         "/[ab]+",       ".*",           "/a/[a-z]+",   "/a(b|1)/.*",
      "/ab/[0-9]",    ".*/7",         "/(?i)AB",      "/a|/b/7",     "/[ab]+/7",
      "/.*/ab(/.*)?", "/[^/]*/abc/?", "/(?:a|b)/A?b", "/.*/b.*/7?/a"};
  Route route;
  switch (dice.below(3)) {
    case 0:
      route = exact(random_path(dice));
      break;
    case 1:
      route = regex(dice.any(kExpressions));
      break;
    default:
      route = prefix(random_path(dice));
  }
  route.host = random_host(dice, true);
  if (dice.one_in(3)) route.methods = 1 + dice.below(7);
  if (dice.one_in(6)) route.priority = 1 + dice.below(2);
  if (dice.one_in(3)) route.headers.push_back(random_condition(dice, "x"));
  if (dice.one_in(6)) route.headers.push_back(random_condition(dice, "y"));
  if (dice.one_in(4)) route.query.push_back(random_condition(dice, "q"));
  if (route.form != PathForm::kRegex && dice.one_in(3)) route.strip = true;
  if (!route.strip && dice.one_in(3)) route = rewritten(std::move(route), "/new");
  return route;
}

Asked random_request(Dice& dice) {
  constexpr std::string_view kMethods3[] = {"GET", "HEAD", "POST", "BREW"};
  constexpr std::string_view kValues[] = {"a", "b", "ab", "abb", ""};
  Asked asked{random_path(dice), random_host(dice, false), dice.any(kMethods3)};
  if (asked.host.empty() && dice.one_in(2)) asked.host = "z.y.x.h";
  if (!asked.host.empty() && dice.one_in(3)) asked.host += ":8080";
  if (dice.one_in(2)) asked.headers["x"] = dice.any(kValues);
  if (dice.one_in(2)) asked.headers["y"] = dice.any(kValues);
  if (dice.one_in(2)) asked.query["q"] = dice.any(kValues);
  return asked;
}

bool whole(const std::string& expression, std::string_view text) {
  Regexes regexes;
  regexes.adopt(std::vector<std::string_view>{expression});
  return regexes.matches(0, text);
}

bool path_fits(const Route& route, const std::string& path) {
  switch (route.form) {
    case PathForm::kExact:
      return path == route.path;
    case PathForm::kRegex:
      return whole(route.path, path);
    case PathForm::kPrefix:
      break;
  }
  return path.starts_with(route.path) &&
         (route.path.ends_with('/') || path.size() == route.path.size() ||
          path[route.path.size()] == '/');
}

bool host_fits(const Route& route, std::string host) {
  host = host.substr(0, host.find(':'));
  if (route.host.empty()) return true;
  if (!route.host.starts_with('*')) return host == route.host;
  return host.size() > route.host.size() - 1 && host.ends_with(route.host.substr(1));
}

bool value_fits(const Condition& condition, std::optional<std::string_view> value) {
  switch (condition.form) {
    case Form::kAbsent:
      return !value;
    case Form::kPresent:
      return value.has_value();
    case Form::kExact:
      return value == condition.text;
    case Form::kPrefix:
      return value && value->starts_with(condition.text);
    case Form::kRegex:
      break;
  }
  return value && whole(condition.text, *value);
}

bool fits(const Route& route, const Asked& asked) {
  const std::uint32_t bit = asked.method == "GET"    ? 1
                            : asked.method == "HEAD" ? 2
                            : asked.method == "POST" ? 4
                                                     : 0;
  if (route.methods != 0 && (route.methods & bit) == 0) return false;
  for (const Condition& condition : route.headers) {
    if (!value_fits(condition, asked.find(&Asked::headers, condition.name))) return false;
  }
  for (const Condition& condition : route.query) {
    if (!value_fits(condition, asked.find(&Asked::query, condition.name))) return false;
  }
  return host_fits(route, asked.host) && path_fits(route, asked.path);
}

// Less goes first.
auto rank(const Route& route) {
  const int host = route.host.empty() ? 2 : route.host.starts_with('*') ? 1 : 0;
  const auto fewer = [](std::size_t count) { return -static_cast<long>(count); };
  const bool exact_path = route.form == PathForm::kExact;
  return std::tuple(host, fewer(route.host.size()), fewer(route.priority),
                    static_cast<int>(route.form), fewer(route.fixed.size()),
                    exact_path ? 0 : fewer(route.path.size()), route.path, route.methods == 0,
                    fewer(route.headers.size()), fewer(route.query.size()));
}

int reference(const std::vector<Route>& routes, const Asked& asked) {
  int best = -1;
  for (std::size_t i = 0; i < routes.size(); ++i) {
    if (!fits(routes[i], asked)) continue;
    if (best < 0 || rank(routes[i]) < rank(routes[static_cast<std::size_t>(best)])) {
      best = static_cast<int>(i);
    }
  }
  return best;
}

std::string reference_path(const Route& route, const std::string& path) {
  std::string rest = route.form == PathForm::kPrefix ? path.substr(route.path.size()) : "";
  if (route.form == PathForm::kPrefix && route.path.ends_with('/')) rest = "/" + rest;
  if (route.strip) return rest.empty() ? "/" : rest;
  return route.rewrite.empty() ? path : "/new" + rest;
}

void a_table_chooses_as_a_look_at_each_route_would(void**) {
  int matched = 0;
  int unmatched = 0;
  for (std::uint64_t seed = 1; seed <= 150; ++seed) {
    Dice dice(seed);
    std::vector<Route> routes;
    const std::uint32_t count = 1 + dice.below(60);
    for (std::uint32_t i = 0; i < count; ++i) routes.push_back(random_route(dice));
    const Gate gate(routes);
    for (int i = 0; i < 100; ++i) {
      const Asked asked = random_request(dice);
      const int expected = reference(gate.routes(), asked);
      const std::string row = "seed " + std::to_string(seed) + " request " + std::to_string(i);
      expect_route(row, gate, asked, expected);
      (expected < 0 ? unmatched : matched) += 1;
      if (expected < 0) continue;
      const Route& route = gate.routes()[static_cast<std::size_t>(expected)];
      expect_text(row, gate.path(asked), reference_path(route, asked.path));
    }
  }
  assert_true(matched > 1000);
  assert_true(unmatched > 1000);
}

// What an expression matches begins as was said and has in it what was said, or a table would miss
// it.
void whatever_matches_has_what_was_said(void**) {
  constexpr std::string_view kParts[] = {"a",  "b",    "/",     ".",      "[ab]",   "(a|b)", "a*",
                                         "b+", "a?",   "(ab)?", "\\.",    "(?:/a)", "/b",    "[^a]",
                                         "|",  "b{2}", "(a/)*", "(?i:B)", "^",      "$"};
  constexpr std::string_view kTexts[] = {"a", "b", "/", "ab", "/a", ".", "B", "bb"};
  Dice dice(3);
  int matched = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string expression;
    const std::uint32_t parts = 1 + dice.below(6);
    for (std::uint32_t k = 0; k < parts; ++k) expression += dice.any(kParts);
    const Judgement judgement = judge(expression);
    if (!judgement.refusal.empty()) continue;
    Regexes regexes;
    regexes.adopt(std::vector<std::string_view>{expression});
    for (int k = 0; k < 60; ++k) {
      std::string text = dice.one_in(2) ? judgement.fixed : "";
      if (dice.one_in(3)) text += judgement.within;
      const std::uint32_t words = dice.below(5);
      for (std::uint32_t w = 0; w < words; ++w) text += dice.any(kTexts);
      if (!regexes.matches(0, text)) continue;
      ++matched;
      if (lower(text).find(judgement.within) == std::string::npos) {
        fail_msg("%s matches %s and is said to have %s", expression.c_str(), text.c_str(),
                 judgement.within.c_str());
      }
      if (!text.starts_with(judgement.fixed)) {
        fail_msg("%s matches %s and is said to begin with %s", expression.c_str(), text.c_str(),
                 judgement.fixed.c_str());
      }
    }
  }
  assert_true(matched > 5000);
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_table_chooses_as_a_look_at_each_route_would),
      cmocka_unit_test(whatever_matches_has_what_was_said),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
