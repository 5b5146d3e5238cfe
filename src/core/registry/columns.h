// SPDX-License-Identifier: MIT
//
// How far in its line reaches what a problem is about, for whoever underlines it.
#pragma once

#include <cstdint>
#include <string_view>

namespace kerberos::registry {

// How many columns a scalar takes at the front of `source`, on its first line: with its quotes
// where it has them, else as far as it is what the parser made of it.
std::uint32_t columns_of(std::string_view source, std::string_view value);

// The columns of what stands at the front of `source`, up to what ends a word.
std::uint32_t columns_of_word(std::string_view source);

}  // namespace kerberos::registry
