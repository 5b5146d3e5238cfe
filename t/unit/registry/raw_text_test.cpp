// SPDX-License-Identifier: MIT
#include "core/registry/raw_text.h"

#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

using namespace std::string_view_literals;

std::string flaw_text(std::string_view text) {
  const auto flaw = flaw_of(text);
  return flaw ? listed({*flaw}) : "";
}

void text_is_accepted(void**) {
  struct {
    std::string_view row, text;
  } const rows[] = {
      {"empty", ""},
      {"lines", "a: 1\nb: 2\n"},
      {"carriage returns in line ends", "a: 1\r\n\r\nb: 2\r\n"},
      {"tabs within a line", "a:\t1\t# \t\n"},
      {"tabs in blank lines and before comments", "a: 1\n\t\n \t# c\n\t\r\n\t"},
      {"two, three and four bytes",
       "\xC2\xA0\xDF\xBF\xE0\xA0\x80\xED\x9F\xBF\xEE\x80\x80\xF0\x90"
       "\x80\x80\xF4\x8F\xBF\xBF"},
  };
  for (const auto& row : rows) expect_text(row.row, flaw_text(row.text), "");
}

void other_bytes_are_refused_with_their_place(void**) {
  const std::string utf8 = " (the text must be UTF-8)";
  const std::string control = " (text, blanks and line ends only)";
  const struct {
    std::string_view row, text;
    std::string expected;
  } rows[] = {
      {"NUL", "a: 1\nb: \0\n"sv, "2:4: control character U+0000" + control},
      {"yaml-cpp's end of file", "a\x04"sv, "1:2: control character U+0004" + control},
      {"escape", "\x1b[2J", "1:1: control character U+001B" + control},
      {"DEL", "a\x7f", "1:2: control character U+007F" + control},
      {"C1", "ab\xC2\x85", "1:3: control character U+0085" + control},
      {"lone carriage return", "a\rb", "1:2: control character U+000D" + control},
      {"Latin-1", "caf\xE9\n", "1:4: invalid byte 0xE9" + utf8},
      {"continuation alone", "\x80", "1:1: invalid byte 0x80" + utf8},
      {"cut at the end", "a\xE2\x82", "1:2: invalid byte 0xE2" + utf8},
      {"overlong in two", "\xC0\xAF", "1:1: invalid byte 0xC0" + utf8},
      {"overlong in three", "\xE0\x9F\xBF", "1:1: invalid byte 0xE0" + utf8},
      {"overlong in four", "\xF0\x8F\xBF\xBF", "1:1: invalid byte 0xF0" + utf8},
      {"surrogate", "\xED\xA0\x80", "1:1: invalid byte 0xED" + utf8},
      {"above U+10FFFF", "\xF4\x90\x80\x80", "1:1: invalid byte 0xF4" + utf8},
      {"UTF-16", "\xFF\xFE\x61", "1:1: invalid byte 0xFF" + utf8},
      {"indenting tab", "a:\n\tb: 1\n", "2:1: tab as indentation (use blanks)"},
      {"tab after blanks", "a:\n  \tb: 1\n", "2:3: tab as indentation (use blanks)"},
  };
  for (const auto& row : rows) expect_text(row.row, flaw_text(row.text), row.expected);
}

void size_is_bounded(void**) {
  expect_text("at the limit", flaw_text(std::string(kTextSizeMax, 'a')), "");
  expect_text("above", flaw_text(std::string(kTextSizeMax + 1, 'a')),
              "0:0: file of 16777217 bytes (at most 16 MiB)");
}

void controls_are_found_in_decoded_text(void**) {
  assert_false(has_control("plain\ttext \xC3\xA9"));
  assert_false(has_control(""));
  for (const std::string_view text : {"\0"sv, "a\n"sv, "\x7f"sv, "\xC2\x9F"sv}) {
    assert_true(has_control(text));
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(text_is_accepted),
      cmocka_unit_test(other_bytes_are_refused_with_their_place),
      cmocka_unit_test(size_is_bounded),
      cmocka_unit_test(controls_are_found_in_decoded_text),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
