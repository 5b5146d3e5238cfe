// SPDX-License-Identifier: MIT
#include "core/report/writer.h"

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

void expect(Writer& json, const std::string& expected) {
  assert_string_equal(json.take().c_str(), expected.c_str());
}

void commas_stand_between_and_nowhere_else(void**) {
  Writer json;
  json.begin_object();
  json.field("a", 1);
  json.key("b");
  json.begin_array();
  json.value(1);
  json.value(2);
  json.begin_array();
  json.end_array();
  json.begin_object();
  json.end_object();
  json.begin_object();
  json.field("c", 3);
  json.end_object();
  json.end_array();
  json.key("d");
  json.begin_object();
  json.end_object();
  json.field("e", 4);
  json.end_object();
  expect(json, R"({"a":1,"b":[1,2,[],{},{"c":3}],"d":{},"e":4})");
}

void every_kind_of_value_has_its_form(void**) {
  Writer json;
  json.begin_array();
  json.value("text");
  json.value(std::string_view("view"));
  json.value(std::string("string"));
  json.value(true);
  json.value(false);
  json.value(nullptr);
  json.value(0);
  json.value(-5);
  json.value(std::numeric_limits<std::uint64_t>::max());
  json.value(std::numeric_limits<std::int64_t>::min());
  json.value(24.8);
  json.value(0.0);
  json.value(30.0);
  json.end_array();
  expect(json, R"(["text","view","string",true,false,null,0,-5,18446744073709551615,)"
               R"(-9223372036854775808,24.8,0.0,30.0])");
}

void fields_keep_the_kind_of_their_value(void**) {
  Writer json;
  json.begin_object();
  json.field("text", "x");
  json.field("string", std::string("x"));
  json.field("view", std::string_view("x"));
  json.field("yes", true);
  json.field("number", std::uint32_t{7});
  json.field("share", 0.5);
  json.end_object();
  expect(json, R"({"text":"x","string":"x","view":"x","yes":true,"number":7,"share":0.5})");
}

void text_and_names_are_escaped(void**) {
  for (const std::string& text :
       {std::string("\"quotes\" and \\"), std::string("a\0b", 3), std::string("\n\r\t\x01\x1f"),
        std::string("\xc3\xbc"), std::string()}) {
    Writer json;
    json.begin_object();
    json.field(text, text);
    json.end_object();
    const auto read = nlohmann::json::parse(json.take());
    assert_true(read.contains(text));
    assert_true(read[text] == text);
  }
}

void what_is_no_utf_8_is_replaced(void**) {
  Writer json;
  json.begin_object();
  json.field("a\xff", "b\xc3");
  json.end_object();
  expect(json, "{\"a\xef\xbf\xbd\":\"b\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(commas_stand_between_and_nowhere_else),
      cmocka_unit_test(every_kind_of_value_has_its_form),
      cmocka_unit_test(fields_keep_the_kind_of_their_value),
      cmocka_unit_test(text_and_names_are_escaped),
      cmocka_unit_test(what_is_no_utf_8_is_replaced),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
