// SPDX-License-Identifier: MIT
//
// What an operator has decided over a breaker's head: way:2 | until:62. Zero: nothing.
//
// It lies over the machine and does not touch it: what the breaker knows is still there when the
// order ends.
#pragma once

#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::breaker {

enum class Way : std::uint8_t { kNone, kOpen, kClosed };

struct Forced {
  static constexpr unsigned kUntilBits = 62;
  static constexpr base::Instant kForever = (1LL << 43) - 1;

  Way way = Way::kNone;
  base::Instant until = kForever;

  static constexpr Forced unpack(std::uint64_t bits) {
    return {static_cast<Way>(bits >> kUntilBits),
            static_cast<base::Instant>(bits & ((1ULL << kUntilBits) - 1))};
  }
  [[nodiscard]] constexpr std::uint64_t pack() const {
    return (static_cast<std::uint64_t>(way) << kUntilBits) | static_cast<std::uint64_t>(until);
  }

  // The way that is in force.
  [[nodiscard]] constexpr Way at(base::Instant now) const { return now < until ? way : Way::kNone; }
};

}  // namespace kerberos::breaker
