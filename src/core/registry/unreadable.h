// SPDX-License-Identifier: MIT
//
// What is wrong with a text that the parser could not read. It says where it noticed; the text
// itself often says what it was.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/problem.h"

namespace kerberos::registry {

// Where the parser gave up.
struct Halt {
  std::string message;  // its own
  base::Place place;
  std::size_t at;                      // the byte; the end of the text where it does not say
  std::optional<std::size_t> bracket;  // the byte of the outermost that is open there
};

base::Problem unreadable(std::string_view text, const Halt& halt);

// An alias at the front of `source`.
base::Problem alias_at(base::Place place, std::string_view source);

}  // namespace kerberos::registry
