// SPDX-License-Identifier: MIT
//
// Which of two routes a request goes to that both could take. The order is one of the routes, not
// of their places in files:
//
//   1. host: by name; by the longest wildcard; any
//   2. priority: higher first
//   3. exact; regex; prefix
//   4. of regexes: the longer fixed beginning, the longer expression, the first by its bytes;
//      of prefixes: the longer
//   5. with methods; with more headers; with more arguments
//
// Two that are equal in all of this tie. That is an error, unless no request can be for both.
#pragma once

#include <compare>
#include <cstdint>
#include <span>
#include <vector>

#include "core/route/model.h"

namespace kerberos::route {

// less: `left` comes first; equivalent: they are equal in all that counts.
std::weak_ordering precedence(const Route& left, const Route& right);

// Whether there may be a request that meets the methods, headers and arguments of both.
bool can_both_match(const Route& left, const Route& right);

// The numbers of the routes in the order of precedence; those that are equal keep theirs.
std::vector<std::uint32_t> in_order(std::span<const Route> routes);

struct Tie {
  std::uint32_t first;
  std::uint32_t second;  // each route is the second of one tie at most
};

// In time that grows with the number of routes, not with that of pairs, but for routes of one
// host and one path that are told apart by nothing but prefixes of one header or argument.
std::vector<Tie> ties(std::span<const Route> routes);

}  // namespace kerberos::route
