// SPDX-License-Identifier: MIT
#include "core/route/compile.h"

#include <cstring>
#include <string>
#include <vector>

#include "gate.h"

namespace kerberos::route {
namespace {

std::vector<std::uint64_t> image_of(const std::vector<Route>& routes, std::uint64_t poison) {
  const Compiled compiled(routes);
  std::vector<std::uint64_t> memory((compiled.size() + 7) / 8, poison);
  compiled.write(std::as_writable_bytes(std::span(memory)));
  return memory;
}

std::vector<Route> many() {
  std::vector<Route> routes;
  for (int i = 0; i < 300; ++i) {
    const std::string number = std::to_string(i);
    routes.push_back(at_host(stripped(prefix("/" + number)), "h" + std::to_string(i % 7)));
    routes.push_back(rewritten(regex("/" + number + "/(.*)"), "/r/$1"));
    routes.push_back(with_header(exact("/" + number), "x", Form::kRegex, "a" + number));
  }
  return routes;
}

bool is_seventh(const Table& table, const Regexes& regexes) {
  const Asked asked{"/7", "", "GET", {{"x", "a7"}}};
  const auto match = table.match(asked.request(), regexes);
  return match && match->service == 23;
}

void the_image_may_be_moved(void**) {
  std::vector<Route> routes = many();
  for (std::uint32_t i = 0; i < routes.size(); ++i) routes[i].service = i;
  std::vector<std::uint64_t> memory = image_of(routes, 0);
  Regexes regexes;
  {
    const Table here(reinterpret_cast<const std::byte*>(memory.data()));
    regexes.adopt(here.expressions());
    assert_true(is_seventh(here, regexes));
  }
  const std::vector<std::uint64_t> copy = memory;
  std::ranges::fill(memory, 0xA5A5A5A5A5A5A5A5);
  routes.clear();
  assert_true(is_seventh(Table(reinterpret_cast<const std::byte*>(copy.data())), regexes));
}

void the_same_routes_give_the_same_bytes(void**) {
  assert_true(image_of(many(), 0) == image_of(many(), ~std::uint64_t{0}));
}

void nothing_is_written_beyond_its_size(void**) {
  const std::vector<Route> routes = many();
  const Compiled compiled(routes);
  std::vector<std::uint64_t> memory(compiled.size() / 8 + 2, 0xA5A5A5A5A5A5A5A5);
  const auto bytes = std::as_writable_bytes(std::span(memory));
  compiled.write(bytes);
  for (const std::byte after : bytes.subspan(compiled.size())) {
    assert_int_equal(std::to_integer<int>(after), 0xA5);
  }
}

// One text, one expression: what is said often stands there once.
void what_is_said_twice_stands_there_once(void**) {
  std::vector<Route> routes = {with_header(exact("/a"), "x", Form::kRegex, "[a-z]+"),
                               with_header(exact("/b"), "x", Form::kRegex, "[a-z]+"),
                               regex("[a-z]+")};
  const std::vector<std::uint64_t> memory = image_of(routes, 0);
  const Table table(reinterpret_cast<const std::byte*>(memory.data()));
  assert_int_equal(table.expressions().size(), 1);
  expect_text("it", table.expressions()[0], "[a-z]+");

  const std::string name(500, 'n');
  std::vector<Route> named(10, prefix("/"));
  for (Route& route : named) route.name = name;
  assert_true(Compiled(named).size() < 2 * name.size() + 10 * sizeof(RouteImage) + 1000);
}

void no_routes_have_an_image_too(void**) {
  const std::vector<std::uint64_t> memory = image_of({}, 0xA5);
  const Table table(reinterpret_cast<const std::byte*>(memory.data()));
  assert_int_equal(table.routes(), 0);
  assert_true(table.expressions().empty());
  assert_true(table.size() < 512);
}

// What a caller has not resolved is still served in one order.
void of_routes_that_tie_the_first_goes_first(void**) {
  const Gate gate({prefix("/b"), prefix("/a"), prefix("/a")});
  expect_route("tie", gate, {"/a"}, 1);
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_image_may_be_moved),
      cmocka_unit_test(the_same_routes_give_the_same_bytes),
      cmocka_unit_test(nothing_is_written_beyond_its_size),
      cmocka_unit_test(what_is_said_twice_stands_there_once),
      cmocka_unit_test(no_routes_have_an_image_too),
      cmocka_unit_test(of_routes_that_tie_the_first_goes_first),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
