// SPDX-License-Identifier: MIT
//
// What the zone holds at a moment, as plain values for reports. Counters of several peers are read
// one after the other while requests go on: each is exact, their sum is of no one instant.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/base/instant.h"
#include "core/breaker/breaker.h"
#include "core/service/process.h"
#include "core/service/refusal.h"

namespace kerberos::service {

struct PeerSnapshot {
  std::string id;
  std::string address;
  std::uint32_t weight = 1;
  bool backup = false;
  bool down = false;  // by configuration
  bool full = false;  // at max_conns
  std::uint64_t in_flight = 0;
  std::uint64_t idle = 0;  // connections kept open
  std::uint64_t requests = 0;
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t neutral = 0;
  std::array<std::uint64_t, 5> responses{};  // by the hundreds of their status, from 100
  std::array<std::uint64_t, breaker::kCauses> causes{};
  breaker::View breaker;

  // Whether an ordinary request may be sent to it.
  [[nodiscard]] bool available() const { return !down && !full && !breaker.shut; }
};

struct ServiceSnapshot {
  std::string name;
  balance::Options balance;
  std::string key;              // of hash
  std::uint64_t in_flight = 0;  // to all its peers
  std::uint64_t requests = 0;
  std::uint64_t rejected = 0;
  std::uint64_t overflow = 0;
  std::vector<PeerSnapshot> peers;
};

struct NameSnapshot {
  std::string name;
  std::uint32_t addresses = 0;
  std::uint32_t error = 0;  // of the last question
};

struct Snapshot {
  std::uint64_t generation = 0;
  std::int64_t loaded = 0;         // unix ms
  std::optional<Refusal> refusal;  // of a registry that came later
  std::uint64_t faults = 0;
  std::uint64_t unmatched = 0;      // requests that no route was for
  std::uint64_t size = 0;           // of the zone
  std::uint32_t generations = 0;    // that it holds: the one in force, and those still in use
  std::vector<NameSnapshot> names;  // that are followed
  std::vector<ServiceSnapshot> services;
};

Snapshot take_snapshot(const Process& process, base::Instant now);

}  // namespace kerberos::service
