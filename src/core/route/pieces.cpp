// SPDX-License-Identifier: MIT
#include "core/route/pieces.h"

#include <algorithm>

namespace kerberos::route {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

class Parser {
 public:
  Parser(const Groups& groups, bool variables) : groups_(groups), variables_(variables) {}

  // Takes what follows a dollar and returns how much of it.
  std::size_t take(std::string_view rest) {
    if (rest.starts_with('$')) {
      add_text("$");
      return 1;
    }
    if (rest.empty() || !(is_digit(rest.front()) || is_letter(rest.front()))) {
      return refuse("a dollar stands before a group ($1, $name); \"$$\" is a dollar itself");
    }
    return is_digit(rest.front()) ? take_number(rest) : take_name(rest);
  }

  void add_text(std::string_view text) {
    if (text.empty()) return;
    Pieces& pieces = reading_.pieces;
    if (pieces.empty() || pieces.back().kind != PieceKind::kText) pieces.emplace_back();
    pieces.back().text += text;
  }

  [[nodiscard]] bool refused() const { return !reading_.refusal.empty(); }
  PiecesReading result() && { return std::move(reading_); }

 private:
  std::size_t refuse(std::string why) {
    reading_.refusal = std::move(why);
    return 0;
  }

  std::string groups_there() const {
    if (groups_.count == 0) return "there are no groups: only a regex has them";
    return "its regex has " + std::to_string(groups_.count) +
           (groups_.count == 1 ? " group" : " groups");
  }

  std::size_t take_number(std::string_view rest) {
    const auto group = static_cast<std::uint32_t>(rest.front() - '0');
    if (group == 0 || group > groups_.count) {
      return refuse("no group $" + std::string(1, rest.front()) + ": " + groups_there());
    }
    reading_.pieces.push_back({PieceKind::kGroup, group, {}});
    return 1;
  }

  std::size_t take_name(std::string_view rest) {
    const auto* const end =
        std::ranges::find_if_not(rest, [](char c) { return is_letter(c) || is_digit(c); });
    const std::string name(rest.begin(), end);
    const auto group =
        std::ranges::find(groups_.names, name, &std::pair<std::string, std::uint32_t>::first);
    if (group != groups_.names.end()) {
      if (group->second > kGroupsMax) return refuse("of the groups, the first nine can be used");
      reading_.pieces.push_back({PieceKind::kGroup, group->second, {}});
    } else if (variables_) {
      reading_.pieces.push_back({PieceKind::kVariable, 0, name});
    } else {
      return refuse("no group $" + name + ": " + groups_there());
    }
    return name.size();
  }

  const Groups& groups_;
  bool variables_;
  PiecesReading reading_;
};

}  // namespace

PiecesReading parse_pieces(std::string_view text, const Groups& groups, bool variables) {
  Parser parser(groups, variables);
  while (!text.empty() && !parser.refused()) {
    const std::size_t dollar = std::min(text.find('$'), text.size());
    parser.add_text(text.substr(0, dollar));
    text.remove_prefix(dollar);
    if (text.empty()) break;
    text.remove_prefix(1 + parser.take(text.substr(1)));
  }
  PiecesReading reading = std::move(parser).result();
  if (!reading.refusal.empty()) reading.pieces.clear();
  return reading;
}

}  // namespace kerberos::route
