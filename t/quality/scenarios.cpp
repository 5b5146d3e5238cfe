// SPDX-License-Identifier: MIT
#include "quality/scenarios.h"

#include <string>
#include <utility>

#include "quality/gateway.h"

namespace kerberos::quality {
namespace {

constexpr std::string_view kMethods[] = {
    "round_robin", "round_robin adaptive",   "least_conn", "random", "ewma",
    "hash $key",   "hash $key bounded=125%",
};

constexpr std::uint32_t kPeers = 10;

// The last of ten is of that nature.
Scenario with(std::string name, const Nature& last) {
  Scenario scenario{
      .name = std::move(name), .peers = std::vector<Nature>(kPeers), .weights = equal(kPeers)};
  scenario.peers.back() = last;
  return scenario;
}

}  // namespace

std::span<const std::string_view> methods() {
  return kMethods;
}

std::vector<Scenario> small_scenarios() {
  std::vector<Scenario> all;
  all.push_back(with("equal", {}));
  all.push_back(with("slow_2x", {.slowness = 2}));
  all.push_back(with("slow_10x", {.slowness = 10}));
  all.push_back(with("fails", {.fails = true}));
  all.push_back(with("fails_breaker", {.fails = true}));
  all.back().breaker = true;
  all.push_back(with("stalls", {.stall_every = 20 * kSecond, .stall_for = 5 * kSecond}));
  Scenario weights{.name = "weights", .peers = {}, .weights = {}};
  for (std::uint32_t i = 0; i < kPeers; ++i) {
    weights.weights.push_back(i % 5 + 1);
    weights.peers.push_back({.slots = 2 * (i % 5 + 1)});
  }
  all.push_back(std::move(weights));
  all.push_back(with("hot_keys", {}));
  all.back().zipf = 1;
  return all;
}

Scenario crowd(std::uint32_t slots, Work work) {
  constexpr std::uint32_t kCrowd = 1'000;
  return {.name = "crowd",
          .peers = std::vector<Nature>(kCrowd, Nature{.slots = slots}),
          .weights = equal(kCrowd),
          .work = work,
          .keys = 1'000'000,
          .warm = kSecond,
          .measured = 2 * kSecond};
}

}  // namespace kerberos::quality
