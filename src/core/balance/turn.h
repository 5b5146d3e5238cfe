// SPDX-License-Identifier: MIT
//
// What a method hears when it wants a peer for a request, and what it does when it has asked often
// enough.
#pragma once

#include <cstdint>
#include <optional>

#include "core/balance/roster.h"

namespace kerberos::balance {

// How often a method asks by its own rule before it simply reads on along the list. Others take
// peers too, so that asking by the rule alone might miss one that could serve.
inline constexpr std::uint32_t kDraws = 16;

// What became of a turn.
enum class Turn : std::uint8_t {
  kTaken,
  kRefused,  // it cannot serve this request now
  kSpared,   // it could, and gets but a part of its share
  kCrowded,  // it could, and has more in flight than the method wants it to have
};

// The first peer that `take` accepts, read from `start` on and round.
template <class Take>
std::optional<std::uint32_t> first_of(const Entries& peers, std::uint64_t start, Take&& take) {
  const std::uint32_t length = peers.size();
  for (std::uint32_t i = 0; i < length; ++i) {
    const std::uint32_t peer = peers[static_cast<std::uint32_t>((start + i) % length)];
    if (take(peer) == Turn::kTaken) return peer;
  }
  return std::nullopt;
}

}  // namespace kerberos::balance
