// SPDX-License-Identifier: MIT
#include "core/registry/scalar.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

template <typename Number>
std::string shown(const std::optional<Number>& number) {
  return number ? std::to_string(*number) : "refused";
}

struct Row {
  std::string_view text;
  std::string_view expected;
};

void times_are_read_as_nginx_reads_them(void**) {
  constexpr Row kRows[] = {
      {"500ms", "500"},
      {"30s", "30000"},
      {"5m", "300000"},
      {"1h", "3600000"},
      {"1d", "86400000"},
      {"1w", "604800000"},
      {"30", "30000"},
      {"0", "0"},
      {"0ms", "0"},
      {"1m30s", "90000"},
      {"1m30", "90000"},
      {"1h500ms", "3600500"},
      {"1w2d3h4m5s6ms", "788645006"},
      {"9223372036854775807ms", "9223372036854775807"},
      {"9223372036854775s807ms", "9223372036854775807"},
  };
  for (const Row& row : kRows) expect_text(row.text, shown(parse_time(row.text)), row.expected);
}

void what_is_no_time_is_refused(void**) {
  constexpr std::string_view kTexts[] = {
      "",
      "s",
      "5x",
      "5 s",
      " 5s",
      "5s ",
      "-5s",
      "+5s",
      "1.5s",
      "5S",
      "5msec",
      "30s1m",
      "1s1s",
      "1s30",
      "ms5",
      "0x5s",
      "5sm",
      "1h m",
      "1y",
      "5\u00b5s",
      "5s5",
      "--",
      "1e3s",
      "99999999999999999999s",
      "9223372036854775808ms",
      "9223372036854775s808ms",
      "15250284452472w",
      "18446744073709551616",
  };
  for (const std::string_view text : kTexts) expect_text(text, shown(parse_time(text)), "refused");
}

void percents_need_their_unit(void**) {
  constexpr Row kRows[] = {
      {"0%", "0"},
      {"10%", "10"},
      {"100%", "100"},
      {"250%", "250"},
      {"10", "refused"},
      {"%", "refused"},
      {"", "refused"},
      {"0.1%", "refused"},
      {"-1%", "refused"},
      {"10 %", "refused"},
      {"4294967295%", "4294967295"},
      {"4294967296%", "refused"},
      {"10%%", "refused"},
      {"010%", "refused"},
  };
  for (const Row& row : kRows) expect_text(row.text, shown(parse_percent(row.text)), row.expected);
}

void whole_numbers_are_plain_decimals(void**) {
  constexpr Row kRows[] = {
      {"0", "0"},
      {"5", "5"},
      {"1000000", "1000000"},
      {"", "refused"},
      {"-1", "refused"},
      {"+1", "refused"},
      {"1.0", "refused"},
      {"007", "refused"},
      {"00", "refused"},
      {"0x1", "refused"},
      {"1_000", "refused"},
      {"1e3", "refused"},
      {" 1", "refused"},
      {"1 ", "refused"},
      {"five", "refused"},
      {"18446744073709551615", "18446744073709551615"},
      {"18446744073709551616", "refused"},
  };
  for (const Row& row : kRows) {
    expect_text(row.text, shown(parse_whole_number(row.text)), row.expected);
  }
}

void times_are_written_in_their_largest_whole_unit(void**) {
  struct {
    std::int64_t time;
    std::string_view expected;
  } const rows[] = {
      {0, "0s"},       {1, "1ms"},      {1'500, "1500ms"},   {30'000, "30s"},
      {90'000, "90s"}, {300'000, "5m"}, {86'400'000, "24h"}, {86'400'001, "86400001ms"}};
  for (const auto& row : rows) expect_text(row.expected, time_text(row.time), row.expected);
}

void small_letters_are_those_of_ascii(void**) {
  expect_text("letters", in_small_letters("AZaz_09[\xC3\x84"), "azaz_09[\xC3\x84");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(times_are_read_as_nginx_reads_them),
      cmocka_unit_test(what_is_no_time_is_refused),
      cmocka_unit_test(percents_need_their_unit),
      cmocka_unit_test(whole_numbers_are_plain_decimals),
      cmocka_unit_test(times_are_written_in_their_largest_whole_unit),
      cmocka_unit_test(small_letters_are_those_of_ascii),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
