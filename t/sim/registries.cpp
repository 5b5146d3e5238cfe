// SPDX-License-Identifier: MIT
#include "sim/registries.h"

#include <algorithm>
#include <string>
#include <utility>

namespace kerberos::sim {

Scale scale_of(std::uint64_t seed, Dice& dice) {
  Scale scale;
  if (seed % 200 == 0) {
    scale = {.peers = 10'000, .workers = 64, .trouble = 2, .steps = 8'000, .quick = true};
  } else if (seed % 25 == 0) {
    scale = {.peers = dice.number(200, 1'000), .workers = dice.number(16, 64), .trouble = 15};
    scale.quick = dice.chance(50);
  } else if (seed % 4 == 0) {
    scale = {.services = dice.number(1, 3),
             .peers = dice.number(8, 50),
             .workers = dice.number(2, 16),
             .trouble = dice.number(10, 80)};
  } else {
    scale = {.services = dice.number(1, 2),
             .peers = dice.number(1, 6),
             .workers = dice.number(1, 6),
             .trouble = dice.number(30, 100)};
  }
  return scale;
}

Operator::Operator(Dice& dice, const Scale& scale)
    : dice_(dice), scale_(scale), backups_(dice.chance(35)), weights_(dice.chance(40)) {
  for (std::uint32_t i = 0; i < scale.services; ++i) {
    registry_.services.push_back(make_service(i));
  }
}

registry::Service Operator::make_service(std::uint32_t number) {
  registry::Service service;
  service.name = "s" + std::to_string(number);
  service.breaker = make_breaker();
  service.balance = make_balance();
  // Services share machines, as they do in life; their breakers are each service's own.
  if (number != 0 && dice_.chance(50)) next_machine_ = 0;
  for (std::uint32_t i = 0; i < scale_.peers; ++i) {
    service.peers.push_back(make_peer(i != 0));
  }
  return service;
}

registry::Peer Operator::make_peer(bool may_be_backup) {
  registry::Peer peer;
  const std::string address = "m" + std::to_string(next_machine_++);
  peer.addresses.push_back({{address.begin(), address.end()}, address});
  if (weights_) peer.weight = dice_.number(1, 5);
  if (dice_.chance(10)) peer.max_conns = dice_.number(1, 4);
  peer.backup = may_be_backup && backups_ && dice_.chance(20);
  peer.down = may_be_backup && dice_.chance(3);
  if (dice_.chance(5)) {
    peer.breaker.threshold = dice_.number(0, 4);
    peer.breaker.timeout = dice_.scaled(100, 2'000);
    peer.breaker.max_timeout = *peer.breaker.timeout * dice_.number(1, 3);
  }
  return peer;
}

registry::Balance Operator::make_balance() {
  registry::Balance balance;
  if (dice_.chance(40)) return balance;
  balance.options.method = balance::kMethods[dice_.below(balance::kMethods.size())].method;
  const balance::MethodRow& row = balance::row_of(balance.options.method);
  balance.options.adaptive = row.adaptive && dice_.chance(70);
  if (row.key) balance.key = "$key";
  if (row.bounded && dice_.chance(50)) balance.options.bounded_percent = dice_.number(100, 200);
  return balance;
}

registry::BreakerSettings Operator::make_breaker() {
  registry::BreakerSettings breaker;
  const std::uint32_t mode = dice_.below(100);
  if (mode < 12) breaker.mode = breaker::Mode::kObserve;
  if (mode > 96) breaker.mode = breaker::Mode::kOff;
  breaker.threshold = scale_.quick ? 1 : dice_.number(dice_.chance(10) ? 0 : 1, 6);
  if (dice_.chance(45)) breaker.failure_rate_percent = dice_.number(5, 100);
  if (dice_.chance(35)) {
    breaker.slow = dice_.scaled(20, 800);
    breaker.slow_rate_percent = dice_.number(20, 100);
  }
  if (dice_.chance(80)) breaker.window = dice_.scaled(100, dice_.chance(5) ? 3'600'000 : 8'000);
  breaker.min_requests = dice_.number(1, dice_.chance(30) ? 25 : 6);
  breaker.timeout = dice_.scaled(40, 4'000);
  if (dice_.chance(60)) breaker.max_timeout = *breaker.timeout + dice_.scaled(1, 15'000);
  breaker.jitter_percent = dice_.chance(30) ? 0 : dice_.number(0, dice_.chance(10) ? 100 : 10);
  breaker.probes = dice_.chance(50) ? 1 : dice_.number(1, breaker::kProbesMax);
  breaker.successes = dice_.chance(50) ? 1 : dice_.number(1, 6);
  breaker.probe_timeout = dice_.scaled(50, 3'000);
  breaker.probe_grace = dice_.chance(30) ? 0 : dice_.scaled(10, 2'000);
  if (dice_.chance(40)) breaker.ramp = dice_.scaled(100, 5'000);
  if (dice_.chance(50)) breaker.max_open_percent = dice_.number(1, 99);
  if (dice_.chance(30)) breaker.panic_percent = dice_.number(1, 100);
  if (dice_.chance(30)) {
    breaker::FailureOn on = breaker::default_failure_on();
    if (dice_.chance(50)) on.add(429);
    if (dice_.chance(20)) on.http_503 = true;
    if (dice_.chance(20)) on.timeout = false;
    if (dice_.chance(20)) on.invalid_header = false;
    on.slow = breaker.slow.has_value() && dice_.chance(50);
    breaker.failure_on = on;
  }
  return breaker;
}

void Operator::edit() {
  for (registry::Service& service : registry_.services) edit(service);
}

void Operator::reorder() {
  auto& services = registry_.services;
  if (dice_.chance(30)) std::rotate(services.begin(), services.begin() + 1, services.end());
}

void Operator::edit(registry::Service& service) {
  auto& peers = service.peers;
  if (dice_.chance(30)) {  // reordered
    for (std::size_t i = peers.size(); i > 1; --i) {
      std::swap(peers[i - 1], peers[dice_.below(static_cast<std::uint32_t>(i))]);
    }
  }
  if (peers.size() > 1 && dice_.chance(30)) {
    peers.erase(peers.begin() + dice_.below(static_cast<std::uint32_t>(peers.size())));
  }
  if (dice_.chance(30)) {
    // A new machine, or one that was taken out before.
    const std::uint32_t next = next_machine_;
    if (dice_.chance(60)) next_machine_ = dice_.below(next_machine_);
    registry::Peer peer = make_peer(true);
    next_machine_ = std::max(next, next_machine_);
    const bool known = std::ranges::any_of(peers, [&](const registry::Peer& other) {
      return other.addresses[0].text == peer.addresses[0].text;
    });
    if (!known) peers.insert(peers.begin() + dice_.below(2), std::move(peer));
  }
  if (dice_.chance(30)) {
    for (registry::Peer& peer : peers) peer.weight = weights_ ? dice_.number(1, 5) : 1;
  }
  if (dice_.chance(15)) {
    for (registry::Peer& peer : peers) peer.down = dice_.chance(5);
  }
  if (dice_.chance(40)) {
    const auto window = service.breaker.window;
    service.breaker = make_breaker();
    if (dice_.chance(30)) service.balance = make_balance();
    // Windows of other lengths share no buckets: rarely, so that counts stay exact.
    if (dice_.chance(80)) service.breaker.window = window;
  }
}

}  // namespace kerberos::sim
