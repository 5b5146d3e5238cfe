// SPDX-License-Identifier: MIT
#include "core/report/answers.h"

#include <string>
#include <vector>

#include "unit/registry/named.h"

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using registry::named;

const std::vector<SavedAddress> kSaved = {
    {"users.test", named("10.0.0.1")},
    {"users.test", named("2001:db8::1")},
    {"_http._tcp.users.test", named("10.0.0.2", 65'535, 10, 7)},
};

void what_was_put_away_comes_back(void**) {
  const std::string text = to_text(kSaved);
  assert_true(text.ends_with("}\n"));
  const AnswersReading reading = read_answers(text);
  assert_string_equal(reading.problem.c_str(), "");
  assert_int_equal(reading.skipped, 0);
  assert_int_equal(reading.addresses.size(), kSaved.size());
  for (std::size_t i = 0; i < kSaved.size(); ++i) {
    assert_string_equal(reading.addresses[i].name.c_str(), kSaved[i].name.c_str());
    assert_true(reading.addresses[i].address == kSaved[i].address);
  }
}

void what_makes_no_sense_is_passed_over(void**) {
  for (const char* row : {
           R"({"name":"","ip":"10.0.0.1","port":0,"priority":0,"weight":0})",
           R"({"ip":"10.0.0.1","port":0,"priority":0,"weight":0})",
           R"({"name":"a","ip":"10.0.0.256","port":0,"priority":0,"weight":0})",
           R"({"name":"a","ip":"b.test","port":0,"priority":0,"weight":0})",
           R"({"name":"a","port":0,"priority":0,"weight":0})",
           R"({"name":"a","ip":"::1","port":65536,"priority":0,"weight":0})",
           R"({"name":"a","ip":"::1","port":-1,"priority":0,"weight":0})",
           R"({"name":"a","ip":"::1","port":"80","priority":0,"weight":0})",
           R"({"name":"a","ip":"::1","port":0,"weight":0})",
       }) {
    const AnswersReading reading = read_answers(
        R"({"schema":1,"kind":"kerberos names","addresses":[)" + std::string(row) + "]}");
    assert_string_equal(reading.problem.c_str(), "");
    assert_int_equal(reading.skipped, 1);
    assert_int_equal(reading.addresses.size(), 0);
  }
}

void what_is_cut_off_or_of_another_kind_is_refused(void**) {
  const std::string whole = to_text(kSaved);
  for (std::size_t length = 0; length + 1 < whole.size(); ++length) {
    const AnswersReading reading = read_answers(whole.substr(0, length));
    assert_false(reading.problem.empty());
    assert_int_equal(reading.addresses.size(), 0);
  }
  assert_false(read_answers(R"({"schema":1,"kind":"other","addresses":[]})").problem.empty());
  assert_false(
      read_answers(R"({"schema":2,"kind":"kerberos names","addresses":[]})").problem.empty());
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_was_put_away_comes_back),
      cmocka_unit_test(what_makes_no_sense_is_passed_over),
      cmocka_unit_test(what_is_cut_off_or_of_another_kind_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
