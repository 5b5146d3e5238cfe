// SPDX-License-Identifier: MIT
//
// What the tests of the balancing methods share: services that balance in a given way, and an
// oracle for the one method that promises the least of all.
#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/registry/balance.h"
#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {

// Every method with every parameter, as an operator writes them.
inline constexpr std::string_view kEveryMethod[] = {
    "round_robin", "round_robin adaptive",    "least_conn", "random", "ewma",
    "hash $arg_k", "hash $arg_k bounded=125%"};

inline registry::Registry balanced(std::string_view words, std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  const auto reading = registry::balance_of(registry::words_of(words));
  assert_text(reading.problem, "");
  made.services[0].balance = reading.balance;
  return made;
}

// "0", "1", "2" and so on.
inline std::vector<registry::Peer> numbered(std::uint32_t count) {
  std::vector<registry::Peer> peers;
  for (std::uint32_t i = 0; i < count; ++i) peers.push_back(peer(std::to_string(i)));
  return peers;
}

inline std::size_t zone_for(const registry::Registry& registry, std::size_t processes = 4) {
  return bytes_needed(registry, processes);
}

// Whether an ordinary request could have had that peer, not counting its own place there.
inline bool could_serve(const Process& process, const Request& request, std::uint32_t number) {
  const PeerImage& image = process.generation().peers()[number];
  const PeerRecord& record = process.record(image);
  const bool mine = request.peer == number;
  const std::uint64_t flying = process.zone().in_flight(record.rank) - (mine ? 1 : 0);
  const auto* before = request.tried.begin() + request.attempts - (request.peer == ~0U ? 0 : 1);
  return !image.down && (image.max_conns == 0 || flying < image.max_conns) &&
         breaker::Word::unpack(record.breaker.word.load()).state == State::kClosed &&
         std::find(request.tried.begin(), before, number) == before;
}

// Of a service that is the only one: whether somebody who could have had the request had fewer in
// flight for his weight than the one that has it, or is a primary where that one is a backup.
inline bool somebody_had_less(const Process& process, const Request& request) {
  const auto peers = process.generation().peers();
  const auto flying = [&](std::uint32_t number) {
    return process.zone().in_flight(process.record(peers[number]).rank);
  };
  const PeerImage& picked = peers[request.peer];
  const std::uint64_t load = flying(request.peer) - 1;
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    if (i == request.peer || !could_serve(process, request, i)) continue;
    if (peers[i].backup != picked.backup) {
      if (picked.backup) return true;
    } else if (flying(i) * picked.weight < load * peers[i].weight) {
      return true;
    }
  }
  return false;
}

// Requests that come and go, on several processes.
struct Traffic {
  explicit Traffic(std::uint64_t seed) : random(seed) {}

  Client& begin(Process& process) {
    clients.push_back(std::make_unique<Client>(process));
    return *clients.back();
  }
  void end_some(base::Instant now) {
    const std::uint32_t i = random.below(static_cast<std::uint32_t>(clients.size()));
    clients[i]->report(kGood, now);
    clients.erase(clients.begin() + i);
  }
  void end_all(base::Instant now) {
    while (!clients.empty()) end_some(now);
  }

  base::Pcg32 random;
  std::vector<std::unique_ptr<Client>> clients;
};

}  // namespace kerberos::service
