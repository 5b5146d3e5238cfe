// SPDX-License-Identifier: MIT
//
// Round robin in nginx's smooth weighted order, strict over all workers: they draw their turns
// from one shared counter, so two equal peers alternate whichever worker answers.
//
// A peer that cannot take its turn now (tried by this request, at max_conns) loses it, and the
// next turn is drawn: its share is spread over the others as the schedule goes on, instead of
// falling to its neighbour. One that is coming back gives most of its turns to others.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/balance/turn.h"

namespace kerberos::balance {

// Who stands in for a peer that was spared at this turn, in the order in which they are asked:
// scattered, so that what it is spared falls on all others by their weight, and not on its
// neighbour. (The finalizer of SplitMix64, G. Steele, D. Lea, C. Flood, 2014.)
constexpr std::uint32_t stand_in(std::uint64_t turn, std::uint32_t order, std::uint32_t length) {
  std::uint64_t x = turn * kDraws + order;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return static_cast<std::uint32_t>(((x >> 32U) * length) >> 32U);
}

// The peer whose turn it is among those that `take` accepts, or nothing where it accepts none.
// `take(peer)` says what becomes of the turn; it is asked once a turn.
template <class Take>
std::optional<std::uint32_t> round_robin(const Entries& schedule, std::atomic<std::uint64_t>& turn,
                                         Take&& take) {
  const std::uint32_t length = schedule.size();
  if (length == 0) return std::nullopt;
  std::uint64_t drawn = 0;
  const std::uint32_t draws = std::min(length, kDraws);
  for (std::uint32_t i = 0; i < draws; ++i) {
    drawn = turn.fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t peer = schedule[static_cast<std::uint32_t>(drawn % length)];
    const Turn became = take(peer);
    if (became == Turn::kTaken) return peer;
    if (became == Turn::kRefused) continue;
    for (std::uint32_t k = 0; k < kDraws; ++k) {
      const std::uint32_t other = schedule[stand_in(drawn, k, length)];
      if (other != peer && take(other) == Turn::kTaken) return other;
    }
  }
  return first_of(schedule, drawn + 1, take);
}

}  // namespace kerberos::balance
