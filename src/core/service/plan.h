// SPDX-License-Identifier: MIT
//
// A generation before it has a place: what follows from the services of a configuration alone, and
// decides how much room they need.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/balance/ring.h"
#include "core/balance/roster.h"
#include "core/breaker/options.h"
#include "core/registry/model.h"
#include "core/route/compile.h"
#include "core/service/terms.h"

namespace kerberos::service {

struct PeerPlan {
  const registry::Peer* peer;
  const registry::Address* address;
  std::string id;         // what it is called, or its address, with an ordinal where that is taken
  std::uint32_t options;  // which of the plan's
  std::uint32_t share;    // its weight, fitted to the schedule
};

struct ServicePlan {
  const registry::Service* service;
  std::vector<PeerPlan> peers;
  std::uint32_t terms;  // which of the plan's
  balance::RosterRoom room;
  std::vector<balance::Point> points[balance::kTiers];  // where it hashes
  bool ranked[balance::kTiers] = {};                    // whether it ranks that tier's peers

  [[nodiscard]] const balance::Options& balance() const { return service->balance.options; }
  [[nodiscard]] std::uint32_t count() const { return static_cast<std::uint32_t>(peers.size()); }
};

struct Plan {
  std::vector<ServicePlan> services;
  std::vector<breaker::Options> options;
  std::vector<route::Route> routes;      // of all services, which they name by their numbers
  std::optional<route::Compiled> table;  // of them; nothing where there are none
  std::vector<TermsPlan> terms;
  const registry::Certificates* certificates;  // by the names of their files
  const std::vector<std::string>* names;       // that are followed
  std::size_t peers = 0;
  std::uint32_t buckets = 1;
};

// The plan refers to the registry, which outlives it.
Plan plan_of(const registry::Registry& registry);

// By which a peer's record is found again: its service's number, its id and its address. An id that
// moves to another machine starts anew.
std::string record_key(std::uint32_t service, const PeerPlan& peer);

}  // namespace kerberos::service
