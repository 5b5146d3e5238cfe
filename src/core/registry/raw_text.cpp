// SPDX-License-Identifier: MIT
#include "core/registry/raw_text.h"

#include <cstdint>
#include <string>

namespace kerberos::registry {
namespace {

bool is_line_break(std::string_view text, std::size_t at) {
  return text[at] == '\n' || text.substr(at).starts_with("\r\n");
}

// Where a tab indents something in the line that starts at `line`, npos if nowhere. Blank lines
// and comments are not indented by anything.
std::size_t indenting_tab(std::string_view text, std::size_t line) {
  const std::size_t content = text.find_first_not_of(" \t", line);
  if (content == std::string_view::npos || is_line_break(text, content) || text[content] == '#') {
    return std::string_view::npos;
  }
  const std::size_t tab = text.substr(line, content - line).find('\t');
  return tab == std::string_view::npos ? tab : line + tab;
}

std::string hexadecimal(char32_t code, std::size_t digits) {
  std::string text(digits, '0');
  for (; digits > 0; code >>= 4U) text[--digits] = "0123456789ABCDEF"[code & 0xFU];
  return text;
}

}  // namespace

Character character_at(std::string_view text, std::size_t at) {
  const auto lead = static_cast<unsigned char>(text[at]);
  if (lead < 0x80) return {lead, 1};
  const std::size_t size = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() - at < size) return {kInvalid, 1};

  char32_t code = lead & (0x7FU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    const auto byte = static_cast<unsigned char>(text[at + i]);
    if ((byte & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte & 0x3FU);
  }
  const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (overlong || surrogate || code > 0x10FFFF) return {kInvalid, 1};
  return {code, size};
}

bool is_control(char32_t code) {
  return (code < 0x20 && code != '\t') || (code >= 0x7F && code < 0xA0);
}

std::optional<base::Problem> flaw_of(std::string_view text) {
  if (text.size() > kTextSizeMax) {
    return base::Problem{{}, "file of " + std::to_string(text.size()) + " bytes (at most 16 MiB)"};
  }
  int line = 1;
  std::size_t line_start = 0;
  const auto at_place = [&](std::size_t at, std::string what) {
    return base::Problem{{line, static_cast<int>(at - line_start) + 1}, std::move(what)};
  };
  for (std::size_t at = 0; at < text.size();) {
    if (at == line_start) {
      const std::size_t tab = indenting_tab(text, at);
      if (tab != std::string_view::npos) return at_place(tab, "tab as indentation (use blanks)");
    }
    const Character character = character_at(text, at);
    if (character.code == kInvalid) {
      const auto byte = static_cast<unsigned char>(text[at]);
      return at_place(at, "invalid byte 0x" + hexadecimal(byte, 2) + " (the text must be UTF-8)");
    }
    if (is_control(character.code) && !is_line_break(text, at)) {
      return at_place(at, "control character U+" + hexadecimal(character.code, 4) +
                              " (text, blanks and line ends only)");
    }
    at += character.size;
    if (character.code == '\n') {
      ++line;
      line_start = at;
    }
  }
  return std::nullopt;
}

bool has_control(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const Character character = character_at(text, at);
    if (is_control(character.code)) return true;
    at += character.size;
  }
  return false;
}

}  // namespace kerberos::registry
