// SPDX-License-Identifier: MIT
//
// Hash: requests of one key go to one peer, on every worker and every gateway with the same peers.
// Where that one cannot serve, the key is hashed again: what a peer cannot take is spread over all
// others by weight, always in the same way, and never falls on a neighbour.
//
// bounded: no peer gets more than so much of what all of them have in flight on average, by its
// weight ("consistent hashing with bounded loads", V. Mirrokni, M. Thorup, M. Zadimoghaddam, 2016).
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/balance/ring.h"
#include "core/balance/turn.h"

namespace kerberos::balance {

// How many requests a peer may have in flight at most, this one included: the average load of one
// unit of weight, times the weight, times the bound, rounded up. `in_flight` are those of all
// peers together, without this one.
constexpr std::uint64_t bounded_most(std::uint64_t in_flight, std::uint64_t weights,
                                     std::uint32_t weight, std::uint32_t percent) {
  const std::uint64_t dividend = (in_flight + 1) * weight * percent;
  const std::uint64_t divisor = (weights == 0 ? 1 : weights) * 100;
  return (dividend + divisor - 1) / divisor;
}

// So often a key is hashed. Where four of five are at their bound, the most that a bound of 125 %
// allows, one of so many is not, but for one key in a million.
inline constexpr std::uint32_t kHashes = 64;

// The key's own peer, or whoever the key comes to when hashed again: as long as `take` minds the
// bound, and then anybody by `take_beyond`, which does not.
template <class Take, class TakeBeyond>
std::optional<std::uint32_t> hash(const Ring& ring, const Entries& peers, std::uint64_t key,
                                  Take&& take, TakeBeyond&& take_beyond) {
  if (peers.size() == 0) return std::nullopt;
  std::uint64_t draw = key;
  for (std::uint32_t i = 0; i < std::min(kHashes, peers.size()); ++i) {
    const std::uint32_t peer = ring.owner(draw);
    if (take(peer) == Turn::kTaken) return peer;
    draw = scatter(key + i + 1);
  }
  if (const auto peer = first_of(peers, key, take)) return peer;
  return first_of(peers, key, take_beyond);
}

}  // namespace kerberos::balance
