// SPDX-License-Identifier: MIT
//
// What services and defaults of a file say of failures: failure_on, and what is slow.
#include <string>
#include <string_view>

#include "fields.h"

namespace kerberos::registry {
namespace {

void failures_are_named_by_a_list_of_words(void**) {
  base::Problems problems;
  const Defaults defaults = defaults_of("defaults: {failure_on: [timeout, slow]}", problems);
  assert_true(defaults.breaker.failure_on->timeout && defaults.breaker.failure_on->slow);
  assert_false(defaults.breaker.failure_on->error);

  const Service heir = service_of("a: [http://a]", defaults, problems);
  assert_true(*heir.breaker.failure_on == *defaults.breaker.failure_on);
  assert_false(heir.breaker.enabled.has_value());

  // A list replaces a list.
  const Service own =
      service_of("a: {peers: [http://a], failure_on: [error, http_429]}", defaults, problems);
  assert_true(own.breaker.failure_on->error && own.breaker.failure_on->has(429));
  assert_false(own.breaker.failure_on->timeout || own.breaker.failure_on->slow);
  assert_false(own.breaker.failure_on->has(500));

  const Service none = service_of("a: [http://a]", {}, problems);
  assert_false(none.breaker.failure_on.has_value());
  expect_text("problems", listed(problems), "");
}

void bad_lists_of_failures_say_what_is_allowed(void**) {
  constexpr std::string_view kForm = "(a list of words such as error, timeout, http_5xx, http_429)";
  constexpr std::string_view kWords =
      "(allowed: error, timeout, invalid_header, slow, http_5xx, http_400 to http_599)";
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"word", "error", "\"failure_on\" is a single value " + std::string(kForm)},
      {"off", "off", "\"failure_on\" is a single value " + std::string(kForm)},
      {"mapping", "{error: true}", "\"failure_on\" is a mapping " + std::string(kForm)},
      {"list in a list", "[[error]]", "\"failure_on\" with a list in it " + std::string(kForm)},
      {"nothing in a list", "[~]", "\"failure_on\" with an empty item " + std::string(kForm)},
      {"unknown", "[faults]", "invalid value \"faults\" of \"failure_on\" " + std::string(kWords)},
      {"bare status", "[500]", "invalid value \"500\" of \"failure_on\" " + std::string(kWords)},
      {"no failure to anybody", "[http_200]",
       "invalid value \"http_200\" of \"failure_on\" " + std::string(kWords)},
  };
  for (const auto& row : rows) {
    base::Problems problems;
    service_of("a: {peers: [http://a], failure_on: " + std::string(row.text) + "}", {}, problems);
    assert_int_equal(problems.size(), 1);
    expect_text(row.row, problems[0].text, row.expected);
  }

  base::Problems problems;
  defaults_of("defaults:\n  failure_on: [error, foo,\n    error, http_9]\n", problems);
  expect_text("each where it stands", listed(problems),
              "2:23: invalid value \"foo\" of \"failure_on\" " + std::string(kWords) +
                  "\n3:5: invalid value \"error\" of \"failure_on\" (each word once)"
                  "\n3:12: invalid value \"http_9\" of \"failure_on\" " +
                  std::string(kWords));
  problems.clear();
  service_of("a: {peers: [http://a], failure_on: []}", {}, problems);
  expect_text("an empty list", listed(problems),
              "1:36: \"failure_on\" is empty " + std::string(kForm));
}

// What a response must exceed to be slow may come from another level than what follows from it.
void what_is_slow_may_be_said_further_out(void**) {
  for (const std::string_view text : {
           "a: {peers: [http://a], breaker: {slow_rate: 60%}}",
           "a: {peers: [http://a], failure_on: [slow]}",
           "a: {peers: [http://a], breaker: {timeout: 30s, max_timeout: 1m, slow_rate: 60%}}",
           "a: {peers: [http://a], failure_on: [slow], breaker: {timeout: 1s, max_timeout: 1m}}",
       }) {
    base::Problems problems;
    service_of(text, {}, problems);
    expect_text(text, listed(problems), "");
  }
  base::Problems problems;
  defaults_of("defaults: {breaker: {timeout: 30s, max_timeout: 1m, slow_rate: 60%}}", problems);
  expect_text("defaults", listed(problems), "");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(failures_are_named_by_a_list_of_words),
      cmocka_unit_test(bad_lists_of_failures_say_what_is_allowed),
      cmocka_unit_test(what_is_slow_may_be_said_further_out),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
