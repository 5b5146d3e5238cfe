// SPDX-License-Identifier: MIT
#include "core/route/precedence.h"

#include <string>
#include <vector>

#include "gate.h"

namespace kerberos::route {
namespace {

void routes_stand_in_the_documented_order(void**) {
  // Each goes before all that follow.
  const std::vector<Route> order = {
      with_priority(at_host(prefix("/"), "a.example.org"), 1),
      at_host(exact("/x"), "a.example.org"),
      at_host(prefix("/"), "a.example.org"),
      with_priority(at_host(exact("/x"), "*.b.example.org"), 9),
      at_host(exact("/x"), "*.example.org"),
      with_priority(prefix("/"), 2),
      with_priority(exact("/x"), 1),
      with_argument(with_header(with_methods(exact("/y"), {"GET"}), "a", Form::kPresent), "b",
                    Form::kPresent),
      with_methods(exact("/y"), {"GET"}),
      with_header(with_header(exact("/y"), "a", Form::kPresent), "b", Form::kPresent),
      with_argument(with_header(exact("/y"), "a", Form::kPresent), "b", Form::kPresent),
      with_header(exact("/y"), "a", Form::kPresent),
      with_argument(exact("/y"), "a", Form::kPresent),
      exact("/y"),
      regex("/users/[0-9]+"),
      regex("/use[r-s]s/very/long"),
      regex("/use[rs]"),
      regex("/use[rt]"),
      prefix("/users/x"),
      prefix("/api/"),
      prefix("/api"),
      prefix("/"),
  };
  for (std::size_t i = 0; i < order.size(); ++i) {
    for (std::size_t j = 0; j < order.size(); ++j) {
      const auto compared = precedence(order[i], order[j]);
      if (i < j ? compared < 0 : i > j ? compared > 0 : compared == 0) continue;
      fail_msg("%zu and %zu", i, j);
    }
  }
  const std::vector<Route> reversed(order.rbegin(), order.rend());
  const auto sorted = in_order(reversed);
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    assert_int_equal(sorted[i], sorted.size() - 1 - i);
  }
}

std::string shown(const std::vector<Tie>& ties) {
  std::string result;
  for (const Tie& tie : ties) {
    result += std::to_string(tie.first) + "-" + std::to_string(tie.second) + " ";
  }
  return result;
}

void equal_routes_tie(void**) {
  expect_text("none", shown(ties({})), "");
  expect_text("twice", shown(ties(std::vector{prefix("/a"), prefix("/b"), prefix("/a")})), "0-2 ");
  expect_text("thrice", shown(ties(std::vector{exact("/a"), exact("/a"), exact("/a")})),
              "0-1 0-2 ");
  expect_text("regex", shown(ties(std::vector{regex("/[a-z]+"), regex("/[a-z]+")})), "0-1 ");
  expect_text("hosts",
              shown(ties(std::vector{at_host(prefix("/"), "*.a"), at_host(prefix("/"), "*.a")})),
              "0-1 ");
}

void what_differs_in_rank_does_not_tie(void**) {
  const std::vector<Route> routes = {
      prefix("/a"),
      prefix("/a/"),
      exact("/a"),
      regex("/a"),
      regex("/[a]"),
      with_priority(prefix("/a"), 1),
      at_host(prefix("/a"), "h"),
      at_host(prefix("/a"), "*.h"),
      with_methods(prefix("/a"), {"GET"}),
      with_header(prefix("/a"), "x", Form::kPresent),
      with_argument(prefix("/a"), "x", Form::kPresent),
  };
  expect_text("ties", shown(ties(routes)), "");
}

void what_no_request_can_be_for_does_not_tie(void**) {
  const auto header = [](Form form, std::string text = {}) {
    return with_header(prefix("/"), "x", form, std::move(text));
  };
  const struct {
    std::string row;
    Route left, right;
    bool both;
  } rows[] = {
      {"other methods", with_methods(prefix("/"), {"GET", "HEAD"}),
       with_methods(prefix("/"), {"POST"}), false},
      {"a method of both", with_methods(prefix("/"), {"GET", "HEAD"}),
       with_methods(prefix("/"), {"POST", "HEAD"}), true},
      {"any method", prefix("/"), with_methods(prefix("/"), {"POST"}), true},
      {"another value", header(Form::kExact, "a"), header(Form::kExact, "b"), false},
      {"the same value", header(Form::kExact, "a"), header(Form::kExact, "a"), true},
      {"another name", header(Form::kExact, "a"), with_header(prefix("/"), "y", Form::kExact, "b"),
       true},
      {"argument and header", header(Form::kExact, "a"),
       with_argument(prefix("/"), "x", Form::kExact, "b"), true},
      {"present", header(Form::kExact, "a"), header(Form::kPresent), true},
      {"absent", header(Form::kExact, "a"), header(Form::kAbsent), false},
      {"present, absent", header(Form::kPresent), header(Form::kAbsent), false},
      {"absent, absent", header(Form::kAbsent), header(Form::kAbsent), true},
      {"prefix of it", header(Form::kExact, "ab"), header(Form::kPrefix, "a"), true},
      {"no prefix of it", header(Form::kPrefix, "b"), header(Form::kExact, "ab"), false},
      {"nested prefixes", header(Form::kPrefix, "a"), header(Form::kPrefix, "ab"), true},
      {"other prefixes", header(Form::kPrefix, "ac"), header(Form::kPrefix, "ab"), false},
      {"who knows", header(Form::kExact, "a"), header(Form::kRegex, "b"), true},
      {"argument", with_argument(prefix("/"), "x", Form::kExact, "a"),
       with_argument(prefix("/"), "x", Form::kExact, "b"), false},
  };
  for (const auto& row : rows) {
    if (can_both_match(row.left, row.right) != row.both ||
        can_both_match(row.right, row.left) != row.both) {
      fail_msg("%s", row.row.c_str());
    }
  }
}

void of_many_equal_ones_each_ties_with_the_first(void**) {
  const std::vector<Route> routes(40, with_header(prefix("/"), "x", Form::kExact, "a"));
  const std::vector<Tie> found = ties(routes);
  assert_int_equal(found.size(), routes.size() - 1);
  for (std::uint32_t i = 0; i < found.size(); ++i) {
    assert_int_equal(found[i].first, 0);
    assert_int_equal(found[i].second, i + 1);
  }
}

// Against a look at each pair.
void each_tie_among_many_is_found(void**) {
  std::uint64_t seed = 7;
  const auto draw = [&](std::uint32_t below) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<std::uint32_t>(seed >> 33U) % below;
  };
  for (int round = 0; round < 50; ++round) {
    std::vector<Route> routes;
    for (int i = 0; i < 120; ++i) {
      Route route = prefix(draw(4) == 0 ? "/b" : "/a");
      if (draw(2) == 0) route.methods = 1U << draw(3);
      constexpr Form kForms[] = {Form::kExact,  Form::kExact,   Form::kExact,
                                 Form::kPrefix, Form::kPresent, Form::kAbsent};
      const auto add = [&](std::vector<Condition>& conditions, const char* name) {
        if (draw(3) != 0) conditions.push_back({name, kForms[draw(6)], std::to_string(draw(30))});
      };
      add(route.headers, "x");
      add(route.headers, "y");
      add(route.query, "q");
      routes.push_back(route);
    }
    std::vector<bool> expected(routes.size());
    for (std::size_t j = 0; j < routes.size(); ++j) {
      for (std::size_t i = 0; i < j && !expected[j]; ++i) {
        expected[j] = precedence(routes[i], routes[j]) == 0 && can_both_match(routes[i], routes[j]);
      }
    }
    std::vector<bool> found(routes.size());
    for (const Tie& tie : ties(routes)) {
      assert_true(tie.first < tie.second);
      assert_false(found[tie.second]);
      assert_true(can_both_match(routes[tie.first], routes[tie.second]));
      assert_true(precedence(routes[tie.first], routes[tie.second]) == 0);
      found[tie.second] = true;
    }
    assert_true(found == expected);
  }
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(routes_stand_in_the_documented_order),
      cmocka_unit_test(equal_routes_tie),
      cmocka_unit_test(what_differs_in_rank_does_not_tie),
      cmocka_unit_test(what_no_request_can_be_for_does_not_tie),
      cmocka_unit_test(of_many_equal_ones_each_ties_with_the_first),
      cmocka_unit_test(each_tie_among_many_is_found),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
