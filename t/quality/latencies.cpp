// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "quality/gateway.h"
#include "quality/parts.h"
#include "quality/scenarios.h"

namespace kerberos::quality {
namespace {

Json json_of(const Quality& quality) {
  return {{"requests", quality.requests},
          {"errors", quality.errors},
          {"mean", quality.mean},
          {"p50", quality.p50},
          {"p99", quality.p99},
          {"p999", quality.p999},
          {"share_max", quality.share_max},
          {"share_rms", quality.share_rms},
          {"requests_peak", quality.requests_peak},
          {"in_flight_peak", quality.in_flight_peak},
          {"in_flight_most", quality.in_flight_most}};
}

std::string percent(double share) {
  return std::to_string(std::lround(share * 100));
}

}  // namespace

Json latencies(double load, std::uint64_t seed) {
  Json all;
  for (const Scenario& scenario : small_scenarios()) {
    for (const std::string_view method : methods()) {
      all[scenario.name][std::string(method)] =
          json_of(run(scenario, std::string(method), load, seed));
    }
  }
  return all;
}

// The same at several gateways: each sees a part of the requests, and no other's.
Json gateways(std::uint64_t seed) {
  Json all;
  for (Scenario scenario : small_scenarios()) {
    if (scenario.name != "equal" && scenario.name != "slow_10x") continue;
    for (const std::uint32_t count : {1U, 4U, 20U}) {
      scenario.gateways = count;
      for (const std::string_view method : methods()) {
        all[scenario.name][std::to_string(count)][std::string(method)] =
            json_of(run(scenario, std::string(method), 0.8, seed));
      }
    }
  }
  return all;
}

Json crowds(std::uint64_t seed) {
  Json all;
  const Scenario scenario = crowd(4, Work::kLognormal);
  for (const double load : {0.7, 0.9}) {
    for (const std::string_view method : methods()) {
      all[percent(load)][std::string(method)] =
          json_of(run(scenario, std::string(method), load, seed));
    }
  }
  return all;
}

// Peers that serve one request after another, for a time that is distributed exponentially: the
// supermarket model of M. Mitzenmacher. Times are in those of one service.
Json queues(std::uint64_t seed) {
  Json all;
  Scenario scenario = crowd(1, Work::kExponential);
  scenario.warm = 2 * kSecond;
  scenario.measured = 4 * kSecond;
  for (const double load : {0.7, 0.9}) {
    for (const std::string_view method : {"round_robin", "random", "least_conn"}) {
      const Quality quality = run(scenario, std::string(method), load, seed);
      all[percent(load)][std::string(method)] = quality.mean * kMilli / static_cast<double>(kWork);
    }
  }
  return all;
}

// The most requests that one of a thousand peers has, where there are a thousand requests: how
// often it is how many, in so many experiments.
Json bins(std::uint64_t seed) {
  constexpr std::uint32_t kPeers = 1'000;
  constexpr std::uint32_t kExperiments = 100;
  Json all;
  for (const std::string_view method : methods()) {
    Gateway gateway(service_of(method, equal(kPeers)), seed);
    std::map<std::uint32_t, std::uint32_t> counts;
    for (std::uint32_t e = 0; e < kExperiments; ++e) {
      std::vector<service::Request> requests(kPeers);
      std::vector<std::uint32_t> held(kPeers);
      for (std::uint32_t i = 0; i < kPeers; ++i) {
        service::Service service(gateway.worker(i % kWorkers), 0);
        requests[i].service = 0;
        service.open(requests[i], true, std::to_string(e) + "-" + std::to_string(i));
        if (service.pick(requests[i], 1'000'000 + e).picked) ++held[requests[i].peer];
      }
      ++counts[*std::max_element(held.begin(), held.end())];
      for (std::uint32_t i = 0; i < kPeers; ++i) {
        service::Service service(gateway.worker(i % kWorkers), 0);
        service.report(requests[i], {.outcome = breaker::Outcome::kSuccess, .status = 200},
                       1'000'000 + e);
      }
    }
    for (const auto& [most, times] : counts) {
      all[std::string(method)][std::to_string(most)] = times;
    }
  }
  return all;
}

}  // namespace kerberos::quality
