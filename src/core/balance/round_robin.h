// SPDX-License-Identifier: MIT
//
// Round robin in nginx's smooth weighted order, strict over all workers: they draw their turns
// from one shared counter, so two equal peers alternate whichever worker answers.
//
// A peer that cannot take its turn now (tried by this request, at max_conns) loses it, and the
// next turn is drawn: its share is spread over the others as the schedule goes on, instead of
// falling to its neighbour.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/balance/roster.h"

namespace kerberos::balance {

// Turns that are drawn before the schedule is simply read on from the last one. Others draw too,
// so that drawing alone might miss a peer that could serve.
inline constexpr std::uint32_t kDraws = 16;

// The peer whose turn it is among those that `take` accepts, or nothing where it accepts none.
// `take(peer)` says whether the peer was taken; it is asked once a turn.
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
    if (take(peer)) return peer;
  }
  for (std::uint32_t i = 1; i <= length; ++i) {
    const std::uint32_t peer = schedule[static_cast<std::uint32_t>((drawn + i) % length)];
    if (take(peer)) return peer;
  }
  return std::nullopt;
}

}  // namespace kerberos::balance
