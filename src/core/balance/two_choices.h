// SPDX-License-Identifier: MIT
//
// The better of two drawn at random: nearly as good as the best of all, at the cost of two looks,
// and without the herd that all workers would form around the one best (M. Mitzenmacher, "The
// Power of Two Choices in Randomized Load Balancing", 1996).
//
// The list has each peer as often as it weighs, so a draw from it is a draw by weight.
#pragma once

#include <cstdint>
#include <optional>

#include "core/balance/roster.h"
#include "core/balance/turn.h"
#include "core/base/random.h"

namespace kerberos::balance {

// A peer that `take` accepts: the cheaper of two by `cost(peer)`, or the other one, and again with
// two others; at last anybody.
template <class Cost, class Take>
std::optional<std::uint32_t> two_choices(const Entries& peers, base::Pcg32& random, Cost&& cost,
                                         Take&& take) {
  // Two draws may meet the same peer, the more often the fewer there are.
  constexpr int kOthers = 4;
  const std::uint32_t length = peers.size();
  if (length == 0) return std::nullopt;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    std::uint32_t best = peers[random.below(length)];
    std::uint32_t other = best;
    for (int k = 0; k < kOthers && other == best; ++k) other = peers[random.below(length)];
    if (other == best) {
      if (take(best) == Turn::kTaken) return best;
      continue;
    }
    if (cost(other) < cost(best)) std::swap(best, other);
    if (take(best) == Turn::kTaken) return best;
    if (take(other) == Turn::kTaken) return other;
  }
  return first_of(peers, random.below(length), take);
}

}  // namespace kerberos::balance
