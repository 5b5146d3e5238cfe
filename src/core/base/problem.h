// SPDX-License-Identifier: MIT
//
// What is wrong with something an operator wrote, and where.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace kerberos::base {

// A place in a text; both count from 1, a line of 0 says that no place is known.
struct Place {
  int line = 0;
  int column = 0;
};

struct Problem {
  Place place;
  std::string text;          // what is wrong and, in parentheses, what is allowed
  std::uint32_t source = 0;  // which of several texts it is in
  std::uint32_t length = 1;  // how many columns it covers
};

using Problems = std::vector<Problem>;

}  // namespace kerberos::base
