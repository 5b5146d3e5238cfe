// SPDX-License-Identifier: MIT
//
// A generation as its readers see it, and how one is built from the services of a configuration.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/balance/least_conn.h"
#include "core/balance/ring.h"
#include "core/base/instant.h"
#include "core/base/random.h"
#include "core/registry/model.h"
#include "core/route/table.h"
#include "core/service/layout.h"

namespace kerberos::service {

class Zone;

// When each peer that is out may be probed; kOut: it is in.
using DueTimes = balance::Tournament<base::Instant>;

class GenerationView {
 public:
  GenerationView() = default;
  explicit GenerationView(Generation* block) : block_(block) {}

  [[nodiscard]] const Generation* block() const { return block_; }
  [[nodiscard]] std::uint64_t id() const { return block_->id; }
  [[nodiscard]] const Edition& edition() const { return block_->edition; }
  [[nodiscard]] std::uint32_t most_peers() const { return block_->most_peers; }
  [[nodiscard]] std::uint32_t ranks() const { return block_->ranks; }
  [[nodiscard]] std::optional<route::Table> routes() const {
    if (block_->routes_at == 0) return std::nullopt;
    return route::Table(at<std::byte>(block_->routes_at));
  }
  // The records of the names that it follows, in the zone.
  [[nodiscard]] std::span<const Offset> names() const {
    return {at<Offset>(block_->names_at), block_->names};
  }
  // Who has that rank, in this generation.
  [[nodiscard]] Place place(std::uint32_t rank) const {
    return rank < block_->ranks ? at<Place>(block_->places_at)[rank] : Place{0};
  }
  [[nodiscard]] std::span<ServiceImage> services() const {
    return {at<ServiceImage>(block_->services_at), block_->services};
  }
  [[nodiscard]] std::span<PeerImage> peers() const {
    return {at<PeerImage>(block_->peers_at), block_->peers};
  }
  [[nodiscard]] std::span<PeerImage> peers(const ServiceImage& service) const {
    return peers().subspan(service.first_peer, service.peers);
  }
  [[nodiscard]] std::string_view service_name(std::uint32_t peer) const {
    return text(services()[peers()[peer].service].name);
  }
  [[nodiscard]] const breaker::Options& options(const PeerImage& peer) const {
    return at<breaker::Options>(block_->options_at)[peer.options];
  }
  [[nodiscard]] const Terms& terms(const ServiceImage& service) const {
    return at<Terms>(block_->terms_at)[service.terms];
  }
  [[nodiscard]] balance::Roster roster(ServiceImage& service) const {
    return {service.roster, service.room, at<std::atomic<std::uint32_t>>(service.entries)};
  }
  [[nodiscard]] DueTimes due(const ServiceImage& service) const {
    return {at<std::atomic<base::Instant>>(service.due), service.peers};
  }
  // The earliest of them. One load.
  [[nodiscard]] base::Instant earliest_due(const ServiceImage& service) const {
    return service.peers == 0 ? DueTimes::kOut
                              : DueTimes::min_of(at<std::atomic<base::Instant>>(service.due));
  }
  [[nodiscard]] balance::Loads loads(const ServiceImage& service, balance::Tier tier) const {
    const Offset keys = service.loads[static_cast<std::size_t>(tier)];
    return {at<std::atomic<std::uint32_t>>(keys), keys == 0 ? 0 : service.peers};
  }
  [[nodiscard]] std::span<const balance::Point> points(const ServiceImage& service,
                                                       balance::Tier tier) const {
    const auto t = static_cast<std::size_t>(tier);
    return {at<balance::Point>(service.points[t]), service.point_counts[t]};
  }
  [[nodiscard]] std::string_view text(Text text) const { return {at<char>(text.at), text.length}; }
  [[nodiscard]] const unsigned char* bytes(Offset offset) const {
    return at<unsigned char>(offset);
  }

  // The number of the service of that name, in constant time.
  [[nodiscard]] std::optional<std::uint32_t> find(std::string_view name) const;

 private:
  template <class T>
  [[nodiscard]] T* at(Offset offset) const {
    return reinterpret_cast<T*>(reinterpret_cast<std::byte*>(block_) + offset);
  }

  Generation* block_ = nullptr;
};

// Builds a generation beside those there are, without putting it in force: the first of a lineage,
// or (`lineage` is not 0) the next of one. Records are found by key or made; on failure everything
// made is given back. Returns its id, or 0 where the zone is too small.
std::uint64_t build_generation(const Zone& zone, const registry::Registry& registry,
                               std::uint64_t lineage = 0, const Edition& edition = {});

// How large a zone must be for these services: two generations of them, for a reload needs both
// at once, their records, and the requests in flight of so many processes.
std::size_t bytes_needed(const registry::Registry& registry, std::size_t processes);

}  // namespace kerberos::service
