// SPDX-License-Identifier: MIT
#include "core/service/generation.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

#include "core/balance/schedule.h"
#include "core/service/draw_up.h"
#include "core/service/plan.h"
#include "core/service/zone.h"

namespace kerberos::service {
namespace {

// Lays out a block: first every part says its size, then the same calls return where it stands.
class Cursor {
 public:
  Offset take(std::size_t size, std::size_t alignment) {
    end_ = (end_ + alignment - 1) / alignment * alignment;
    const Offset at = end_;
    end_ += size;
    return at;
  }
  template <class T>
  Offset take(std::size_t count) {
    return take(count * sizeof(T), alignof(T));
  }
  [[nodiscard]] std::size_t size() const { return end_; }

 private:
  std::size_t end_ = 0;
};

// A block's parts, in the order in which they stand.
struct Parts {
  Offset services;
  Offset peers;
  Offset options;
  Offset index;
};

Parts place_parts(Cursor& cursor, const Plan& plan) {
  cursor.take<Generation>(1);
  return {cursor.take<ServiceImage>(plan.services.size()), cursor.take<PeerImage>(plan.peers),
          cursor.take<breaker::Options>(plan.options.size()),
          cursor.take<std::uint32_t>(plan.buckets)};
}

// What a service needs besides its peers.
struct ServiceParts {
  Offset entries;
  Offset due;
  Offset loads[balance::kTiers];
  Offset points[balance::kTiers];
};

ServiceParts place_service(Cursor& cursor, const ServicePlan& plan) {
  ServiceParts parts{};
  parts.entries = cursor.take(plan.room.entries() * sizeof(std::uint32_t), kLine);
  parts.due = cursor.take(DueTimes::keys(plan.count()) * sizeof(base::Instant), kLine);
  for (std::size_t tier = 0; tier < balance::kTiers; ++tier) {
    if (plan.ranked[tier]) {
      parts.loads[tier] =
          cursor.take(balance::Loads::keys(plan.count()) * sizeof(std::uint32_t), kLine);
    }
    parts.points[tier] = cursor.take<balance::Point>(plan.points[tier].size());
  }
  return parts;
}

std::size_t block_size(const Plan& plan) {
  Cursor cursor;
  place_parts(cursor, plan);
  for (const auto& service : plan.services) {
    cursor.take(service.service->name.size(), 1);
    cursor.take(service.service->balance.key.size(), 1);
    place_service(cursor, service);
    for (const auto& peer : service.peers) {
      cursor.take(peer.id.size(), 1);
      cursor.take(peer.address->text.size(), 1);
      cursor.take(peer.address->bytes.size(), 8);
    }
  }
  return cursor.size();
}

// How many of so many peers failures after connect may hold open: at least one may go, and one has
// to stay. A single peer protects itself alone.
std::uint32_t held_max(std::uint32_t peers, std::uint32_t percent) {
  if (peers < 2 || percent >= 100) return peers;
  const auto share = static_cast<std::uint32_t>(std::uint64_t{peers} * percent / 100);
  return std::clamp<std::uint32_t>(share, 1, peers - 1);
}

class Builder {
 public:
  Builder(const Zone& zone, const Plan& plan) : zone_(zone), plan_(plan), records_(zone) {}

  std::uint64_t build() {
    const std::size_t size = block_size(plan_);
    Offset block = zone_.allocate(size);
    if (block == 0 && records_.forget_history()) block = zone_.allocate(size);
    if (block == 0) return 0;
    block_ = zone_.at<std::byte>(block);
    // Taken back where the zone turns out too small, or the process runs out of memory midway.
    const auto take_back = [this, block](Generation* generation) {
      give_back(*generation);
      zone_.release(block);
    };
    std::unique_ptr<Generation, decltype(take_back)> generation(new (block_) Generation(),
                                                                take_back);
    if (!fill(*generation)) return 0;
    generation->bytes = size;
    generation->id = ++zone_.header().last_generation;
    generation->next = zone_.header().generations;
    zone_.header().generations = block;
    return generation.release()->id;
  }

 private:
  bool fill(Generation& generation) {
    const Parts parts = place_parts(cursor_, plan_);
    generation.buckets = plan_.buckets;
    generation.options = static_cast<std::uint32_t>(plan_.options.size());
    generation.services_at = parts.services;
    generation.peers_at = parts.peers;
    generation.options_at = parts.options;
    generation.index_at = parts.index;
    if (!plan_.options.empty()) {
      std::memcpy(block_ + parts.options, plan_.options.data(),
                  plan_.options.size() * sizeof(breaker::Options));
    }
    for (const auto& service : plan_.services) {
      if (!add_service(generation, service)) return false;
    }
    return true;
  }

  bool add_service(Generation& generation, const ServicePlan& plan) {
    ServiceRecord* record = records_.service(plan.service->name);
    if (record == nullptr) return false;
    auto* at = block_ + generation.services_at + generation.services * sizeof(ServiceImage);
    auto* service = new (at) ServiceImage();
    ++record->references;
    service->record = zone_.offset_of(record);
    service->name = text(plan.service->name);
    service->name_hash = balance::hash_of(plan.service->name);
    service->key = text(plan.service->balance.key);
    service->first_peer = generation.peers;
    service->origin = plan.service->origin;
    service->tls = plan.service->tls;
    service->balance = plan.balance();
    service->room = plan.room;
    add_parts(*service, plan);
    generation.ranks = std::max(generation.ranks, record->rank + 1);
    ++generation.services;
    for (const auto& peer : plan.peers) {
      if (!add_peer(generation, *service, plan, peer)) return false;
    }
    if (!plan.peers.empty()) {
      // What a service says for all its peers, each of them says.
      const breaker::Options& options = plan_.options[plan.peers.front().options];
      service->held_max = held_max(service->usable, options.max_open_percent);
      service->panic_percent = options.panic_percent;
    }
    index(generation, *service);
    line_up(generation, *service);
    return true;
  }

  // The first image has everybody in who is not down, so that no request ever finds none. Whoever
  // is out is found out at the first pick, for the image is older than the peers' changes.
  void line_up(Generation& generation, ServiceImage& service) {
    const GenerationView view(&generation);
    const auto peers = view.peers(service);
    balance::Workbench bench;
    balance::Roster roster = view.roster(service);
    const balance::Roster::Draft draft = roster.draft();
    balance::Roster::Contents contents;
    for (const PeerImage& peer : peers) {
      bench.in.push_back(peer.down ? 0 : 1);
      if (!peer.down) contents.weights[peer.backup ? 1 : 0] += peer.weight;
    }
    for (const balance::Tier tier : balance::kAllTiers) {
      const auto t = static_cast<std::size_t>(tier);
      contents.lengths[t] = draw_up(view, service, tier, bench.in, draft.tiers[t], bench);
      view.loads(service, tier).rebuild([&](std::uint32_t peer) {
        const bool in = bench.in[peer] != 0 && peers[peer].backup == (t == 1);
        return in ? balance::Load{}.key() : balance::Loads::kOut;
      });
    }
    view.due(service).rebuild([](std::uint32_t) { return DueTimes::kOut; });
    roster.publish(draft, contents, 1, roster.claim(0));
  }

  void add_parts(ServiceImage& service, const ServicePlan& plan) {
    const ServiceParts parts = place_service(cursor_, plan);
    service.entries = parts.entries;
    service.due = parts.due;
    for (std::size_t tier = 0; tier < balance::kTiers; ++tier) {
      const auto& points = plan.points[tier];
      service.loads[tier] = parts.loads[tier];
      service.points[tier] = parts.points[tier];
      service.point_counts[tier] = static_cast<std::uint32_t>(points.size());
      std::copy(points.begin(), points.end(),
                reinterpret_cast<balance::Point*>(block_ + parts.points[tier]));
    }
  }

  bool add_peer(Generation& generation, ServiceImage& service, const ServicePlan& plan,
                const PeerPlan& peer) {
    PeerRecord* record = records_.peer(record_key(*plan.service, peer));
    if (record == nullptr) return false;
    auto* at = block_ + generation.peers_at + generation.peers * sizeof(PeerImage);
    auto* image = new (at) PeerImage();
    ++record->references;
    generation.ranks = std::max(generation.ranks, record->rank + 1);
    image->record = zone_.offset_of(record);
    image->id = text(peer.id);
    image->address = text(peer.address->text);
    image->sockaddr = cursor_.take(peer.address->bytes.size(), 8);
    std::memcpy(block_ + image->sockaddr, peer.address->bytes.data(), peer.address->bytes.size());
    image->sockaddr_length = static_cast<std::uint32_t>(peer.address->bytes.size());
    image->options = peer.options;
    image->share = peer.share;
    image->service = generation.services - 1;
    image->weight = peer.peer->weight;
    image->max_conns = peer.peer->max_conns;
    image->backup = peer.peer->backup;
    image->down = peer.peer->down;
    if (!image->down) ++service.usable;
    if (!image->down && !image->backup) ++service.primaries;
    ++service.peers;
    ++generation.peers;
    return true;
  }

  void index(const Generation& generation, const ServiceImage& service) {
    auto* buckets = reinterpret_cast<std::uint32_t*>(block_ + generation.index_at);
    std::uint64_t bucket = service.name_hash;
    while (buckets[bucket & (generation.buckets - 1)] != 0) ++bucket;
    buckets[bucket & (generation.buckets - 1)] = generation.services;
  }

  Text text(std::string_view from) {
    const Offset at = cursor_.take(from.size(), 1);
    std::memcpy(block_ + at, from.data(), from.size());
    return {at, static_cast<std::uint32_t>(from.size())};
  }

  void give_back(Generation& generation) {
    const GenerationView view(&generation);
    for (const auto& service : view.services()) {
      --zone_.at<ServiceRecord>(service.record)->references;
    }
    for (const auto& peer : view.peers()) --zone_.at<PeerRecord>(peer.record)->references;
    records_.drop_new();
  }

  const Zone& zone_;
  const Plan& plan_;
  Records records_;
  Cursor cursor_;
  std::byte* block_ = nullptr;
};

// What an allocation of this size costs in nginx's slab: the next power of two up to half a page,
// whole pages beyond.
std::size_t slab_cost(std::size_t size) {
  constexpr std::size_t kPage = 4096;
  const std::size_t room = size + kLine + sizeof(Offset);
  return room <= kPage / 2 ? std::bit_ceil(room) : (room + kPage - 1) / kPage * kPage;
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

std::uint64_t build_generation(const Zone& zone, const registry::Registry& registry) {
  const Plan plan = plan_of(registry);
  return Builder(zone, plan).build();
}

std::size_t bytes_needed(const registry::Registry& registry, std::size_t processes) {
  const Plan plan = plan_of(registry);
  // Everything twice, records too: a reload may replace every peer by another.
  std::size_t bytes = slab_cost(sizeof(ZoneHeader)) + 2 * slab_cost(block_size(plan));
  for (const auto& service : plan.services) {
    bytes += 2 * slab_cost(sizeof(ServiceRecord) + service.service->name.size());
    for (const auto& peer : service.peers) {
      bytes += 2 * slab_cost(sizeof(PeerRecord) + record_key(*service.service, peer).size());
    }
  }
  // What every process uses. Ranks that a reload has left may stand in between.
  bytes +=
      processes * slab_cost(sizeof(Uses) + 2 * (plan.peers + plan.services.size()) * sizeof(Use));
  // The slab's own page table, and what the blocks of different sizes leave unused.
  constexpr std::size_t kSlack = 65'536;
  return bytes + bytes / 8 + kSlack;
}

}  // namespace kerberos::service
