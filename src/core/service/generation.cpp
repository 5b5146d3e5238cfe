// SPDX-License-Identifier: MIT
#include "core/service/generation.h"

#include <bit>

#include "core/service/block.h"
#include "core/service/layout.h"
#include "core/service/plan.h"

namespace kerberos::service {
namespace {

// What an allocation of this size costs in nginx's slab: the next power of two up to half a page,
// whole pages beyond.
std::size_t slab_cost(std::size_t size) {
  constexpr std::size_t kPage = 4096;
  return size <= kPage / 2 ? std::bit_ceil(size) : (size + kPage - 1) / kPage * kPage;
}

}  // namespace

std::optional<std::uint32_t> GenerationView::find(std::string_view name) const {
  const auto* buckets = at<std::uint32_t>(block_->index_at);
  const std::uint64_t hash = balance::hash_of(name);
  for (std::uint64_t bucket = hash;; ++bucket) {
    const std::uint32_t entry = buckets[bucket & (block_->buckets - 1)];
    if (entry == 0) return std::nullopt;
    const ServiceImage& service = services()[entry - 1];
    if (service.name_hash == hash && text(service.name) == name) return entry - 1;
  }
}

std::size_t bytes_needed(const registry::Registry& registry, std::size_t processes) {
  const Plan plan = plan_of(registry);
  // Everything twice, records too: a reload may replace every peer by another. Ranks that it has
  // left may stand in between.
  const std::size_t ranks = 2 * (plan.peers + plan.services.size());
  std::size_t bytes = slab_cost(sizeof(ZoneHeader)) + 2 * slab_cost(block_size(plan, ranks));
  for (const auto& service : plan.services) {
    bytes += 2 * slab_cost(sizeof(ServiceRecord) + service.service->name.size());
    for (const auto& peer : service.peers) {
      const std::size_t key = record_key(0, peer).size();
      bytes += 2 * slab_cost(sizeof(PeerRecord));
      if (key > PeerRecord::kKeyMax) bytes += 2 * slab_cost(key);
      if (plan.options[peer.options].windowed())
        bytes += 2 * slab_cost(sizeof(breaker::WindowWords));
    }
  }
  for (const std::string& name : *plan.names) {
    bytes += slab_cost(sizeof(NameRecord) + name.size());
  }
  // What every process uses.
  const std::size_t chunks = (ranks + Uses::kChunk - 1) / Uses::kChunk;
  bytes += processes * (slab_cost(sizeof(Uses)) + chunks * slab_cost(Uses::kChunk * sizeof(Use)));
  // The slab's own page table, and what the blocks of different sizes leave unused.
  constexpr std::size_t kSlack = 65'536;
  return bytes + bytes / 8 + kSlack;
}

}  // namespace kerberos::service
