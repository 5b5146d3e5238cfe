// SPDX-License-Identifier: MIT
//
// Documents of ours that are read again, after anybody may have had them in his hands.
#include "core/report/rows.h"

#include <string>
#include <string_view>
#include <utility>

#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

Rows read(std::string_view text) {
  return read_rows(text, "things", 1, "rows");
}

void expect_problem(const std::string& text, std::string_view problem) {
  const Rows rows = read(text);
  assert_string_equal(rows.problem.c_str(), std::string(problem).c_str());
  assert_int_equal(rows.rows.size(), 0);
  assert_false(rows.head.has("kind"));
}

const std::string kHead = R"({"schema":1,"kind":"things","rows":[)";

void values_are_found_by_their_names(void**) {
  const Rows rows = read(
      R"( {"kind": "things", "schema": 1, "by": "me",
           "rows": [{"a": "text", "b": -5, "c": true, "d": null, "e": 1.5}, {}],
           "after": 7} )");
  assert_string_equal(rows.problem.c_str(), "");
  assert_true(rows.head.text("by") == "me");
  assert_true(rows.head.number("after") == 7);
  assert_int_equal(rows.rows.size(), 2);
  const Row& row = rows.rows[0];
  assert_true(row.text("a") == "text");
  assert_true(row.number("b") == -5);
  assert_true(row.flag("c") == true);
  for (const char* key : {"a", "b", "c", "d", "e"}) assert_true(row.has(key));
  assert_false(row.has("f"));
  assert_false(rows.rows[1].has("a"));
}

void a_value_of_another_kind_is_none(void**) {
  const Rows rows = read(kHead + R"({"t":"1","n":1,"f":true,"x":null,"r":1.0,)" +
                         R"("big":18446744073709551615,"low":-9223372036854775808}]})");
  const Row& row = rows.rows.at(0);
  for (const char* key : {"n", "f", "x", "r", "big", "none"})
    assert_false(row.text(key).has_value());
  for (const char* key : {"t", "f", "x", "r", "big", "none"})
    assert_false(row.number(key).has_value());
  for (const char* key : {"t", "n", "x", "r", "big", "none"})
    assert_false(row.flag(key).has_value());
  assert_true(row.number("low") == INT64_MIN);
}

void what_was_first_counts(void**) {
  assert_true(read(kHead + R"({"a":1,"a":2}]})").rows.at(0).number("a") == 1);
}

void no_json_is_refused(void**) {
  expect_problem("", "is no JSON from byte 1 on");
  expect_problem("nonsense", "is no JSON from byte 2 on");
  expect_problem(kHead + "]} x", "is no JSON from byte 40 on");
  expect_problem(kHead + "{\"a\":\"\xff\"}]}", "is no JSON from byte 43 on");
  expect_problem(std::string(1, '\0'), "is no JSON from byte 1 on");
}

void another_form_is_refused(void**) {
  for (const char* rest : {"[]]}", "1]}", "{\"a\":{}}]}", "{\"a\":[]}]}", "],\"rows\":[]}",
                           "],\"more\":[]}", "],\"more\":{}}"}) {
    expect_problem(kHead + rest, "is not of the right form");
  }
  for (const char* text : {"[]", "{\"rows\":{}}", "{\"other\":[]}", "[[[[[[[[", "\"text\"", "1"}) {
    expect_problem(text, "is not of the right form");
  }
  expect_problem(R"({"schema":1,"kind":"things"})", "is not of the right form");
}

void another_document_is_refused(void**) {
  expect_problem("{}", "is not a document of \"things\"");
  expect_problem(R"({"schema":1,"kind":"others","rows":[]})", "is not a document of \"things\"");
  expect_problem(R"({"schema":1,"rows":[]})", "is not a document of \"things\"");
  expect_problem(R"({"kind":"things","rows":[{"a":1}]})", "has no schema");
  expect_problem(R"({"schema":"1","kind":"things","rows":[]})", "has no schema");
  expect_problem(R"({"schema":2,"kind":"things","rows":[{}]})", "has schema 2, known is 1");
}

void what_is_cut_off_anywhere_is_refused(void**) {
  const std::string whole = kHead + R"({"a":"text","b":5},{"a":"\u00e4"}]})";
  assert_string_equal(read(whole).problem.c_str(), "");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    assert_true(!read(whole.substr(0, length)).problem.empty());
  }
}

void depth_and_length_have_an_end(void**) {
  expect_problem(std::string(1'000'000, '['), "is not of the right form");
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "{\"rows\":[";
  expect_problem(deep, "is not of the right form");
  std::string rows = kHead + "{}";
  for (std::size_t i = 1; i < Rows::kMax; ++i) rows += ",{}";
  assert_int_equal(read(rows + "]}").rows.size(), Rows::kMax);
  expect_problem(rows + ",{}]}", "has too many rows");
}

// A byte here and there: whatever comes out, it comes out.
void nonsense_does_no_harm(void**) {
  base::Pcg32 draw(7);
  const std::string whole = kHead + R"({"a":"text","b":5,"c":true},{"a":"\u00e4","d":-1.5e3}]})";
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (std::uint32_t n = 1 + draw.below(4); n > 0; --n) {
      const std::size_t at = draw.below(static_cast<std::uint32_t>(text.size()));
      switch (draw.below(3)) {
        case 0:
          text[at] = static_cast<char>(draw.below(256));
          break;
        case 1:
          text.insert(at, 1, "{}[]\",:0\\"[draw.below(9)]);
          break;
        default:
          text.erase(at, 1 + draw.below(3));
      }
      if (text.empty()) text = "x";
    }
    const Rows rows = read(text);
    if (!rows.problem.empty()) assert_int_equal(rows.rows.size(), 0);
  }
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(values_are_found_by_their_names),
      cmocka_unit_test(a_value_of_another_kind_is_none),
      cmocka_unit_test(what_was_first_counts),
      cmocka_unit_test(no_json_is_refused),
      cmocka_unit_test(another_form_is_refused),
      cmocka_unit_test(another_document_is_refused),
      cmocka_unit_test(what_is_cut_off_anywhere_is_refused),
      cmocka_unit_test(depth_and_length_have_an_end),
      cmocka_unit_test(nonsense_does_no_harm),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
