// SPDX-License-Identifier: MIT
#include "core/service/draw_up.h"

#include "core/balance/ring.h"

namespace kerberos::service {

std::uint32_t draw_up(const GenerationView& generation, const ServiceImage& service,
                      balance::Tier tier, std::span<const std::uint8_t> in,
                      std::atomic<std::uint32_t>* out, balance::Workbench& bench) {
  const auto& room = service.room.tiers[static_cast<std::size_t>(tier)];
  if (room.peers == 0) return 0;
  if (service.balance.method == balance::Method::kHash) {
    return balance::write_ring(
        generation.points(service, tier), [&](std::uint32_t peer) { return in[peer] != 0; },
        {out, room.words}, room.peers);
  }
  const auto peers = generation.peers(service);
  bench.members.clear();
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    if (in[i] != 0 && peers[i].backup == (tier == balance::Tier::kBackup)) {
      bench.members.push_back({i, peers[i].share});
    }
  }
  return static_cast<std::uint32_t>(balance::smooth_order(bench.members, {out, room.words}, bench));
}

}  // namespace kerberos::service
