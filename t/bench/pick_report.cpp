// SPDX-License-Identifier: MIT
//
// The core's part of a request that goes well, over and over: for scripts/bench-pick, which counts
// the instructions of the functions named measured_*, and reads the nanoseconds of CPU that are
// printed.
//
//     pick_report PEERS BREAKER REQUESTS      where BREAKER is a name of kBreakers below
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/breaker/outcome.h"
#include "core/registry/model.h"
#include "core/service/generation.h"
#include "core/service/process.h"
#include "core/service/service.h"
#include "core/service/zone.h"
#include "unit/service/arena.h"

using namespace kerberos;
using service::Request;
using service::Service;

namespace {

// So many requests a millisecond, of one service: 10,000 in a second.
constexpr base::Instant kRate = 10;

struct Named {
  std::string_view name;
  void (*set)(registry::BreakerSettings& settings);
};

constexpr Named kBreakers[] = {
    {"off", [](registry::BreakerSettings& settings) { settings.enabled = false; }},
    {"default", [](registry::BreakerSettings& /*settings*/) {}},
    {"failure_rate=50%",
     [](registry::BreakerSettings& settings) { settings.failure_rate_percent = 50; }},
    {"all",
     [](registry::BreakerSettings& settings) {
       settings.failure_rate_percent = 50;
       settings.slow = 1000;
       settings.max_timeout = 300'000;
       settings.ramp = 10'000;
       settings.max_open_percent = 50;
       settings.panic_percent = 30;
     }},
};

registry::Registry registry_of(std::uint32_t peers, const Named& breaker) {
  registry::Service made;
  made.name = "product";
  breaker.set(made.breaker);
  for (std::uint32_t i = 0; i < peers; ++i) {
    registry::Peer peer;
    const std::string address =
        "10.0." + std::to_string(i / 250) + "." + std::to_string(i % 250 + 1) + ":8080";
    peer.addresses.push_back({{address.begin(), address.end()}, address});
    made.peers.push_back(std::move(peer));
  }
  return {{std::move(made)}};
}

// What nginx shows of a response that came whole.
constexpr breaker::Evidence kWell{.finalized = true,
                                  .status = 200,
                                  .header_received = true,
                                  .header_sent = true,
                                  .request_sent = true,
                                  .reused = true,
                                  .bytes_received = true,
                                  .duration = 5};

void need(bool met, const char* what) {
  if (met) return;
  std::fprintf(stderr, "pick_report: %s\n", what);
  std::exit(1);
}

}  // namespace

// By these names the instructions are told apart.
extern "C" {

[[gnu::noinline]] bool measured_pick(Service& service, Request& request, base::Instant now) {
  return service.pick(request, now).picked;
}

[[gnu::noinline]] bool measured_report(Service& service, Request& request,
                                       const breaker::Judgement& judgement, base::Instant now) {
  return service.report(request, judgement, now).notices.all().empty();
}

// What the shim asks of the core, from peer.init to peer.free, for whoever is no probe.
[[gnu::noinline]] bool measured_request(service::Process& process,
                                        const breaker::Evidence& evidence, base::Instant now) {
  Request request;
  request.service = 0;
  Service service(process, 0);
  service.open(request, true);
  if (!measured_pick(service, request, now)) return false;
  const breaker::Judgement judgement = breaker::judge(evidence, service.options(request));
  return measured_report(service, request, judgement, now);
}

}  // extern "C"

int main(int argc, char** argv) {
  need(argc == 4, "usage: pick_report PEERS BREAKER REQUESTS");
  const auto peers = static_cast<std::uint32_t>(std::atoi(argv[1]));
  const auto requests = std::atoll(argv[3]);
  const Named* breaker = nullptr;
  for (const Named& one : kBreakers) {
    if (one.name == argv[2]) breaker = &one;
  }
  need(breaker != nullptr && peers != 0 && requests != 0, "no such case");

  const registry::Registry registry = registry_of(peers, *breaker);
  service::Arena arena(service::bytes_needed(registry, 1) + (std::size_t{1} << 20U));
  const auto zone = service::Zone::create(arena.memory());
  need(zone.has_value(), "no zone");
  const std::uint64_t generation = service::build_generation(*zone, registry);
  need(generation != 0, "the zone is too small");
  zone->publish(generation);
  auto process = service::Process::attach(*zone, 0, 100, generation, 1);
  need(process.has_value(), "cannot attach");

  // The first pick builds the roster, and is not what this is about.
  base::Instant now = 1'000'000;
  Request first;
  first.service = 0;
  Service service(*process, 0);
  service.open(first, true);
  need(service.pick(first, now).picked, "nobody was picked");
  service.report(first, breaker::judge(kWell, service.options(first)), now);

  const std::clock_t begin = std::clock();
  for (long long i = 0; i < requests; ++i) {
    need(measured_request(*process, kWell, now + i / kRate), "a request did not do well");
  }
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("%.2f\n", seconds * 1e9 / static_cast<double>(requests));
}
