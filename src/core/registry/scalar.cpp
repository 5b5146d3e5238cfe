// SPDX-License-Identifier: MIT
#include "core/registry/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstddef>
#include <iterator>
#include <limits>
#include <system_error>

namespace kerberos::registry {
namespace {

struct Unit {
  std::string_view name;
  base::Millis millis;
};

constexpr base::Millis kSecond = 1'000;
constexpr base::Millis kHour = 3'600 * kSecond;
constexpr base::Millis kDay = 24 * kHour;

// The larger first: parse_time() only ever moves on in this table.
constexpr std::array kUnits = {
    Unit{"w", 7 * kDay},     Unit{"d", kDay},    Unit{"h", kHour},
    Unit{"m", 60 * kSecond}, Unit{"s", kSecond}, Unit{"ms", 1},
};

// Takes the digits at the front of `rest` away and returns their value; nothing if there are
// none or the value is too large.
std::optional<std::uint64_t> take_digits(std::string_view& rest) {
  std::uint64_t value = 0;
  const char* const end = rest.data() + rest.size();
  const auto [stop, error] = std::from_chars(rest.data(), end, value);
  if (error != std::errc()) return std::nullopt;
  rest.remove_prefix(static_cast<std::size_t>(stop - rest.data()));
  return value;
}

}  // namespace

std::optional<base::Millis> parse_time(std::string_view text) {
  if (text.empty()) return std::nullopt;

  base::Millis total = 0;
  const auto* next = kUnits.begin();
  while (!text.empty()) {
    const auto amount = take_digits(text);
    if (!amount) return std::nullopt;

    const std::string_view name = text.substr(0, text.find_first_of("0123456789"));
    text.remove_prefix(name.size());
    const auto* const unit =
        std::find_if(next, kUnits.end(), [name = name.empty() ? "s" : name](const Unit& candidate) {
          return candidate.name == name;
        });
    if (unit == kUnits.end()) return std::nullopt;

    const base::Millis room = (std::numeric_limits<base::Millis>::max() - total) / unit->millis;
    if (*amount > static_cast<std::uint64_t>(room)) return std::nullopt;
    total += static_cast<base::Millis>(*amount) * unit->millis;
    next = std::next(unit);
  }
  return total;
}

std::optional<std::uint32_t> parse_percent(std::string_view text) {
  if (!text.ends_with('%')) return std::nullopt;
  text.remove_suffix(1);
  const auto value = parse_whole_number(text);
  if (!value || *value > std::numeric_limits<std::uint32_t>::max()) return std::nullopt;
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::uint64_t> parse_whole_number(std::string_view text) {
  if (text.size() > 1 && text.front() == '0') return std::nullopt;
  const auto value = take_digits(text);
  return text.empty() ? value : std::nullopt;
}

std::string time_text(base::Millis time) {
  if (time == 0) return "0s";
  const auto* const unit =
      std::find_if(std::next(kUnits.begin(), 2), std::prev(kUnits.end()),
                   [time](const Unit& candidate) { return time % candidate.millis == 0; });
  return std::to_string(time / unit->millis).append(unit->name);
}

std::string in_small_letters(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

}  // namespace kerberos::registry
