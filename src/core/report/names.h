// SPDX-License-Identifier: MIT
//
// What the values of a breaker are called in documents, and which value a name means.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "core/breaker/breaker.h"

namespace kerberos::report {

// Empty where there is nothing to name; "unknown" for what is no value.
std::string_view text_of(breaker::State state);
std::string_view text_of(breaker::Mode mode);
std::string_view text_of(breaker::Reason reason);
std::string_view text_of(breaker::Way way);
inline std::string_view text_of(breaker::Cause cause) {
  return breaker::name_of(cause);
}

// The value from the first of its kind to `last` that is called so.
template <class Value>
std::optional<Value> value_of(std::string_view name, Value last) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(last); ++i) {
    if (text_of(static_cast<Value>(i)) == name) return static_cast<Value>(i);
  }
  return std::nullopt;
}

}  // namespace kerberos::report
