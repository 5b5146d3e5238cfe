// SPDX-License-Identifier: MIT
//
// Text with something put in at request time, as "/users/$1" or "tenant-$http_x_tenant": parsed
// once, so that a request only strings pieces together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace kerberos::route {

enum class PieceKind : std::uint8_t {
  kText,
  kGroup,     // what a group of the route's expression matched
  kVariable,  // a variable of nginx, by its name
};

struct Piece {
  PieceKind kind = PieceKind::kText;
  std::uint32_t group = 0;
  std::string text;  // of a variable: its name

  friend bool operator==(const Piece&, const Piece&) = default;
};

using Pieces = std::vector<Piece>;

// The groups that an expression has, and what those with a name are called.
struct Groups {
  std::uint32_t count = 0;
  std::vector<std::pair<std::string, std::uint32_t>> names;
};

// $1 to $9 can be said.
inline constexpr std::uint32_t kGroupsMax = 9;

struct PiecesReading {
  Pieces pieces;
  std::string refusal;  // what is wrong and what is allowed; empty: nothing
};

// "$1" and "$name" are groups, "$$" is a dollar. A name that no group has is a variable where
// those are allowed. Not "${name}": that is the environment, read before us.
PiecesReading parse_pieces(std::string_view text, const Groups& groups, bool variables);

}  // namespace kerberos::route
