// SPDX-License-Identifier: MIT
#include "core/registry/follow.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <set>
#include <utility>

#include "core/registry/scalar.h"

namespace kerberos::registry {
namespace {

// The reader has seen to it that there is one.
std::uint16_t port_of(std::string_view target) {
  const std::string_view digits = target.substr(target.rfind(':') + 1);
  std::uint16_t port = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), port);
  return port;
}

std::uint32_t times(std::uint32_t weight, std::uint16_t factor) {
  const std::uint64_t product = std::uint64_t{weight} * std::max<std::uint16_t>(factor, 1);
  return static_cast<std::uint32_t>(std::min<std::uint64_t>(product, kWeightMax));
}

// An id names all addresses: which of them it is must not change when others come and go.
Peer peer_at(const Peer& peer, Address address) {
  Peer one = peer;
  if (!one.id.empty()) (one.id += '@') += address.text;
  one.addresses.clear();
  one.addresses.push_back(std::move(address));
  return one;
}

void add_peers(std::vector<Peer>& peers, const Peer& peer, const Answer& answer) {
  const bool srv = peer.kind == TargetKind::kSrv;
  std::uint16_t first = UINT16_MAX;
  for (const auto& named : answer) first = std::min(first, named.priority);
  for (const auto& named : answer) {
    Peer& one = peers.emplace_back(
        peer_at(peer, address_of(named, srv ? named.port : port_of(peer.target))));
    if (!srv) continue;
    one.weight = times(peer.weight, named.weight);
    one.backup = peer.backup || named.priority != first;
  }
}

}  // namespace

std::string name_of(const Peer& peer) {
  std::string name =
      peer.kind == TargetKind::kSrv ? peer.target : peer.target.substr(0, peer.target.rfind(':'));
  if (name.ends_with('.')) name.pop_back();
  return in_small_letters(name);
}

std::vector<std::string> names_of(const Registry& registry) {
  std::set<std::string> names;
  for (const auto& service : registry.services) {
    for (const auto& peer : service.peers) {
      if (peer.followed) names.insert(name_of(peer));
    }
  }
  return {names.begin(), names.end()};
}

Registry with_answers(const Registry& registry, const Answers& answers) {
  Registry answered = registry;
  answered.names = names_of(registry);
  for (auto& service : answered.services) {
    if (std::ranges::none_of(service.peers, &Peer::followed)) continue;
    std::vector<Peer> peers;
    for (auto& peer : service.peers) {
      if (!peer.followed) {
        peers.push_back(std::move(peer));
      } else if (const Answer* answer = answers(name_of(peer))) {
        add_peers(peers, peer, *answer);
      }
    }
    service.peers = std::move(peers);
  }
  return answered;
}

}  // namespace kerberos::registry
