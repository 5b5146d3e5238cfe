// SPDX-License-Identifier: MIT
#include "quality/rivals.h"

#include <algorithm>
#include <string>

#include "core/balance/ring.h"
#include "quality/gateway.h"

namespace kerberos::quality {
namespace {

using Numbers = std::vector<std::uint32_t>;
using Shares = std::vector<double>;
using Peers = std::span<const std::uint32_t>;
using HashedKeys = std::span<const std::uint64_t>;

// The remainder of a division by the number of peers, as nginx's `hash` without `consistent`.
Numbers modulo(Peers peers, HashedKeys keys) {
  Numbers owners;
  for (const std::uint64_t key : keys) owners.push_back(peers[key % peers.size()]);
  return owners;
}

Shares modulo_shares(Peers peers) {
  return Shares(peers.size(), 1.0 / static_cast<double>(peers.size()));
}

// A ring of 160 points a peer, as nginx's `hash ... consistent`: a key belongs to the next point.
struct RingPoint {
  std::uint32_t at;
  std::uint32_t peer;  // by its place among the peers
};

std::vector<RingPoint> ketama_ring(Peers peers) {
  constexpr int kPoints = 160;
  std::vector<RingPoint> ring;
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    for (int j = 0; j < kPoints; ++j) {
      const std::uint64_t hash = balance::hash_of(name_of(peers[i]) + "#" + std::to_string(j));
      ring.push_back({static_cast<std::uint32_t>(hash >> 32U), i});
    }
  }
  std::sort(ring.begin(), ring.end(), [&](const RingPoint& a, const RingPoint& b) {
    return a.at != b.at ? a.at < b.at : peers[a.peer] < peers[b.peer];
  });
  return ring;
}

Numbers ketama(Peers peers, HashedKeys keys) {
  const std::vector<RingPoint> ring = ketama_ring(peers);
  Numbers owners;
  for (const std::uint64_t key : keys) {
    const auto at = static_cast<std::uint32_t>(key >> 32U);
    const auto next = std::lower_bound(
        ring.begin(), ring.end(), at, [](const RingPoint& p, std::uint32_t a) { return p.at < a; });
    owners.push_back(peers[next == ring.end() ? ring.front().peer : next->peer]);
  }
  return owners;
}

Shares ketama_shares(Peers peers) {
  Shares shares(peers.size());
  const std::vector<RingPoint> ring = ketama_ring(peers);
  std::uint32_t before = ring.back().at;
  for (const RingPoint& point : ring) {
    shares[point.peer] += static_cast<double>(point.at - before) / 4294967296.0;
    before = point.at;
  }
  return shares;
}

// Maglev's table of 65537 entries, which peers fill in turns, each in an order of its own (D.
// Eisenbud and others, "Maglev: A Fast and Reliable Software Network Load Balancer", 2016).
Numbers maglev_table(Peers peers) {
  constexpr std::uint64_t kEntries = 65'537;
  constexpr std::uint32_t kFree = ~0U;
  struct Order {
    std::uint64_t next;
    std::uint64_t step;
  };
  std::vector<Order> orders;
  for (const std::uint32_t peer : peers) {
    orders.push_back({balance::hash_of(name_of(peer) + "/offset") % kEntries,
                      balance::hash_of(name_of(peer) + "/skip") % (kEntries - 1) + 1});
  }
  Numbers table(kEntries, kFree);
  std::uint64_t filled = 0;
  for (std::uint32_t i = 0; filled < kEntries; i = i + 1 == orders.size() ? 0 : i + 1) {
    Order& order = orders[i];
    while (table[order.next] != kFree) order.next = (order.next + order.step) % kEntries;
    table[order.next] = i;
    ++filled;
  }
  return table;
}

Numbers maglev(Peers peers, HashedKeys keys) {
  const Numbers table = maglev_table(peers);
  Numbers owners;
  for (const std::uint64_t key : keys) owners.push_back(peers[table[key % table.size()]]);
  return owners;
}

Shares maglev_shares(Peers peers) {
  Shares shares(peers.size());
  const Numbers table = maglev_table(peers);
  for (const std::uint32_t peer : table) shares[peer] += 1.0 / static_cast<double>(table.size());
  return shares;
}

constexpr Rival kRivals[] = {{"ketama_160", ketama, ketama_shares},
                             {"maglev_65537", maglev, maglev_shares},
                             {"modulo", modulo, modulo_shares}};

}  // namespace

std::span<const Rival> rivals() {
  return kRivals;
}

}  // namespace kerberos::quality
