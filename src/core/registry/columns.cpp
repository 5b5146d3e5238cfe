// SPDX-License-Identifier: MIT
#include "core/registry/columns.h"

#include <algorithm>
#include <cstddef>

#include "core/registry/closing.h"

namespace kerberos::registry {

std::uint32_t columns_of(std::string_view source, std::string_view value) {
  std::size_t size = 0;  // and never look for the end of the line: it may be megabytes away
  if (source.starts_with('"') || source.starts_with('\'')) {
    size = closing_quote(source);
    source = source.substr(0, size == std::string_view::npos ? size : size + 1);
    size = std::min(source.find_first_of("\r\n"), source.size());
  } else {
    const auto [stop, rest] = std::ranges::mismatch(source, value);
    size = static_cast<std::size_t>(stop - source.begin());
  }
  return static_cast<std::uint32_t>(std::max<std::size_t>(size, 1));
}

std::uint32_t columns_of_word(std::string_view source) {
  const std::size_t size = std::min(source.find_first_of(" \t\r\n,[]{}"), source.size());
  return static_cast<std::uint32_t>(std::max<std::size_t>(size, 1));
}

}  // namespace kerberos::registry
