// SPDX-License-Identifier: MIT
//
// Least connections: the peer with the fewest requests in flight for its weight, over all workers.
// Those that have equally few take turns, in nginx's smooth order of their weights.
//
// All peers stand in a tournament by their load, so the least is known without a search. Whose
// turn it is gets it where nobody has less. Each turn also looks at its peer's true load, and so
// heals within one round what a killed worker has left wrong.
//
// Two workers may see the same least peer at the same moment. Who takes it says how loaded it may
// be, so one of them is refused and looks again. Or both are, for each counts itself before it
// looks at who else is there; where that goes on, the last draw takes the least as it stands.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/balance/load.h"
#include "core/balance/round_robin.h"
#include "core/balance/tournament.h"

namespace kerberos::balance {

// The loads of a tier's peers, by their number in the service. kOut: not to be had.
using Loads = Tournament<std::uint32_t>;

// Those that were refused to this request, and are not to be had for it.
class Refused {
 public:
  void add(std::uint32_t peer) { peers_[count_++ % peers_.size()] = peer; }
  [[nodiscard]] bool has(std::uint32_t peer) const {
    const auto* end = peers_.begin() + std::min<std::size_t>(count_, peers_.size());
    return std::find(peers_.begin(), end, peer) != end;
  }
  [[nodiscard]] bool empty() const { return count_ == 0; }

 private:
  std::array<std::uint32_t, kDraws> peers_{};
  std::size_t count_ = 0;
};

// `Peers` knows of a peer: its load, anew where the tournament had it wrong (`weigh`), and whether
// this request can have it while no more than so many are in flight, itself included (`take`).
template <class Peers>
std::optional<std::uint32_t> least_conn(const Entries& schedule, std::atomic<std::uint64_t>& turn,
                                        const Loads& loads, Peers&& peers) {
  const std::uint32_t length = schedule.size();
  if (length == 0) return std::nullopt;
  Refused refused;
  for (std::uint32_t i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = turn.fetch_add(1, std::memory_order_relaxed);
    const std::uint32_t next = schedule[static_cast<std::uint32_t>(drawn % length)];
    peers.weigh(next);
    const std::uint32_t least = loads.min();
    if (least == Loads::kOut) break;
    std::optional<std::uint32_t> peer = next;
    if (refused.empty() && loads.key(next) > least) peer = loads.next(next + 1, least);
    // Where many hurry, the least may be gone before it is found.
    if (!refused.empty() || !peer) {
      peer = loads.least(next, [&](std::uint32_t other) { return refused.has(other); });
    }
    if (!peer) break;
    const bool last = i + 1 == kDraws;
    const std::uint32_t seen = loads.key(*peer);
    const Load load = peers.weigh(*peer);
    if (loads.key(*peer) > seen && !last) continue;  // it was not what it seemed
    const Turn became = peers.take(*peer, last ? 0 : load.in_flight + 1);
    if (became == Turn::kTaken) return *peer;
    // Crowded: somebody else was faster, and it may be the least again.
    if (became != Turn::kCrowded) refused.add(*peer);
  }
  return round_robin(schedule, turn, [&](std::uint32_t peer) { return peers.take(peer, 0); });
}

}  // namespace kerberos::balance
