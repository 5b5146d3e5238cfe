// SPDX-License-Identifier: MIT
#include "core/service/plan.h"

#include <bit>
#include <cstring>
#include <unordered_set>
#include <utility>

#include "core/balance/schedule.h"

namespace kerberos::service {
namespace {

std::uint32_t options_of(Plan& plan, const registry::Service& service, const registry::Peer& peer) {
  const auto options = registry::complete(registry::inherit(peer.breaker, service.breaker));
  // Most peers share the options of the one before them.
  if (plan.options.empty() || plan.options.back() != options) plan.options.push_back(options);
  return static_cast<std::uint32_t>(plan.options.size() - 1);
}

std::uint32_t terms_of(Plan& plan, const registry::Service& service) {
  TermsPlan terms = plan_terms(service);
  if (plan.terms.empty() || plan.terms.back() != terms) plan.terms.push_back(std::move(terms));
  return static_cast<std::uint32_t>(plan.terms.size() - 1);
}

std::string unique_id(std::unordered_set<std::string>& taken, const std::string& wanted) {
  std::string id = wanted;
  for (int ordinal = 2; !taken.insert(id).second; ++ordinal) {
    id = wanted + '#' + std::to_string(ordinal);
  }
  return id;
}

// Fits the weights of one tier to the schedule and says how long that gets.
std::uint32_t fit_shares(ServicePlan& plan, std::vector<balance::Share> shares) {
  balance::fit(shares);
  for (const auto& share : shares) plan.peers[share.peer].share = share.weight;
  return static_cast<std::uint32_t>(balance::period(shares));
}

// What a tier's method needs that its peers' names and weights decide once and for all.
void plan_tier(ServicePlan& plan, balance::Tier tier) {
  const auto t = static_cast<std::size_t>(tier);
  std::vector<balance::Share> shares;
  std::vector<balance::RingMember> members;
  for (std::uint32_t i = 0; i < plan.peers.size(); ++i) {
    const PeerPlan& peer = plan.peers[i];
    if (peer.peer->down || peer.peer->backup != (tier == balance::Tier::kBackup)) continue;
    shares.push_back({i, peer.peer->weight});
    members.push_back({balance::hash_of(peer.id), i, peer.peer->weight});
  }
  auto& room = plan.room.tiers[t];
  if (plan.balance().method == balance::Method::kHash) {
    plan.points[t] = balance::points_of(members);
    room.peers = static_cast<std::uint32_t>(plan.points[t].size());
    room.words = room.peers == 0 ? 0 : static_cast<std::uint32_t>(balance::ring_words(room.peers));
  } else {
    room.peers = room.words = fit_shares(plan, std::move(shares));
    plan.ranked[t] = plan.balance().ranks() && !members.empty();
  }
}

ServicePlan plan_service(Plan& plan, const registry::Service& service) {
  ServicePlan planned{
      .service = &service, .peers = {}, .terms = terms_of(plan, service), .room = {}, .points = {}};
  std::unordered_set<std::string> taken;
  for (const auto& peer : service.peers) {
    const std::uint32_t options = options_of(plan, service, peer);
    for (const auto& address : peer.addresses) {
      const std::string& wanted = peer.id.empty() ? address.text : peer.id;
      planned.peers.push_back({&peer, &address, unique_id(taken, wanted), options, 0});
    }
  }
  for (const balance::Tier tier : balance::kAllTiers) plan_tier(planned, tier);
  return planned;
}

}  // namespace

Plan plan_of(const registry::Registry& registry) {
  Plan plan;
  plan.certificates = &registry.certificates;
  plan.names = &registry.names;
  for (const auto& service : registry.services) {
    plan.services.push_back(plan_service(plan, service));
    plan.peers += plan.services.back().peers.size();
    for (const auto& route : service.routes) {
      plan.routes.push_back(route);
      plan.routes.back().service = static_cast<std::uint32_t>(plan.services.size() - 1);
    }
  }
  if (!plan.routes.empty()) plan.table.emplace(plan.routes);
  plan.buckets = static_cast<std::uint32_t>(std::bit_ceil(plan.services.size() * 2 + 1));
  return plan;
}

std::string record_key(std::uint32_t service, const PeerPlan& peer) {
  std::string key(sizeof service, '\0');
  std::memcpy(key.data(), &service, sizeof service);
  key += peer.id;
  if (peer.id != peer.address->text) (key += '\0') += peer.address->text;
  return key;
}

}  // namespace kerberos::service
