// SPDX-License-Identifier: MIT
//
// The right to have one probe in flight, as a word: slot:10 | life:6 | epoch:8 | answered:1 |
// deadline:39. Zero is a free place.
//
// A lease ends in one of three ways, each of them one compare-and-swap, so that nothing can wedge:
// its probe's outcome gives it back; its owner is dead, and whoever looks next frees it without a
// verdict; its deadline passes, and whoever looks next frees it with one. Long answers do not
// fail a probe: `answered` says that the response has begun, and then the deadline is a success.
#pragma once

#include <cstdint>

#include "core/base/instant.h"
#include "core/base/owner.h"

namespace kerberos::breaker {

struct Lease {
  static constexpr unsigned kDeadlineBits = 39;  // in ms: 17 years
  static constexpr std::uint64_t kDeadlineMask = (1ULL << kDeadlineBits) - 1;
  static constexpr std::uint64_t kAnsweredBit = 1ULL << kDeadlineBits;
  static constexpr unsigned kEpochShift = kDeadlineBits + 1;
  static constexpr std::uint32_t kEpochMask = 0xff;
  static constexpr unsigned kLifeShift = kEpochShift + 8;
  static constexpr std::uint32_t kLifeMask = 0x3f;
  static constexpr unsigned kSlotShift = kLifeShift + 6;

  base::Owner owner;
  std::uint32_t epoch = 0;
  bool answered = false;
  base::Instant deadline = 0;

  static constexpr Lease unpack(std::uint64_t bits) {
    return {{static_cast<std::uint32_t>(bits >> kSlotShift),
             static_cast<std::uint32_t>(bits >> kLifeShift) & kLifeMask},
            static_cast<std::uint32_t>(bits >> kEpochShift) & kEpochMask,
            (bits & kAnsweredBit) != 0,
            static_cast<base::Instant>(bits & kDeadlineMask)};
  }

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return (static_cast<std::uint64_t>(owner.slot) << kSlotShift) |
           (static_cast<std::uint64_t>(owner.life & kLifeMask) << kLifeShift) |
           (static_cast<std::uint64_t>(epoch & kEpochMask) << kEpochShift) |
           (answered ? kAnsweredBit : 0) | (static_cast<std::uint64_t>(deadline) & kDeadlineMask);
  }

  [[nodiscard]] bool orphaned(const base::Owners& owners) const {
    return !owners.alive(owner, kLifeMask);
  }
};

}  // namespace kerberos::breaker
