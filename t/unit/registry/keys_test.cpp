// SPDX-License-Identifier: MIT
#include "core/registry/keys.h"

#include <set>
#include <string>
#include <string_view>

#include "core/registry/reader.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::array<std::string_view, 2> kWords = {"enforce", "observe"};
constexpr std::array<std::string_view, 1> kOff = {"off"};

std::span<const KeyRow> two_keys() {
  static constexpr std::array kRows = {truth("a", "", ""), truth("b", "", "")};
  return kRows;
}

void a_row_says_what_is_allowed(void**) {
  KeyRow three = block("a", Form::kMap, two_keys, "", "");
  three.words = kOff;
  three.lowest = 1;
  three.highest = 8;
  const struct {
    KeyRow row;
    std::string_view expected;
  } rows[] = {
      {time("a", 1, 60'000, "", ""), "a time such as 500ms, 30s or 5m, from 1ms to 1m"},
      {share("a", 0, 50, "", ""), "a share from 0% to 50%"},
      {number("a", 0, 7, "", ""), "a whole number from 0 to 7"},
      {truth("a", "", ""), "true or false"},
      {word("a", kWords, "", ""), "allowed: enforce, observe"},
      {text("a", {"a name", ""}, "", ""), "a name"},
      {block("a", Form::kMap, two_keys, "", ""), "a mapping of a, b"},
      {three, "off, a whole number from 1 to 8, or a mapping of a, b"},
      {block("a", Form::kList, two_keys, "", ""), "a list of mappings of a, b"},
  };
  for (const auto& row : rows) expect_text(row.expected, allowed_by(row.row), row.expected);
}

void a_word_that_is_nearly_one_gets_a_question(void**) {
  expect_text("word", hint_of(word("a", kWords, "", ""), "obsreve"),
              "did you mean \"observe\"? allowed: enforce, observe");
  expect_text("no word", hint_of(word("a", kWords, "", ""), "xyz"), "allowed: enforce, observe");
  expect_text("truth", hint_of(truth("a", "", ""), "off"),
              "did you mean \"false\"? allowed: true, false");
  expect_text("number", hint_of(number("a", 0, 7, "", ""), "8"), "a whole number from 0 to 7");
}

void a_number_has_the_form_and_the_range_of_its_row(void**) {
  const struct {
    std::string_view what;
    KeyRow row;
    std::string_view good;
    std::int64_t value;
    std::string_view bad[3];
  } rows[] = {
      {"time", time("a", 10, 60'000, "", ""), "1s500ms", 1'500, {"9ms", "61s", "1x"}},
      {"share", share("a", 10, 50, "", ""), "50%", 50, {"51%", "9%", "20"}},
      {"number", number("a", 2, 7, "", ""), "7", 7, {"8", "1", "9223372036854775808"}},
      {"truth", truth("a", "", ""), "true", 1, {"True", "1", ""}},
      {"word", word("a", kWords, "", ""), "observe", 1, {"", "Observe", "1"}},
  };
  for (const auto& row : rows) {
    expect_true(row.what, number_of(row.row, row.good) == row.value);
    for (const auto bad : row.bad) expect_true(bad, !number_of(row.row, bad).has_value());
  }
  assert_int_equal(*number_of(truth("a", "", ""), "false"), 0);
}

void check_rows(std::span<const KeyRow> rows, std::set<std::string>& seen) {
  std::set<std::string_view> names;
  for (const KeyRow& row : rows) {
    expect_true(row.name, names.insert(row.name).second);
    seen.insert(std::string(row.name));
    expect_true(row.name, !row.meaning.empty() && row.meaning.ends_with('.'));
    expect_true(row.name, row.meaning.front() < 'a');
    expect_true(row.name, row.lowest <= row.highest);
    expect_true(row.name, !allowed_by(row).empty());
    if (row.form == Form::kText) expect_true(row.name, !row.pattern.empty());
    if (row.inside != nullptr) check_rows(row.inside(), seen);
  }
}

// From the top of a file one comes to every key, and each is fit to print.
void the_whole_table_is_in_order(void**) {
  std::set<std::string> seen;
  check_rows(registry_keys(), seen);
  for (const std::string_view key :
       {"version", "balance", "url", "threshold", "http_5xx", "connect", "connections", "verify"}) {
    expect_true(key, seen.contains(std::string(key)));
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_row_says_what_is_allowed),
      cmocka_unit_test(a_word_that_is_nearly_one_gets_a_question),
      cmocka_unit_test(a_number_has_the_form_and_the_range_of_its_row),
      cmocka_unit_test(the_whole_table_is_in_order),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
