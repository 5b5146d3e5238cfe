// SPDX-License-Identifier: MIT
#include "quality/gateway.h"

#include <cstdio>
#include <cstdlib>
#include <set>
#include <utility>

#include "core/registry/balance.h"
#include "core/service/generation.h"

namespace kerberos::quality {
namespace {

// Whom the core asks about through a bare function.
std::set<std::int64_t>& living() {
  static std::set<std::int64_t> pids;
  return pids;
}

int exists(std::int64_t pid) {
  return living().contains(pid) ? 1 : 0;
}

// For a few reloads, and some peers more than at first.
std::size_t zone_size(const registry::Service& service) {
  return 3 * service::bytes_needed({{service}}, std::size_t{2} * kWorkers) +
         (std::size_t{4} << 20U);
}

}  // namespace

void give_up(const char* what) {
  std::fprintf(stderr, "quality: %s\n", what);
  std::exit(1);
}

std::string name_of(std::uint32_t peer) {
  return "10." + std::to_string(peer / 62'500) + "." + std::to_string(peer / 250 % 250) + "." +
         std::to_string(peer % 250 + 1) + ":8080";
}

registry::Service service_of(std::string_view balance, const std::vector<std::uint32_t>& weights,
                             bool breaker) {
  registry::Service made;
  made.name = "product";
  made.breaker.enabled = breaker;
  auto reading = registry::balance_of(registry::words_of(balance));
  if (!reading.problem.empty()) give_up(reading.problem.c_str());
  made.balance = std::move(reading.balance);
  for (std::uint32_t i = 0; i < weights.size(); ++i) {
    registry::Peer peer;
    const std::string address = name_of(i);
    peer.addresses.push_back({{address.begin(), address.end()}, address});
    peer.weight = weights[i];
    made.peers.push_back(std::move(peer));
  }
  return made;
}

std::vector<std::uint32_t> equal(std::uint32_t peers) {
  return std::vector<std::uint32_t>(peers, 1);
}

Gateway::Gateway(const registry::Service& service, std::uint64_t seed)
    : seed_(seed),
      arena_(zone_size(service)),
      zone_(service::Zone::create(arena_.memory()).value()) {
  living().clear();
  begin(service);
}

void Gateway::reload(const registry::Service& service) {
  begin(service);
}

void Gateway::begin(const registry::Service& service) {
  zone_.bury(exists);
  zone_.sweep(1);
  const std::uint64_t id = service::build_generation(zone_, {{service}});
  if (id == 0) give_up("the zone is too small");
  zone_.publish(id);
  for (auto& worker : workers_) worker->detach();
  workers_.clear();
  living().clear();
  for (std::uint32_t slot = 0; slot < kWorkers; ++slot) {
    const std::int64_t pid = next_pid_++;
    living().insert(pid);
    auto process = service::Process::attach(zone_, slot, pid, id, seed_ * kWorkers + slot + 1);
    if (!process) give_up("a worker cannot attach");
    workers_.push_back(std::make_unique<service::Process>(std::move(*process)));
  }
}

}  // namespace kerberos::quality
