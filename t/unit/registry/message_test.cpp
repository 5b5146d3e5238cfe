// SPDX-License-Identifier: MIT
#include "core/registry/message.h"

#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

using namespace std::string_literals;

// The lines below the first one, of a problem in a text of one line.
std::string shown(std::string_view text, int column, std::uint32_t length) {
  const std::vector<Source> sources = {{"a.yaml", std::string(text)}};
  const base::Problem problem = {{1, column}, "bad", 0, length};
  const auto lines = message_of(problem, sources);
  expect_text("first line", lines[0], "a.yaml:1:" + std::to_string(column) + ": bad");
  std::string result;
  for (std::size_t i = 1; i < lines.size(); ++i) result += lines[i] + "\n";
  return result;
}

void a_problem_shows_its_place(void**) {
  const std::vector<Source> sources = {
      {"/etc/a.yaml", "a: 1\n"},
      {"b.yaml", "services:\r\n  users:\r\n    tresholt: 5\r\n"},
  };
  const base::Problem problem = {{3, 5}, "unknown key \"tresholt\"", 1, 8};
  const std::vector<std::string> expected = {
      "b.yaml:3:5: unknown key \"tresholt\"",
      "    3 |     tresholt: 5",
      "      |     ^~~~~~~~",
  };
  assert_true(message_of(problem, sources) == expected);
}

void the_caret_stands_under_the_word(void**) {
  const struct {
    std::string_view row, text;
    int column;
    std::uint32_t length;
    std::string expected;
  } rows[] = {
      {"one column", "a: b", 4, 1,
       "    1 | a: b\n"
       "      |    ^\n"},
      {"the front", "abc: b", 1, 3,
       "    1 | abc: b\n"
       "      | ^~~\n"},
      {"tabs are one column", "a:\tb\tcd", 6, 2,
       "    1 | a: b cd\n"
       "      |      ^~\n"},
      {"two bytes, one column", "\xC3\xA9\xC3\xA9: \xC3\xA4\xC3\xB6", 7, 4,
       "    1 | \xC3\xA9\xC3\xA9: \xC3\xA4\xC3\xB6\n"
       "      |     ^~\n"},
      {"wide characters", "\xE6\x97\xA5: \xE6\x9C\xAC", 6, 3,
       "    1 | \xE6\x97\xA5: \xE6\x9C\xAC\n"
       "      |     ^~\n"},
      {"marks", "e\xCC\x81: b", 6, 1,
       "    1 | e\xCC\x81: b\n"
       "      |    ^\n"},
      {"byte order mark",
       "\xEF\xBB\xBF"
       "a: b",
       4, 1,
       "    1 | a: b\n"
       "      |    ^\n"},
      {"behind the line", "a: [", 5, 1,
       "    1 | a: [\n"
       "      |     ^\n"},
      {"far behind the line", "a: [", 50, 9,
       "    1 | a: [\n"
       "      |     ^\n"},
      {"longer than the line", "a: \"b", 4, 90,
       "    1 | a: \"b\n"
       "      |    ^~\n"},
      {"length of nothing", "a: b", 4, 0,
       "    1 | a: b\n"
       "      |    ^\n"},
      {"within a character", "\xC3\xA9: b", 2, 1,
       "    1 | \xC3\xA9: b\n"
       "      |  ^\n"},
  };
  for (const auto& row : rows) {
    expect_text(row.row, shown(row.text, row.column, row.length), row.expected);
  }
}

void long_lines_are_cut_around_the_place(void**) {
  const std::string a(300, 'a');
  const std::string b(300, 'b');
  expect_text("at the front", shown("x" + a, 1, 1),
              "    1 | x" + a.substr(0, 99) + "...\n      | ^\n");
  expect_text("at the end", shown(a + "xyz", 301, 3),
              "    1 | ..." + a.substr(0, 97) + "xyz\n      | " + std::string(100, ' ') + "^~~\n");
  expect_text("in the middle", shown(a + "x" + b, 301, 1),
              "    1 | ..." + a.substr(0, 40) + "x" + b.substr(0, 59) + "...\n      | " +
                  std::string(43, ' ') + "^\n");
  expect_text("all of it", shown(a, 1, 300),
              "    1 | " + a.substr(0, 100) + "...\n      | ^" + std::string(99, '~') + "\n");
  const std::string hundred(100, 'a');
  expect_text("a hundred columns are not too many", shown(hundred, 100, 1),
              "    1 | " + hundred + "\n      | " + std::string(99, ' ') + "^\n");
  std::string wide;
  for (int i = 0; i < 100; ++i) wide += "\xE6\x97\xA5";
  expect_text("no half characters", shown(wide, 1, 1),
              "    1 | " + wide.substr(0, 150) + "...\n      | ^~\n");
}

void nothing_printed_does_harm(void**) {
  const struct {
    std::string_view row;
    std::string text, expected;
  } rows[] = {
      {"escape", "a: \x1b[2Jb", "    1 | a: ?[2Jb\n      | ^\n"},
      {"NUL", "a: \0b"s, "    1 | a: ?b\n      | ^\n"},
      {"C1", "a: \xC2\x9Bz", "    1 | a: ?z\n      | ^\n"},
      {"no UTF-8", "a: \xFFz", "    1 | a: ?z\n      | ^\n"},
      {"other direction", "a: \xE2\x80\xAEz", "    1 | a: ?z\n      | ^\n"},
      {"line separator", "a: \xE2\x80\xA8z", "    1 | a: ?z\n      | ^\n"},
      {"carriage return", "a: b\rc", "    1 | a: b?c\n      | ^\n"},
      {"password", "a: [http://me:secret@x]", "    1 | a: [http://*********@x]\n      | ^\n"},
      {"no scheme", "a: [me:secret@x]", "    1 | a: **********@x]\n      | ^\n"},
      {"a password with an @", "- http://me:p@ss@x", "    1 | - http://*******@x\n      | ^\n"},
      {"two of them", "a: [http://b:c@d, http://e:f@g]",
       "    1 | a: [http://***@d, http://***@g]\n      | ^\n"},
  };
  for (const auto& row : rows) expect_text(row.row, shown(row.text, 1, 1), row.expected);

  const std::vector<Source> sources = {{"a\nb", ""}};
  expect_text("the name and the text",
              message_of({{},
                          "c\x1b"
                          "d"},
                         sources)[0],
              "a?b: c?d");
}

void without_a_place_there_is_no_line(void**) {
  const std::vector<Source> sources = {{"a.yaml", "a: 1\n\n"}};
  const struct {
    std::string_view row;
    base::Place place;
    std::string_view expected;
  } rows[] = {
      {"none", {0, 0}, "a.yaml: bad"},
      {"behind the end", {9, 1}, "a.yaml:9:1: bad"},
      {"an empty line", {2, 1}, "a.yaml:2:1: bad"},
      {"no column", {1, 0}, "a.yaml:1:0: bad"},
  };
  for (const auto& row : rows) {
    const auto lines = message_of({row.place, "bad"}, sources);
    assert_int_equal(lines.size(), 1);
    expect_text(row.row, lines[0], row.expected);
  }
}

void numbers_of_lines_are_on_the_right(void**) {
  const std::vector<Source> sources = {{"a", std::string(123'455, '\n') + "x: y"}};
  const auto lines = message_of({{123'456, 4}, "bad"}, sources);
  expect_text("line", lines[1], "123456 | x: y");
  expect_text("caret", lines[2], "       |    ^");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_problem_shows_its_place),
      cmocka_unit_test(the_caret_stands_under_the_word),
      cmocka_unit_test(long_lines_are_cut_around_the_place),
      cmocka_unit_test(nothing_printed_does_harm),
      cmocka_unit_test(without_a_place_there_is_no_line),
      cmocka_unit_test(numbers_of_lines_are_on_the_right),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
