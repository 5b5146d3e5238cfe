// SPDX-License-Identifier: MIT
//
// The word by which a process says that it is about to open a breaker for failures after connect:
// slot:10 | life:22 | epoch:21 | 1. Zero: nobody is.
//
// It is what makes max_open exact without a lock. Each writes its own intent first and counts
// then: those who are held and those who are about to be. Of two who want the last place at least
// one sees the other, so never are too many held; that both may withdraw costs nothing but a
// later failure that asks again. An intent ends with its owner, as a lease does.
#pragma once

#include <cstdint>

#include "core/base/owner.h"
#include "core/breaker/word.h"

namespace kerberos::breaker {

struct Intent {
  static constexpr unsigned kEpochShift = 1;
  static constexpr unsigned kLifeShift = kEpochShift + Word::kEpochBits;
  static constexpr std::uint32_t kLifeMask = (1U << 22U) - 1;
  static constexpr unsigned kSlotShift = kLifeShift + 22;

  base::Owner owner;
  std::uint32_t epoch = 0;

  static constexpr Intent unpack(std::uint64_t bits) {
    return {{static_cast<std::uint32_t>(bits >> kSlotShift),
             static_cast<std::uint32_t>(bits >> kLifeShift) & kLifeMask},
            static_cast<std::uint32_t>(bits >> kEpochShift) & Word::kEpochMask};
  }

  [[nodiscard]] constexpr std::uint64_t pack() const {
    return (static_cast<std::uint64_t>(owner.slot) << kSlotShift) |
           (static_cast<std::uint64_t>(owner.life & kLifeMask) << kLifeShift) |
           (static_cast<std::uint64_t>(epoch & Word::kEpochMask) << kEpochShift) | 1U;
  }

  [[nodiscard]] bool living(const base::Owners& owners) const {
    return owners.alive(owner, kLifeMask);
  }
};

}  // namespace kerberos::breaker
