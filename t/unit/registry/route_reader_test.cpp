// SPDX-License-Identifier: MIT
#include "core/registry/route_reader.h"

#include <string>
#include <string_view>
#include <vector>

#include "core/registry/reader.h"
#include "core/route/words.h"
#include "fields.h"

namespace kerberos::registry {
namespace {

std::vector<route::Route> routes_of(std::string_view text, base::Problems& problems) {
  std::vector<route::Route> routes;
  first_field(text, [&](const Field& field) {
    read_routes(field, routes, problems);
    return 0;
  });
  return routes;
}

std::string shown(const route::Pieces& pieces) {
  std::string result;
  for (const route::Piece& piece : pieces) {
    if (piece.kind == route::PieceKind::kGroup) result += "<" + std::to_string(piece.group) + ">";
    if (piece.kind == route::PieceKind::kVariable) result += "{" + piece.text + "}";
    if (piece.kind == route::PieceKind::kText) result += piece.text;
  }
  return result;
}

void a_route_is_a_mapping(void**) {
  base::Problems problems;
  const auto routes = routes_of(
      "routes:\n"
      "  - {path: /api/users}\n"
      "  - exact: /login\n"
      "    host: Users.Example.ORG.\n"
      "    methods: [GET, HEAD]\n"
      "    headers: {X-Tenant: blue}\n"
      "    query: {v: \"2\"}\n"
      "    priority: 7\n"
      "    strip: true\n"
      "    name: login\n"
      "  - host: \"*.example.org\"\n",
      problems);
  expect_text("problems", listed(problems), "");
  assert_int_equal(routes.size(), 3);
  const route::Route& plain = routes[0];
  assert_true(plain.form == route::PathForm::kPrefix);
  expect_text("path", plain.path, "/api/users");
  expect_text("its name", plain.name, "/api/users");
  expect_text("host", plain.host, "");
  assert_int_equal(plain.methods, 0);
  assert_int_equal(plain.priority, 0);
  assert_false(plain.strip);
  assert_true(plain.rewrite.empty());
  assert_int_equal(plain.place.line, 2);
  assert_int_equal(plain.place.column, 5);

  const route::Route& full = routes[1];
  assert_true(full.form == route::PathForm::kExact);
  expect_text("path", full.path, "/login");
  expect_text("host", full.host, "users.example.org");
  assert_int_equal(full.methods, route::method_bit("GET") | route::method_bit("HEAD"));
  expect_text("header", full.headers[0].name, "x-tenant");
  expect_text("argument", full.query[0].name, "v");
  assert_int_equal(full.priority, 7);
  assert_true(full.strip);
  expect_text("its name", full.name, "login");

  expect_text("a host alone", routes[2].path, "/");
  expect_text("its name", routes[2].name, "*.example.org/");
}

void a_path_may_be_rewritten_and_headers_set(void**) {
  base::Problems problems;
  const auto routes = routes_of(
      "routes:\n"
      "  - rewrite: /$id/x/$2\n"  // before what says which groups there are
      "    set_headers: {X-Id: \"u-$id\", X-Ip: $remote_addr, X-None: \"\"}\n"
      "    regex: /users/(?P<id>[0-9]+)/(.*)\n"
      "  - {path: /a, rewrite: /b, set_headers: {X-Id: $id}}\n"
      "  - {exact: /c}\n",
      problems);
  expect_text("problems", listed(problems), "");
  expect_text("rewrite", shown(routes[0].rewrite), "/<1>/x/<2>");
  expect_text("fixed", routes[0].fixed, "/users/");
  expect_text("name", routes[0].name, "~/users/(?P<id>[0-9]+)/(.*)");
  assert_int_equal(routes[0].set_headers.size(), 3);
  expect_text("header", routes[0].set_headers[0].name, "X-Id");
  expect_text("group", shown(routes[0].set_headers[0].value), "u-<1>");
  expect_text("variable", shown(routes[0].set_headers[1].value), "{remote_addr}");
  assert_true(routes[0].set_headers[2].value.empty());
  expect_text("rewrite", shown(routes[1].rewrite), "/b");
  expect_text("no group", shown(routes[1].set_headers[0].value), "{id}");
  expect_text("name", routes[2].name, "=/c");
}

void bad_routes_say_what_is_allowed(void**) {
  const struct {
    std::string_view row, text, expected;
  } rows[] = {
      {"no list", "routes: /api",
       "1:9: \"routes\" is a single value (a list of routes, each a mapping such as {path: "
       "/api})"},
      {"no mapping", "routes: [/api]",
       "1:10: \"routes\" with a single value in it (a list of routes, each a mapping such as "
       "{path: "
       "/api})"},
      {"unknown key", "routes: [{paht: /api}]",
       "1:11: unknown key \"paht\" (did you mean \"path\"? allowed: path, exact, regex, host, "
       "methods, headers, query, priority, strip, rewrite, set_headers, name)\n"
       "1:10: route without a path (at least one of path, exact, regex, host)"},
      {"neither", "routes: [{methods: [GET]}]",
       "1:10: route without a path (at least one of path, exact, regex, host)"},
      {"two paths", "routes: [{path: /a, regex: /b}]",
       "1:21: \"regex\" beside \"path\" (one of path, exact, regex)"},
      {"bad path", "routes: [{path: api}]",
       "1:17: invalid value \"api\" of \"path\" (a path begins with \"/\")"},
      {"star", "routes: [{path: /echo/*}]",
       "1:17: invalid value \"/echo/*\" of \"path\" (did you mean \"/echo\"? a path matches all "
       "that is below it)"},
      {"path list", "routes: [{path: [a]}]", "1:17: \"path\" is a list (a path such as /api)"},
      {"bad exact", "routes: [{exact: \"/a?b\"}]",
       "1:18: invalid value \"/a?b\" of \"exact\" (a path has no query and no fragment; arguments "
       "stand under \"query\")"},
      {"bad regex", "routes: [{regex: \"/a(\"}]",
       "1:18: invalid value \"/a(\" of \"regex\" (missing ): /a()"},
      {"bad host", "routes: [{host: \"a:80\"}]",
       "1:17: invalid value \"a:80\" of \"host\" (a host stands without its port)"},
      {"method", "routes: [{path: /, methods: [get, GTE]}]",
       "1:30: invalid value \"get\" of \"methods\" (did you mean \"GET\"? allowed: GET, HEAD, "
       "POST, PUT, PATCH, DELETE, "
       "OPTIONS, TRACE, CONNECT, COPY, LOCK, MKCOL, MOVE, PROPFIND, PROPPATCH, UNLOCK, REPORT, "
       "SEARCH, QUERY, PURGE)\n"
       "1:35: invalid value \"GTE\" of \"methods\" (did you mean \"GET\"? allowed: GET, HEAD, "
       "POST, PUT, PATCH, DELETE, OPTIONS, TRACE, CONNECT, COPY, LOCK, MKCOL, MOVE, PROPFIND, "
       "PROPPATCH, UNLOCK, REPORT, SEARCH, QUERY, PURGE)"},
      {"method twice", "routes: [{path: /, methods: [GET, GET]}]",
       "1:35: invalid value \"GET\" of \"methods\" (each method once)"},
      {"one method", "routes: [{path: /, methods: GET}]",
       "1:29: \"methods\" is a single value (a list of methods, such as [GET, HEAD])"},
      {"no method", "routes: [{path: /, methods: []}]",
       "1:29: \"methods\" is empty (a list of methods, such as [GET, HEAD])"},
      {"priority", "routes: [{path: /, priority: -1}]",
       "1:30: invalid value \"-1\" of \"priority\" (a whole number from 0 to 1000000)"},
      {"strip", "routes: [{path: /, strip: yes}]",
       "1:27: invalid value \"yes\" of \"strip\" (did you mean \"true\"? allowed: true, false)"},
      {"strip and rewrite", "routes: [{path: /, strip: true, rewrite: /a}]",
       "1:20: \"strip\" beside \"rewrite\" (one of them)"},
      {"strip a regex", "routes: [{regex: /, strip: true}]",
       "1:21: \"strip\" beside \"regex\" (\"rewrite\" says what is left)"},
      {"rewrite", "routes: [{path: /, rewrite: a}]",
       "1:29: invalid value \"a\" of \"rewrite\" (a path begins with \"/\")"},
      {"group without regex", "routes: [{path: /, rewrite: /$1}]",
       "1:29: invalid value \"/$1\" of \"rewrite\" (no group $1: there are no groups: only a regex "
       "has them)"},
      {"unknown group", "routes: [{regex: /(a), rewrite: /$b}]",
       "1:33: invalid value \"/$b\" of \"rewrite\" (no group $b: its regex has 1 group)"},
      {"own header", "routes: [{path: /, set_headers: {Content-Length: \"1\"}}]",
       "1:34: invalid header \"Content-Length\" (this one is nginx's own; see proxy_set_header)"},
      {"set twice", "routes: [{path: /, set_headers: {X-A: a, x-a: b}}]",
       "1:42: duplicate header \"x-a\" (names are the same in any case)"},
      {"set nothing", "routes: [{path: /, set_headers: {X-A: }}]",
       "1:34: \"X-A\" has no value (a text, empty to take the header away)"},
      {"name", "routes: [{path: /, name: a b}]",
       "1:26: invalid value \"a b\" of \"name\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    routes_of(row.text, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
}

void a_registry_has_its_routes(void**) {
  const Reading reading = read(
      "services:\n"
      "  users:\n"
      "    peers: [http://a]\n"
      "    routes: [{path: /api/users}, {path: /api, host: users.example.org}]\n"
      "  none: [http://b]\n");
  expect_text("problems", listed(reading.problems), "");
  assert_int_equal(reading.registry.services[0].routes.size(), 2);
  assert_int_equal(reading.registry.services[1].routes.size(), 0);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_route_is_a_mapping),
      cmocka_unit_test(a_path_may_be_rewritten_and_headers_set),
      cmocka_unit_test(bad_routes_say_what_is_allowed),
      cmocka_unit_test(a_registry_has_its_routes),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
