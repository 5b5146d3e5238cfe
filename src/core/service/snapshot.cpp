// SPDX-License-Identifier: MIT
#include "core/service/snapshot.h"

#include <algorithm>

#include "core/service/names.h"

namespace kerberos::service {
namespace {

PeerSnapshot snapshot_of(const Process& process, const PeerImage& image, base::Instant now) {
  const GenerationView generation = process.generation();
  const PeerRecord& record = process.record(image);
  PeerSnapshot peer;
  peer.id = generation.text(image.id);
  peer.address = generation.text(image.address);
  peer.weight = image.weight;
  peer.backup = image.backup;
  peer.down = image.down;
  peer.in_flight = process.zone().in_flight(image.rank);
  peer.idle = process.zone().idle(image.rank);
  peer.full = image.max_conns != 0 && peer.in_flight >= image.max_conns;
  peer.requests = record.counters.requests.load(std::memory_order_relaxed);
  peer.successes = record.counters.successes.load(std::memory_order_relaxed);
  peer.failures = record.counters.failures.load(std::memory_order_relaxed);
  peer.neutral = record.counters.neutral.load(std::memory_order_relaxed);
  peer.responses[0] = record.informational.load(std::memory_order_relaxed);
  for (std::size_t i = 1; i < peer.responses.size(); ++i) {
    peer.responses[i] = record.counters.responses[i - 1].load(std::memory_order_relaxed);
  }
  for (std::size_t i = 0; i < peer.causes.size(); ++i) {
    peer.causes[i] = record.causes[i].load(std::memory_order_relaxed);
  }
  peer.breaker = process.breaker(image, generation).view(process.zone().owners(), now);
  return peer;
}

}  // namespace

Snapshot take_snapshot(const Process& process, base::Instant now) {
  const GenerationView generation = process.generation();
  Snapshot snapshot;
  snapshot.generation = generation.id();
  snapshot.loaded = generation.edition().unix_ms;
  snapshot.refusal = read_refusal(process.zone().header().refusal);
  snapshot.faults = process.zone().header().faults.load(std::memory_order_relaxed);
  snapshot.unmatched = process.zone().header().unmatched.load(std::memory_order_relaxed);
  snapshot.size = process.zone().header().size;
  snapshot.generations = process.zone().header().kept.load(std::memory_order_relaxed);
  for (const Offset name : generation.names()) {
    const auto& record = *process.zone().at<NameRecord>(name);
    snapshot.names.push_back(
        {std::string(key_of(record)), record.addresses.load(), record.error.load()});
  }
  std::ranges::sort(snapshot.names, {}, &NameSnapshot::name);
  snapshot.services.reserve(generation.services().size());
  for (const ServiceImage& image : generation.services()) {
    const ServiceRecord& record = process.record(image);
    ServiceSnapshot& service = snapshot.services.emplace_back();
    service.name = generation.text(image.name);
    service.balance = image.balance;
    service.key = generation.text(image.key);
    service.requests = record.counters.requests.load(std::memory_order_relaxed);
    service.rejected = record.counters.rejected.load(std::memory_order_relaxed);
    service.overflow = record.overflow.load(std::memory_order_relaxed);
    service.peers.reserve(image.peers);
    for (const PeerImage& peer : generation.peers(image)) {
      service.peers.push_back(snapshot_of(process, peer, now));
      service.in_flight += service.peers.back().in_flight;
    }
  }
  return snapshot;
}

}  // namespace kerberos::service
