// SPDX-License-Identifier: MIT
#include <algorithm>
#include <numeric>

#include "core/breaker/forced.h"
#include "core/service/service.h"
#include "quality/keys.h"
#include "quality/parts.h"
#include "quality/rivals.h"

namespace kerberos::quality {
namespace {

using Numbers = std::vector<std::uint32_t>;

constexpr std::uint32_t kKeys = 200'000;
constexpr std::uint32_t kVictims = 10;

// Shares of all keys, averaged over the victims.
struct Moves {
  double moved = 0;
  double foreign = 0;  // of those, without need: neither from nor to the peer that this is about

  void add(const Numbers& before, const Numbers& after, std::uint32_t peer) {
    constexpr double kOne = 1.0 / kKeys / kVictims;
    for (std::size_t k = 0; k < before.size(); ++k) {
      if (before[k] == after[k]) continue;
      moved += kOne;
      if (before[k] != peer && after[k] != peer) foreign += kOne;
    }
  }
  [[nodiscard]] Json json() const { return {{"moved", moved}, {"foreign", foreign}}; }
};

Numbers without(Numbers peers, std::uint32_t peer) {
  std::erase(peers, peer);
  return peers;
}

// The peers that leave, spread over all of them.
std::uint32_t victim(std::uint32_t v, std::uint32_t peers) {
  return v * peers / kVictims;
}

Json our_moves(const Numbers& peers, std::uint64_t seed) {
  const auto n = static_cast<std::uint32_t>(peers.size());
  Moves opens, closes, leaves, returns, comes;
  Gateway gateway(hashing("hash $key", peers), seed);
  base::Instant time = 1'000'000;
  const auto now = [&](const Numbers& in) {
    Numbers owners(kKeys);
    each_owner(gateway, seed, kKeys, time,
               [&](std::uint32_t key, std::uint32_t peer) { owners[key] = in[peer]; });
    return owners;
  };
  // Later, for a large service rests between two changes.
  const auto force = [&](std::uint32_t peer, breaker::Way way) {
    time += 1'000;
    service::Service(gateway.worker(0), 0).force(peer, {.way = way}, time);
  };
  const Numbers home = now(peers);
  for (std::uint32_t v = 0; v < kVictims; ++v) {
    const std::uint32_t peer = victim(v, n);
    force(peer, breaker::Way::kOpen);
    opens.add(home, now(peers), peer);
    force(peer, breaker::Way::kNone);
    closes.add(home, now(peers), peer);
    gateway.reload(hashing("hash $key", without(peers, peer)));
    leaves.add(home, now(without(peers, peer)), peer);
    gateway.reload(hashing("hash $key", peers));
    returns.add(home, now(peers), peer);
    Numbers more = peers;
    more.push_back(n + v);
    gateway.reload(hashing("hash $key", more));
    comes.add(home, now(more), n + v);
    gateway.reload(hashing("hash $key", peers));
  }
  return {{"opens", opens.json()},
          {"closes_again", closes.json()},
          {"leaves", leaves.json()},
          {"returns", returns.json()},
          {"comes", comes.json()}};
}

Json their_moves(const Rival& rival, const Numbers& peers, std::uint64_t seed) {
  const auto n = static_cast<std::uint32_t>(peers.size());
  const auto keys = hashed_keys(seed, kKeys);
  const Numbers home = rival.owners(peers, keys);
  Moves leaves, comes;
  for (std::uint32_t v = 0; v < kVictims; ++v) {
    const std::uint32_t peer = victim(v, n);
    leaves.add(home, rival.owners(without(peers, peer), keys), peer);
    Numbers more = peers;
    more.push_back(n + v);
    comes.add(home, rival.owners(more, keys), n + v);
  }
  return {{"leaves", leaves.json()}, {"comes", comes.json()}};
}

}  // namespace

Json key_moves(std::uint64_t seed) {
  Json all;
  for (const std::uint32_t n : {10U, 100U, 1'000U}) {
    Numbers peers(n);
    std::iota(peers.begin(), peers.end(), 0U);
    Json& size = all[std::to_string(n)];
    size["kerberos"] = our_moves(peers, seed);
    for (const Rival& rival : rivals()) {
      size[std::string(rival.name)] = their_moves(rival, peers, seed);
    }
  }
  return all;
}

}  // namespace kerberos::quality
