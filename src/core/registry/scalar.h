// SPDX-License-Identifier: MIT
//
// The written forms of single values: times, shares and whole numbers. Directives and YAML read
// them through these functions, so one text means one value on both faces. They know forms and
// units only; which range is sane is for the parameter to say.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "core/base/instant.h"

namespace kerberos::registry {

// A time as nginx writes it: "500ms", "30s", "1m30s"; a number without a unit is seconds. Units
// w, d, h, m, s, ms, each at most once and the larger first. nginx's forms with blanks ("1m 30s")
// are refused: here they are more likely a missing quote than a wish.
std::optional<base::Millis> parse_time(std::string_view text);

// "10%" is 10. The unit is required, so that nobody has to ask whether 0.1 was meant.
std::optional<std::uint32_t> parse_percent(std::string_view text);

// Decimal digits only: no sign, no fraction, and no leading zeros, because YAML 1.1 took them
// for octal.
std::optional<std::uint64_t> parse_whole_number(std::string_view text);

// The shortest single-unit text of a time, hours at most: "24h", "90s", "1500ms".
std::string time_text(base::Millis time);

// As names are compared that are the same in any case: ASCII's letters small.
std::string in_small_letters(std::string_view text);

}  // namespace kerberos::registry
