// SPDX-License-Identifier: MIT
#include "core/route/words.h"

#include <string>
#include <string_view>

#include "gate.h"

namespace kerberos::route {
namespace {

struct Row {
  std::string text, flaw;
};

template <std::size_t kCount>
void expect_flaws(const Row (&rows)[kCount], std::string (*flaw_of)(std::string_view)) {
  for (const Row& row : rows) expect_text(row.text, flaw_of(row.text), row.flaw);
}

void paths_are_what_nginx_compares(void**) {
  std::string deep;
  for (std::size_t i = 0; i < kSegmentsMax; ++i) deep += "/a";
  const Row rows[] = {
      {"/", ""},
      {"/api", ""},
      {"/api/", ""},
      {"/a b", ""},
      {"/\xC3\xA9", ""},
      {"/100%", ""},
      {"/a%zz", ""},
      {"/..a/.b/c..", ""},
      {"/*", ""},
      {"", "a path begins with \"/\""},
      {"api", "a path begins with \"/\""},
      {"/a?b=1", "a path has no query and no fragment; arguments stand under \"query\""},
      {"/a#b", "a path has no query and no fragment; arguments stand under \"query\""},
      {"/a%20b", "written decoded, as nginx compares it: no %XX"},
      {"/100%%2f", "written decoded, as nginx compares it: no %XX"},
      {"/a%2F", "written decoded, as nginx compares it: no %XX"},
      {"//", "no \"//\": nginx merges slashes"},
      {"/a//b", "no \"//\": nginx merges slashes"},
      {"/a//", "no \"//\": nginx merges slashes"},
      {"/.", "no \".\" or \"..\": nginx resolves them"},
      {"/a/../b", "no \".\" or \"..\": nginx resolves them"},
      {"/a/..", "no \".\" or \"..\": nginx resolves them"},
      {"/a\x01", "no control characters"},
      {"/" + std::string(kPathMax - 1, 'a'), ""},
      {"/" + std::string(kPathMax, 'a'), "at most 1024 bytes"},
      {deep, ""},
      {deep + "/a", "at most 64 segments"},
  };
  expect_flaws(rows, flaw_of_path);
}

void a_prefix_needs_no_star(void**) {
  const Row rows[] = {
      {"/echo", ""},
      {"/echo/*", "did you mean \"/echo\"? a path matches all that is below it"},
      {"/*", "did you mean \"/\"? a path matches all that is below it"},
      {"/a/*/b", "a pattern stands under \"regex\""},
      {"/echo*", "a pattern stands under \"regex\""},
      {"*", "a pattern stands under \"regex\""},
      {"echo", "a path begins with \"/\""},
  };
  expect_flaws(rows, flaw_of_prefix);
}

void hosts_are_names_or_wildcards(void**) {
  const std::string form = "a name such as example.org, or *.example.org for all below it";
  const Row rows[] = {
      {"example.org", ""},
      {"Example.ORG", ""},
      {"a_b.c-d", ""},
      {"10.0.0.1", ""},
      {"[::1]", ""},
      {"*.example.org", ""},
      {"*.org", ""},
      {"example.org.", ""},
      {"*", "a route without \"host\" takes any"},
      {"a:80", "a host stands without its port"},
      {"[::1]:80", "a host stands without its port"},
      {"", form},
      {"*.", form},
      {".", form},
      {"a..", form},
      {"a.*.b", form},
      {"*a.b", form},
      {"a..b", form},
      {".a", form},
      {"-a", form},
      {"a b", form},
      {"a/b", "a host stands without scheme and path"},
      {std::string(64, 'a'), form},
      {std::string(254, 'a'), "at most 253 bytes"},
  };
  expect_flaws(rows, flaw_of_host);
}

void headers_are_tokens(void**) {
  const std::string form = "a header's name is 1 to 128 letters, digits and - _ .";
  const Row rows[] = {
      {"X-Tenant", ""},   {"Host", ""}, {"x_1.2~", ""},  {"", form},
      {"X Tenant", form}, {"X:", form}, {"X\xC3", form}, {std::string(129, 'a'), form},
  };
  expect_flaws(rows, flaw_of_header);
  const std::string own = "this one is nginx's own; see proxy_set_header";
  const Row set[] = {
      {"X-Tenant", ""}, {"Host", own}, {"TRANSFER-ENCODING", own}, {"te", own}, {"X:", form},
  };
  expect_flaws(set, flaw_of_set_header);
}

void arguments_are_what_can_stand_before_an_equals_sign(void**) {
  const std::string form =
      "an argument's name is 1 to 128 bytes without blanks, \"&\", \"=\" and \"#\"";
  const Row rows[] = {{"v", ""},     {"a[]", ""},   {"a%20b", ""}, {"", form},   {"a b", form},
                      {"a=b", form}, {"a&b", form}, {"a#", form},  {"a\n", form}};
  expect_flaws(rows, flaw_of_argument);
}

void each_method_has_a_bit(void**) {
  std::uint32_t all = 0;
  for (const std::string_view name : kMethods) {
    assert_int_equal(all & method_bit(name), 0);
    all |= method_bit(name);
  }
  assert_int_equal(all, (1U << kMethods.size()) - 1);
  assert_int_equal(method_bit("get"), 0);
  assert_int_equal(method_bit(""), 0);
  expect_text("lower", lower("X-\xC3\x89-Az"), "x-\xC3\x89-az");
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(paths_are_what_nginx_compares),
      cmocka_unit_test(a_prefix_needs_no_star),
      cmocka_unit_test(hosts_are_names_or_wildcards),
      cmocka_unit_test(headers_are_tokens),
      cmocka_unit_test(arguments_are_what_can_stand_before_an_equals_sign),
      cmocka_unit_test(each_method_has_a_bit),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
