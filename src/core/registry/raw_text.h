// SPDX-License-Identifier: MIT
//
// What a registry file must be before anybody reads it as YAML: not empty, not huge, and text.
// yaml-cpp lets NUL bytes and broken UTF-8 through, and takes the byte 0x04 for the end of the
// file; what is refused here cannot mislead it.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

#include "core/base/problem.h"

namespace kerberos::registry {

// What may stand before the first character, and is no part of the text.
inline constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

inline constexpr char32_t kInvalid = 0xFFFFFFFF;

struct Character {
  char32_t code = kInvalid;
  std::size_t size = 1;  // bytes
};

// The character that starts at `at`; overlong forms, surrogates and what lies above U+10FFFF are
// invalid (RFC 3629).
Character character_at(std::string_view text, std::size_t at);

// C0 but for the tab, DEL, C1.
bool is_control(char32_t code);

inline constexpr std::size_t kTextSizeMax = std::size_t{16} << 20U;

// What is wrong with the text, the first thing only: what follows broken text means little.
// Columns count bytes, as yaml-cpp's do. Refused too are tabs that indent, which YAML forbids
// and yaml-cpp takes for anything but what they look like.
std::optional<base::Problem> flaw_of(std::string_view text);

// Whether decoded text has control characters (C0 but for the tab, DEL, C1): escapes in quotes
// can spell what the raw text may not have.
bool has_control(std::string_view text);

}  // namespace kerberos::registry
