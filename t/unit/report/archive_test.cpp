// SPDX-License-Identifier: MIT
//
// The last good registry: what was put away is what comes back, or nothing does.
#include "core/report/archive.h"

#include <string>
#include <vector>

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using registry::Source;

void expect_back(const std::vector<Source>& sources) {
  const std::string text = to_text(sources);
  assert_false(text.empty());
  const ArchiveReading reading = read_archive(text);
  assert_string_equal(reading.problem.c_str(), "");
  assert_int_equal(reading.sources.size(), sources.size());
  for (std::size_t i = 0; i < sources.size(); ++i) {
    assert_true(reading.sources[i].name == sources[i].name);
    assert_true(reading.sources[i].text == sources[i].text);
  }
}

void expect_refused(const std::string& text) {
  const ArchiveReading reading = read_archive(text);
  assert_false(reading.problem.empty());
  assert_int_equal(reading.sources.size(), 0);
}

void sources_come_back_byte_for_byte(void**) {
  expect_back({});
  expect_back({{"services.yaml", "a: [http://127.0.0.1:1]\n"}});
  expect_back({{"/etc/one.yaml", "# \"quoted\" \\ and \t tab\r\n"}, {"env:", ""}});
  std::string all;
  for (char c = 0; c >= 0 && c < 127; ++c) all += c;
  expect_back({{"all", all + "\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\xb6\x7f"}});
  expect_back({{"large", std::string(1'000'000, 'x')}});
}

// It could not be given back as it was, so it is not kept.
void what_is_no_utf8_is_not_kept(void**) {
  assert_true(to_text(std::vector<Source>{{"bad", "\xff\xfe"}}).empty());
  assert_true(to_text(std::vector<Source>{{"good", "x"}, {"bad", "\xc3"}}).empty());
}

void a_name_of_other_bytes_costs_only_the_name(void**) {
  const auto reading = read_archive(to_text(std::vector<Source>{{"\xff.yaml", "x"}}));
  assert_string_equal(reading.problem.c_str(), "");
  assert_true(reading.sources.at(0).name == "\xef\xbf\xbd.yaml");
  assert_true(reading.sources.at(0).text == "x");
}

const std::string kWhole = to_text(std::vector<Source>{{"one", "first"}, {"two", "second"}});

void what_is_cut_off_is_refused(void**) {
  for (std::size_t length = 0; length + 1 < kWhole.size(); ++length) {
    expect_refused(kWhole.substr(0, length));
  }
}

void what_was_changed_is_refused(void**) {
  for (const char* text : {"first", "second"}) {
    std::string changed = kWhole;
    changed[changed.find(text)] = 'X';
    expect_refused(changed);
  }
  std::string swapped = kWhole;
  swapped.replace(swapped.find("first"), 5, "FIRST");
  swapped.replace(swapped.find("second"), 6, "first");
  swapped.replace(swapped.find("FIRST"), 5, "second");
  expect_refused(swapped);
  std::string without = kWhole;
  without.erase(without.find(R"(,{"name":"two")"), 30);
  expect_refused(without);
}

void what_is_of_another_form_is_refused(void**) {
  for (
      const char* text :
      {R"({"schema":1,"kind":"kerberos breakers","checksum":"","sources":[]})",
       R"({"schema":2,"kind":"kerberos registry","checksum":"","sources":[]})",
       R"({"schema":1,"kind":"kerberos registry","sources":[]})",
       R"({"schema":1,"kind":"kerberos registry","checksum":0,"sources":[]})",
       R"({"schema":1,"kind":"kerberos registry","checksum":"","sources":[{"name":"a"}]})",
       R"({"schema":1,"kind":"kerberos registry","checksum":"","sources":[{"text":"a"}]})",
       R"({"schema":1,"kind":"kerberos registry","checksum":"","sources":[{"name":1,"text":2}]})"}) {
    expect_refused(text);
  }
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(sources_come_back_byte_for_byte),
      cmocka_unit_test(what_is_no_utf8_is_not_kept),
      cmocka_unit_test(a_name_of_other_bytes_costs_only_the_name),
      cmocka_unit_test(what_is_cut_off_is_refused),
      cmocka_unit_test(what_was_changed_is_refused),
      cmocka_unit_test(what_is_of_another_form_is_refused),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
