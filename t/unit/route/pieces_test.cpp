// SPDX-License-Identifier: MIT
#include "core/route/pieces.h"

#include <string>
#include <string_view>

#include "gate.h"

namespace kerberos::route {
namespace {

const Groups kGroups = {3, {{"id", 2}, {"id_2", 3}}};

// "[text]" is text, "<1>" a group, "{name}" a variable.
std::string shown(const PiecesReading& reading) {
  if (!reading.refusal.empty()) return "no: " + reading.refusal;
  std::string result;
  for (const Piece& piece : reading.pieces) {
    switch (piece.kind) {
      case PieceKind::kText:
        result += "[" + piece.text + "]";
        break;
      case PieceKind::kGroup:
        result += "<" + std::to_string(piece.group) + ">";
        break;
      case PieceKind::kVariable:
        result += "{" + piece.text + "}";
        break;
    }
  }
  return result;
}

void texts_are_taken_apart(void**) {
  constexpr struct {
    std::string_view text, expected;
  } kRows[] = {
      {"", ""},
      {"/users", "[/users]"},
      {"/users/$1", "[/users/]<1>"},
      {"$1$2", "<1><2>"},
      {"/$1abc/$id/x", "[/]<1>[abc/]<2>[/x]"},
      {"/$12", "[/]<1>[2]"},
      {"/$id_2/$id", "[/]<3>[/]<2>"},
      {"/a$$b", "[/a$b]"},
      {"$$1", "[$1]"},
      {"$$$1", "[$]<1>"},
      {"/$", "no: a dollar stands before a group ($1, $name); \"$$\" is a dollar itself"},
      {"/$-", "no: a dollar stands before a group ($1, $name); \"$$\" is a dollar itself"},
      {"/${id}", "no: a dollar stands before a group ($1, $name); \"$$\" is a dollar itself"},
      {"/$0", "no: no group $0: its regex has 3 groups"},
      {"/$4", "no: no group $4: its regex has 3 groups"},
      {"/$name", "no: no group $name: its regex has 3 groups"},
  };
  for (const auto& row : kRows) {
    expect_text(row.text, shown(parse_pieces(row.text, kGroups, false)), row.expected);
  }
}

void without_a_regex_there_are_no_groups(void**) {
  expect_text("number", shown(parse_pieces("/$1", {}, false)),
              "no: no group $1: there are no groups: only a regex has them");
  expect_text("one", shown(parse_pieces("/$2", {1, {}}, false)),
              "no: no group $2: its regex has 1 group");
}

void what_no_group_has_may_be_a_variable(void**) {
  expect_text("variable", shown(parse_pieces("t-$http_x_tenant.$id", kGroups, true)),
              "[t-]{http_x_tenant}[.]<2>");
  expect_text("number", shown(parse_pieces("$4", kGroups, true)),
              "no: no group $4: its regex has 3 groups");
  expect_text("beyond the ninth", shown(parse_pieces("$far", {12, {{"far", 10}}}, true)),
              "no: of the groups, the first nine can be used");
}

}  // namespace
}  // namespace kerberos::route

int main() {
  using namespace kerberos::route;
  const CMUnitTest tests[] = {
      cmocka_unit_test(texts_are_taken_apart),
      cmocka_unit_test(without_a_regex_there_are_no_groups),
      cmocka_unit_test(what_no_group_has_may_be_a_variable),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
