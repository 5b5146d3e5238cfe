// SPDX-License-Identifier: MIT
//
// The one 64-bit word that is a breaker's state: state:2 | held:1 | epoch:21 |
// until:40.
//
// Every transition replaces the whole word by one compare-and-swap and raises the epoch, so
// exactly one process wins it, and whatever was begun under an older epoch is recognised as late.
#pragma once

#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::breaker {

enum class State : std::uint8_t { kClosed = 0, kOpen = 1, kHalfOpen = 2 };

struct Word {
  static constexpr unsigned kUntilBits = 40;  // in ms: 34 years
  static constexpr unsigned kEpochBits = 21;
  static constexpr unsigned kHeldShift = kUntilBits + kEpochBits;
  static constexpr std::uint32_t kEpochMask = (1U << kEpochBits) - 1;
  static constexpr std::uint64_t kUntilMask = (1ULL << kUntilBits) - 1;

  State state = State::kClosed;
  bool held = false;  // out because of failures after connect: its service's max_open counts it
  std::uint32_t epoch = 0;
  base::Instant until = 0;  // open: when a probe may pass; otherwise: since when

  static constexpr Word unpack(std::uint64_t bits) {
    return {static_cast<State>(bits >> (kHeldShift + 1)), ((bits >> kHeldShift) & 1U) != 0,
            static_cast<std::uint32_t>(bits >> kUntilBits) & kEpochMask,
            static_cast<base::Instant>(bits & kUntilMask)};
  }

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return (static_cast<std::uint64_t>(state) << (kHeldShift + 1)) |
           (static_cast<std::uint64_t>(held ? 1U : 0U) << kHeldShift) |
           (static_cast<std::uint64_t>(epoch & kEpochMask) << kUntilBits) |
           (static_cast<std::uint64_t>(until) & kUntilMask);
  }

  // The word that follows this one.
  [[nodiscard]] constexpr Word next(State to, bool hold, base::Instant at) const {
    return {to, hold, (epoch + 1) & kEpochMask, at};
  }
};

// Counts in a row within one epoch: failures while closed, successful probes while half-open.
// epoch:21 | count:43. A run of another epoch reads as zero, so no transition has to clear it.
struct Run {
  static constexpr unsigned kCountBits = 64 - Word::kEpochBits;

  static constexpr std::uint64_t pack(std::uint32_t epoch, std::uint64_t count) {
    return (static_cast<std::uint64_t>(epoch) << kCountBits) | count;
  }
  static constexpr std::uint64_t count(std::uint64_t bits, std::uint32_t epoch) {
    return (bits >> kCountBits) == epoch ? bits & ((1ULL << kCountBits) - 1) : 0;
  }
};

}  // namespace kerberos::breaker
