// SPDX-License-Identifier: MIT
#include "core/service/state.h"

#include <unordered_map>
#include <utility>

namespace kerberos::service {
namespace {

// Names hold no zero bytes, or two peers would be one: such a peer is not known again.
std::string key_of(std::string_view service, std::string_view id, std::string_view address) {
  std::string key;
  key.reserve(service.size() + id.size() + address.size() + 2);
  key.append(service).append(1, '\0').append(id).append(1, '\0').append(address);
  return key;
}

}  // namespace

std::vector<SavedPeer> save_state(const Zone& zone, const GenerationView& generation,
                                  base::Instant now) {
  std::vector<SavedPeer> saved;
  for (const ServiceImage& service : generation.services()) {
    for (const PeerImage& peer : generation.peers(service)) {
      const auto breaker = breaker::save(zone.at<PeerRecord>(peer.record)->breaker, now);
      if (!breaker) continue;
      saved.push_back({generation.text(service.name), generation.text(peer.id),
                       generation.text(peer.address), *breaker});
    }
  }
  return saved;
}

std::uint64_t mark_of(const Zone& zone, const GenerationView& generation) {
  constexpr std::uint64_t kPrime = 0x100000001b3;  // of FNV-1a, as good as any
  std::uint64_t mark = 0;
  for (const PeerImage& peer : generation.peers()) {
    mark = mark * kPrime ^ breaker::mark_of(zone.at<PeerRecord>(peer.record)->breaker);
  }
  return mark;
}

Restored restore_state(const Zone& zone, const GenerationView& generation,
                       std::span<const SavedPeer> saved, base::Instant now) {
  std::unordered_map<std::string, const PeerImage*> known;
  for (const PeerImage& peer : generation.peers()) {
    const std::string_view service = generation.text(generation.services()[peer.service].name);
    known.emplace(key_of(service, generation.text(peer.id), generation.text(peer.address)), &peer);
  }
  Restored restored;
  for (const SavedPeer& one : saved) {
    // Taken out, so that whoever is named twice is restored once.
    const auto found = known.extract(key_of(one.service, one.id, one.address));
    if (found.empty()) {
      ++restored.unknown;
      continue;
    }
    const PeerImage& peer = *found.mapped();
    breaker::restore(zone.at<PeerRecord>(peer.record)->breaker, one.breaker,
                     generation.options(peer), now);
    ++restored.peers;
    restored.open += one.breaker.state == breaker::State::kClosed ? 0 : 1;
    // The image that the generation was born with has everybody in.
    const ServiceImage& service = generation.services()[peer.service];
    zone.at<ServiceRecord>(service.record)->changes.fetch_add(1);
  }
  return restored;
}

}  // namespace kerberos::service
