// SPDX-License-Identifier: MIT
//
// Where what was opened is closed: quotes, and the brackets of lists and mappings in one line. The
// parser takes an end of the file for any of them, or takes a bracket that stays open for a key,
// and in neither case says which one it is.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/base/problem.h"

namespace kerberos::registry {

// Where the quote that opens at the front of `text` is closed, npos if it is not.
std::size_t closing_quote(std::string_view text);

// What is wrong with the bracket that opens at `at`, or with what stands in it: a bracket or a
// quote that stays open, or one that is closed by what closes others.
std::optional<base::Problem> flaw_of_bracket(std::string_view text, std::size_t at);

// The place of a byte.
base::Place place_in(std::string_view text, std::size_t at);

}  // namespace kerberos::registry
