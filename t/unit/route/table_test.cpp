// SPDX-License-Identifier: MIT
#include "core/route/table.h"

#include <string>
#include <string_view>
#include <vector>

#include "../service/allocations.h"
#include "core/route/hash.h"
#include "gate.h"

namespace kerberos::route {
namespace {

void a_prefix_ends_at_a_slash(void**) {
  const Gate gate({prefix("/api"), prefix("/api/"), prefix("/api/users"), prefix("/app")});
  expect_route("itself", gate, {"/api"}, 0);
  expect_route("below", gate, {"/api/"}, 1);
  expect_route("further below", gate, {"/api/x/y"}, 1);
  expect_route("no border", gate, {"/apix"}, -1);
  expect_route("longest", gate, {"/api/users/7"}, 2);
  expect_route("no border of the longest", gate, {"/api/usersx"}, 1);
  expect_route("short", gate, {"/ap"}, -1);
  expect_route("root", gate, {"/"}, -1);
  expect_route("nothing", gate, {""}, -1);
  const Gate root({prefix("/")});
  expect_route("all", root, {"/"}, 0);
  expect_route("all below", root, {"/a/b"}, 0);
  expect_route("no path", root, {""}, -1);
}

void no_routes_match_nothing(void**) {
  expect_route("none", Gate({}), {"/"}, -1);
}

void an_exact_path_is_the_path(void**) {
  const Gate gate({exact("/login"), prefix("/login"), exact("/login/")});
  expect_route("itself", gate, {"/login"}, 0);
  expect_route("with a slash", gate, {"/login/"}, 2);
  expect_route("below", gate, {"/login/x"}, 1);
}

void a_regex_goes_between_exact_and_prefix(void**) {
  const Gate gate({prefix("/users/7"), regex("/users/[0-9]+"), exact("/users/8"),
                   regex("/users/.*"), regex(".*x")});
  expect_route("before the prefix", gate, {"/users/7"}, 1);
  expect_route("below", gate, {"/users/7/a"}, 3);
  expect_route("after exact", gate, {"/users/8"}, 2);
  expect_route("anything", gate, {"/yx"}, 4);
  expect_route("with a beginning", gate, {"/users/x"}, 3);
  expect_route("none", gate, {"/y"}, -1);
}

void beginnings_of_expressions_may_be_long(void**) {
  const std::string long_path = "/" + std::string(100, 'a');
  const Gate gate({regex(long_path + "[0-9]"), regex(long_path + "b[0-9]"), regex("/a{62}[0-9]"),
                   regex("/a{63}[0-9]")});
  expect_route("long", gate, {long_path + "1"}, 0);
  expect_route("longer", gate, {long_path + "b1"}, 1);
  expect_route("63", gate, {"/" + std::string(62, 'a') + "1"}, 2);
  expect_route("64", gate, {"/" + std::string(63, 'a') + "1"}, 3);
  expect_route("short", gate, {"/" + std::string(62, 'a')}, -1);
}

// An expression is looked for by what its paths have in them where that is rarer.
void what_expressions_have_in_them_may_be_anywhere(void**) {
  std::vector<Route> routes;
  for (int i = 0; i < 50; ++i) routes.push_back(regex("/[a-z]+.*/S" + std::to_string(i) + "/.*"));
  routes.push_back(regex("/[a-z]+.*/" + std::string(100, 'n') + "/.*"));
  const Gate gate(routes);
  std::string deep = "/a";
  for (int i = 0; i < 500; ++i) deep += "/b";
  expect_route("second", gate, {"/a/S7/x"}, 7);
  expect_route("deep", gate, {deep + "/S8/x"}, 8);
  expect_route("other case", gate, {"/a/s7/x"}, -1);
  expect_route("no slash", gate, {"/a/S7"}, -1);
  expect_route("two of them", gate, {"/a/S7/S30/x"}, 30);  // the longer expression
  expect_route("long", gate, {"/a/" + std::string(100, 'n') + "/x"}, 50);
  expect_route("longer", gate, {"/a/" + std::string(101, 'n') + "/x"}, -1);
}

void hosts_go_before_all_else(void**) {
  const Gate gate({exact("/a"), at_host(prefix("/"), "a.example.org"),
                   at_host(prefix("/"), "*.example.org"), at_host(prefix("/"), "*.b.example.org"),
                   at_host(prefix("/own"), "c.example.org"), at_host(prefix("/"), "[::1]"),
                   at_host(prefix("/"), "10.0.0.1")});
  expect_route("by name", gate, {"/a", "a.example.org"}, 1);
  expect_route("in any case", gate, {"/a", "A.Example.ORG"}, 1);
  expect_route("with a port", gate, {"/a", "a.example.org:8080"}, 1);
  expect_route("with a dot", gate, {"/a", "a.example.org.:8080"}, 1);
  expect_route("wildcard", gate, {"/a", "x.example.org"}, 2);
  expect_route("deep wildcard", gate, {"/a", "x.y.example.org"}, 2);
  expect_route("longest wildcard", gate, {"/a", "x.B.example.org"}, 3);
  expect_route("the wildcard's own name", gate, {"/a", "b.example.org"}, 2);
  expect_route("not the name itself", gate, {"/a", "example.org"}, 0);
  expect_route("no label before it", gate, {"/a", ".example.org"}, 0);
  expect_route("no border", gate, {"/a", "aa.example.orgx"}, 0);
  expect_route("its own", gate, {"/own/x", "c.example.org"}, 4);
  expect_route("what it has not, the wildcard has", gate, {"/a", "c.example.org"}, 2);
  expect_route("IPv6", gate, {"/a", "[::1]:80"}, 5);
  expect_route("IPv4", gate, {"/a", "10.0.0.1:80"}, 6);
  expect_route("another", gate, {"/a", "b"}, 0);
  expect_route("none", gate, {"/a"}, 0);
  expect_route("long", gate, {"/a", std::string(5000, '.')}, 0);
  expect_route("open bracket", gate, {"/a", "[::1"}, 0);
  expect_route("nothing for it", gate, {"/b", "b"}, -1);
}

void priority_goes_before_the_path(void**) {
  const Gate gate({exact("/a/b"), with_priority(prefix("/"), 1), with_priority(prefix("/a"), 1),
                   with_priority(regex("/a/[x-z]"), 2)});
  expect_route("prefix before exact", gate, {"/a/b"}, 2);
  expect_route("regex before all", gate, {"/a/x"}, 3);
  expect_route("shorter", gate, {"/c"}, 1);
}

void conditions_choose_among_equal_paths(void**) {
  const Gate gate({
      prefix("/"),
      with_methods(prefix("/"), {"POST", "PUT"}),
      with_header(prefix("/"), "x-tenant", Form::kExact, "blue"),
      with_header(prefix("/"), "x-tenant", Form::kPrefix, "gr"),
      with_header(with_header(prefix("/"), "x-tenant", Form::kRegex, "[0-9]+"), "x-debug",
                  Form::kAbsent),
      with_argument(prefix("/"), "v", Form::kPresent),
  });
  expect_route("none", gate, {"/"}, 0);
  expect_route("method", gate, {"/", "", "PUT"}, 1);
  expect_route("other method", gate, {"/", "", "put"}, 0);
  expect_route("unknown method", gate, {"/", "", "BREW"}, 0);
  expect_route("exact", gate, {"/", "", "GET", {{"x-tenant", "blue"}}}, 2);
  expect_route("not exact", gate, {"/", "", "GET", {{"x-tenant", "Blue"}}}, 0);
  expect_route("prefix", gate, {"/", "", "GET", {{"x-tenant", "green"}}}, 3);
  expect_route("regex", gate, {"/", "", "GET", {{"x-tenant", "17"}}}, 4);
  expect_route("not absent", gate, {"/", "", "GET", {{"x-tenant", "17"}, {"x-debug", ""}}}, 0);
  expect_route("argument", gate, {"/", "", "GET", {}, {{"v", ""}}}, 5);
  expect_route("header before argument", gate,
               {"/", "", "GET", {{"x-tenant", "blue"}}, {{"v", ""}}}, 2);
}

// Where a longer path fails its conditions, a shorter one serves.
void conditions_let_a_request_through_to_others(void**) {
  const Gate gate({prefix("/"), with_methods(prefix("/a"), {"POST"}),
                   with_methods(exact("/a/b"), {"PUT"}),
                   at_host(with_methods(prefix("/a"), {"PATCH"}), "h")});
  expect_route("exact", gate, {"/a/b", "h", "PUT"}, 2);
  expect_route("prefix", gate, {"/a/b", "h", "POST"}, 1);
  expect_route("host", gate, {"/a/b", "h", "PATCH"}, 3);
  expect_route("the rest", gate, {"/a/b", "h", "GET"}, 0);
}

void only_candidates_ask_for_headers(void**) {
  const Gate gate({
      prefix("/a"),
      with_header(prefix("/b"), "x", Form::kPresent),
      with_header(with_methods(prefix("/a"), {"POST"}), "x", Form::kPresent),
      with_header(prefix("/"), "x", Form::kPresent),
  });
  const Asked asked{"/a"};
  expect_route("the longest", gate, asked, 0);
  assert_int_equal(asked.looked_up, 0);
  const Asked other{"/b"};
  expect_route("none", gate, other, -1);
  assert_int_equal(other.looked_up, 2);
}

// Two texts of one hash, which a client could have searched for.
void a_hash_is_not_taken_for_the_path(void**) {
  constexpr std::string_view kOne = "8yn0iYCKYHlIj4-BwPqk";
  constexpr std::string_view kOther = "GReLUrM4wMqfg9yzV3KQ";
  assert_true(hash_of(kOne, 1) == hash_of(kOther, 1));
  const Gate gate({exact(std::string(kOne))});
  expect_route("one", gate, {std::string(kOne)}, 0);
  expect_route("other", gate, {std::string(kOther)}, -1);
}

void a_path_is_stripped_or_rewritten(void**) {
  const struct {
    std::string row;
    Route route;
    std::string path, expected;
  } rows[] = {
      {"left alone", prefix("/api"), "/api/x", "/api/x"},
      {"stripped", stripped(prefix("/api")), "/api/x", "/x"},
      {"all of it", stripped(prefix("/api")), "/api", "/"},
      {"but the slash", stripped(prefix("/api")), "/api/", "/"},
      {"with its slash", stripped(prefix("/api/")), "/api/x", "/x"},
      {"nothing", stripped(prefix("/")), "/x/y", "/x/y"},
      {"exact", stripped(exact("/api")), "/api", "/"},
      {"another prefix", rewritten(prefix("/api"), "/v2"), "/api/x", "/v2/x"},
      {"another name", rewritten(prefix("/api"), "/v2"), "/api", "/v2"},
      {"with one slash", rewritten(prefix("/api"), "/v2/"), "/api/x", "/v2/x"},
      {"with its slash alone", rewritten(prefix("/api"), "/v2/"), "/api", "/v2/"},
      {"to the root", rewritten(prefix("/api"), "/"), "/api/x", "/x"},
      {"from the root", rewritten(prefix("/"), "/v2"), "/x", "/v2/x"},
      {"exact to another", rewritten(exact("/a"), "/b/c"), "/a", "/b/c"},
      {"dollar", rewritten(prefix("/a"), "/$$"), "/a/x", "/$/x"},
      {"groups", rewritten(regex("/u/([0-9]+)/(?P<what>.*)"), "/$what/of/$1"), "/u/17/a b",
       "/a b/of/17"},
      {"empty group", rewritten(regex("/u(/x)?"), "/v$1/"), "/u", "/v/"},
      {"no group", rewritten(regex("/u.*"), "/v"), "/u/x", "/v"},
      {"whole expression", regex("/u.*"), "/u/x", "/u/x"},
  };
  for (const auto& row : rows) {
    expect_text(row.row, Gate({row.route}).path({row.path}), row.expected);
  }
}

std::string shown(const Gate& gate, const Asked& asked) {
  const auto match = gate.table().match(asked.request(), gate.regexes());
  if (!match) return "no route";
  std::string result;
  const Table table = gate.table();
  for (const HeaderImage& header : table.set_headers(match->route)) {
    result += std::string(table.text(header.name)) + ":";
    for (const PieceImage& piece : table.pieces(header)) {
      switch (piece.kind) {
        case PieceKind::kText:
          result += table.text(piece.text);
          break;
        case PieceKind::kGroup:
          result += match->groups[piece.group];
          break;
        case PieceKind::kVariable:
          result += "{" + std::string(table.text(piece.text)) + "}";
          break;
      }
    }
    result += ";";
  }
  return result;
}

void headers_are_handed_out_in_pieces(void**) {
  Route route = regex("/t/(?P<tenant>[a-z]+)/.*");
  const Groups groups = judge(route.path).groups;
  route.set_headers = {{"X-Tenant", parse_pieces("t-$tenant", groups, true).pieces},
                       {"X-From", parse_pieces("$remote_addr", groups, true).pieces},
                       {"X-Debug", {}}};
  Route plain = prefix("/");
  plain.set_headers = {{"X-Plain", parse_pieces("yes", {}, true).pieces}};
  const Gate gate({plain, route, exact("/none")});
  expect_text("regex", shown(gate, {"/t/blue/x"}),
              "X-Tenant:t-blue;X-From:{remote_addr};X-Debug:;");
  expect_text("prefix", shown(gate, {"/t/"}), "X-Plain:yes;");
  expect_text("none", shown(gate, {"/none"}), "");
}

void a_route_has_its_name_and_service(void**) {
  Route named = prefix("/a");
  named.name = "by name";
  named.service = 7;
  const std::vector<Route> routes = {prefix("/"), named};
  const Compiled compiled(routes);
  std::vector<std::uint64_t> memory(compiled.size() / 8 + 1);
  compiled.write(std::as_writable_bytes(std::span(memory)));
  const Table table(reinterpret_cast<const std::byte*>(memory.data()));
  const Asked asked{"/a/x"};
  const auto match = table.match(asked.request(), {});
  assert_true(match.has_value());
  assert_int_equal(match->service, 7);
  expect_text("name", table.name(match->route), "by name");
  assert_false(match->rewrites);
  assert_int_equal(table.routes(), 2);
  assert_int_equal(table.size(), compiled.size());
}

// RE2 may take memory for a text that leads it to new states, and not for one that does not.
void a_match_allocates_nothing(void**) {
  std::vector<Route> routes;
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    routes.push_back(prefix("/p/" + number));
    routes.push_back(exact("/e/" + number));
    routes.push_back(regex("/r/" + number + "/[0-9]+"));
    routes.push_back(at_host(prefix("/"), "h" + number));
    routes.push_back(at_host(prefix("/"), "*.w" + number));
  }
  routes.push_back(with_argument(with_header(prefix("/c"), "x", Form::kRegex, "[a-z]+"), "q",
                                 Form::kPrefix, "a"));
  routes.push_back(rewritten(regex("/g/([0-9]+)/([a-z]+)"), "/$2/$1"));
  const Gate gate(routes);
  const std::vector<Asked> all = {
      {"/p/7/x"},       {"/e/7"},        {"/r/7/123456789012345678901234567890"},
      {"/", "h7"},      {"/", "a.b.w7"}, {"/c", "", "GET", {{"x", "abc"}}, {{"q", "ab"}}},
      {"/none/of/all"}, {"/g/17/abc"}};
  for (const Asked& asked : all) gate.route(asked);
  std::array<char, 64> out;
  for (const Asked& asked : all) {
    service::allocations.arm(0);
    const auto match = gate.table().match(asked.request(), gate.regexes());
    if (match) {
      assert_true(gate.table().path_size(*match, asked.path) < out.size());
      gate.table().write_path(*match, asked.path, out.data());
    }
    assert_int_equal(service::allocations.count, 0);
  }
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_prefix_ends_at_a_slash),
      cmocka_unit_test(no_routes_match_nothing),
      cmocka_unit_test(an_exact_path_is_the_path),
      cmocka_unit_test(a_regex_goes_between_exact_and_prefix),
      cmocka_unit_test(beginnings_of_expressions_may_be_long),
      cmocka_unit_test(what_expressions_have_in_them_may_be_anywhere),
      cmocka_unit_test(hosts_go_before_all_else),
      cmocka_unit_test(priority_goes_before_the_path),
      cmocka_unit_test(conditions_choose_among_equal_paths),
      cmocka_unit_test(conditions_let_a_request_through_to_others),
      cmocka_unit_test(only_candidates_ask_for_headers),
      cmocka_unit_test(a_hash_is_not_taken_for_the_path),
      cmocka_unit_test(a_path_is_stripped_or_rewritten),
      cmocka_unit_test(headers_are_handed_out_in_pieces),
      cmocka_unit_test(a_route_has_its_name_and_service),
      cmocka_unit_test(a_match_allocates_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
