// SPDX-License-Identifier: MIT
//
// What stands where in a compiled table: one block of plain structs that knows places in itself
// by offsets and numbers, so that it may be copied, and read where another process maps it. Written
// once.
//
// Routes stand in the order of precedence, so a route's number says who goes first. Keys lead to
// lists of such numbers, ascending. No struct has bytes that nobody sets: they would carry what
// stood in the writer's memory.
#pragma once

#include <cstdint>

#include "core/route/model.h"

namespace kerberos::route {

inline constexpr std::uint32_t kNobody = ~0U;

struct Text {
  std::uint32_t at = 0;  // among the texts
  std::uint32_t length = 0;
};

struct PieceImage {
  Text text;
  std::uint32_t group = 0;
  PieceKind kind = PieceKind::kText;
  std::uint8_t unused[3] = {};
};

struct HeaderImage {
  Text name;
  std::uint32_t first_piece = 0;
  std::uint32_t pieces = 0;
};

struct ConditionImage {
  Text name;
  Text text;
  std::uint32_t regex = 0;
  Form form = Form::kPresent;
  std::uint8_t unused[3] = {};
};

struct RouteImage {
  Text name;
  Text path;  // an exact path, a prefix without its last slash, what an expression begins with
  std::uint32_t service = 0;
  std::uint32_t methods = 0;
  std::uint32_t regex = 0;
  std::uint32_t first_condition = 0;  // headers, then arguments
  std::uint32_t first_piece = 0;      // of the rewrite
  std::uint32_t first_set_header = 0;
  std::uint16_t headers = 0;
  std::uint16_t query = 0;
  std::uint16_t pieces = 0;
  std::uint16_t set_headers = 0;
  PathForm form = PathForm::kPrefix;
  bool below = false;  // a prefix with a last slash: the path goes on
  bool strip = false;
  std::uint8_t groups = 0;  // so many of the expression's are used, and the whole
};

// Where the routes of one host and one key are.
struct KeyImage {
  std::uint64_t hash = 0;  // 0: nothing stands here
  Text text;
  std::uint32_t salt = 0;  // the host and the form
  std::uint32_t first = 0;
  std::uint32_t count = 0;
  std::uint32_t unused = 0;
};

struct HostImage {
  std::uint64_t hash = 0;  // of the name from its end; 0: nothing stands here
  Text name;               // "example.org", or ".example.org" for all below it
  std::uint32_t group = 0;
  std::uint32_t unused = 0;
};

// What the routes of one host have, so that nobody looks for what cannot be there.
struct GroupImage {
  std::uint64_t fixed = 0;           // bit n: keys of n bytes at the beginning of a path
  std::uint64_t within = 0;          // bit n: keys of n bytes at a slash of it
  std::uint32_t longest_prefix = 0;  // bytes
  bool prefixes = false;
  bool exacts = false;
  std::uint8_t unused[2] = {};
};

struct TableImage {
  std::uint32_t size = 0;  // bytes, all of it
  std::uint32_t routes = 0;
  std::uint32_t routes_at = 0;
  std::uint32_t keys_at = 0;
  std::uint32_t keys_mask = 0;
  std::uint32_t hosts_at = 0;
  std::uint32_t hosts_mask = 0;
  std::uint32_t hosts = 0;
  std::uint32_t groups_at = 0;
  std::uint32_t conditions_at = 0;
  std::uint32_t pieces_at = 0;
  std::uint32_t headers_at = 0;
  std::uint32_t texts_at = 0;
  std::uint32_t any_host = kNobody;  // the group of the routes without a host
  std::uint32_t lists_at = 0;
  std::uint32_t regexes_at = 0;
  std::uint32_t regexes = 0;
};

}  // namespace kerberos::route
