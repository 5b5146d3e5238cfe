// SPDX-License-Identifier: MIT
#include "core/report/resolution.h"

#include <cerrno>
#include <string>

#include "unit/registry/named.h"

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using registry::Answer;
using registry::named;
using service::Hearing;
using service::Lesson;

void expect(const Hearing& hearing, const Lesson& lesson, const std::string& text,
            bool warning = false) {
  const ResolutionLine line = line_of("users.test", hearing, lesson);
  assert_string_equal(line.text.c_str(), text.c_str());
  assert_int_equal(line.warning, warning);
}

const Answer kTwo = {named("10.0.0.1"), named("10.0.0.2")};
const Hearing kFailed = {.answer = {}, .error = 2};

void a_change_tells_who_came_and_went(void**) {
  const Answer other = {named("10.0.0.2"), named("::1"), named("10.0.0.3", 81)};
  expect({.answer = kTwo}, {.former = {}, .now = kTwo},
         "name \"users.test\" is 2 addresses: +10.0.0.1 +10.0.0.2");
  Answer now = other;
  put_in_order(now);
  expect({.answer = now}, {.former = kTwo, .now = now},
         "name \"users.test\" is 3 addresses: +::1 +10.0.0.3:81 -10.0.0.1");
  expect({.answer = {kTwo[0]}}, {.former = kTwo, .now = {kTwo[0]}},
         "name \"users.test\" is 1 address: -10.0.0.2");
}

// Of SRV records. An address may stand there twice, and with a port of another.
void who_stays_with_another_weight_is_told_as_such(void**) {
  const auto srv = [](const char* ip, std::uint16_t port, std::uint16_t priority,
                      std::uint16_t weight) {
    auto address = named(ip, port);
    address.priority = priority;
    address.weight = weight;
    return address;
  };
  const auto changed = [](Answer former, Answer now, const std::string& text) {
    put_in_order(former);
    put_in_order(now);
    expect({.answer = now}, {.former = former, .now = now}, "name \"users.test\" is " + text);
  };
  changed({srv("10.0.0.1", 81, 1, 5), srv("10.0.0.2", 81, 1, 5), srv("10.0.0.3", 81, 1, 5)},
          {srv("10.0.0.1", 81, 1, 7), srv("10.0.0.2", 82, 1, 5), srv("10.0.0.3", 81, 2, 5)},
          "3 addresses: +10.0.0.2:82 -10.0.0.2:81 ~10.0.0.1:81 (priority 1, weight 7) "
          "~10.0.0.3:81 (priority 2, weight 5)");
  changed({srv("10.0.0.1", 81, 1, 5), srv("10.0.0.1", 81, 2, 5)}, {srv("10.0.0.1", 81, 3, 5)},
          "1 address: -10.0.0.1:81 ~10.0.0.1:81 (priority 3, weight 5)");
}

void of_many_some_are_spelled_out(void**) {
  Answer many;
  for (int i = 10; i < 40; ++i) many.push_back(named("10.0.0." + std::to_string(i)));
  expect({.answer = many}, {.former = {}, .now = many},
         "name \"users.test\" is 30 addresses: +10.0.0.10 +10.0.0.11 +10.0.0.12 +10.0.0.13 "
         "+10.0.0.14 +10.0.0.15 +10.0.0.16 +10.0.0.17 +22 more");
  const Answer eight(many.begin(), many.begin() + 8);
  expect({.answer = eight}, {.former = {}, .now = eight},
         "name \"users.test\" is 8 addresses: +10.0.0.10 +10.0.0.11 +10.0.0.12 +10.0.0.13 "
         "+10.0.0.14 +10.0.0.15 +10.0.0.16 +10.0.0.17");
}

void a_failure_is_told_where_it_begins_and_ends(void**) {
  expect(kFailed, {.former = kTwo, .now = kTwo},
         "name \"users.test\" could not be resolved (2: Server failure), 2 addresses stay", true);
  expect(kFailed, {.former = {kTwo[0]}, .now = {kTwo[0]}},
         "name \"users.test\" could not be resolved (2: Server failure), 1 address stays", true);
  expect(kFailed, {},
         "name \"users.test\" could not be resolved (2: Server failure), it has no "
         "address yet",
         true);
  expect(kFailed, {.former = kTwo, .now = kTwo, .error = 3}, "");
  expect({.answer = kTwo}, {.former = kTwo, .now = kTwo, .error = 3},
         "name \"users.test\" is resolved again");
  expect({.answer = kTwo}, {.former = kTwo, .now = kTwo}, "");
}

void errors_are_those_of_dns(void**) {
  const struct {
    std::uint32_t error;
    const char* text;
  } rows[] = {{1, "1: Format error"},
              {3, "3: Host not found"},
              {5, "5: Operation refused"},
              {6, "6: Unknown error"},
              {ETIMEDOUT, "110: Operation timed out"}};
  for (const auto& row : rows) assert_string_equal(error_text(row.error).c_str(), row.text);
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_change_tells_who_came_and_went),
      cmocka_unit_test(who_stays_with_another_weight_is_told_as_such),
      cmocka_unit_test(of_many_some_are_spelled_out),
      cmocka_unit_test(a_failure_is_told_where_it_begins_and_ends),
      cmocka_unit_test(errors_are_those_of_dns),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
