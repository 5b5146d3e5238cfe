// SPDX-License-Identifier: MIT
//
// The core's part of requests that go well, over and over, and of breakers that open: for
// scripts/bench-pick, which counts the instructions of the functions named measured_*, and reads
// the nanoseconds of CPU that are printed.
//
//     pick_report METHOD PEERS OPEN BREAKER REQUESTS
//
// METHOD is a name of kMethods below, BREAKER one of kBreakers; OPEN peers in a hundred are open
// all the time. There are always kInFlight requests in flight, as of so many clients.
#include <valgrind/callgrind.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/balance/roster.h"
#include "core/breaker/outcome.h"
#include "core/registry/balance.h"
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

constexpr std::uint32_t kInFlight = 32;

// As many breakers open in the end, where there are so many.
constexpr std::uint32_t kTransitions = 20;

struct Breaker {
  std::string_view name;
  void (*set)(registry::BreakerSettings& settings);
};

constexpr Breaker kBreakers[] = {
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

registry::Registry registry_of(std::uint32_t peers, const registry::Balance& balance,
                               const Breaker& breaker) {
  registry::Service made;
  made.name = "product";
  made.balance = balance;
  made.breaker.threshold = 1;        // whoever is to open does at once
  made.breaker.timeout = 3'600'000;  // and nobody is due for a probe
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

registry::Balance balance_named(std::string_view words) {
  registry::BalanceReading reading = registry::balance_of(registry::words_of(words));
  need(reading.problem.empty(), reading.problem.c_str());
  return std::move(reading.balance);
}

const Breaker& breaker_named(std::string_view name) {
  const auto* const found = std::ranges::find(kBreakers, name, &Breaker::name);
  need(found != std::end(kBreakers), "no such breaker");
  return *found;
}

// Opens so many in a hundred by an operator's order. They are too many for a new
// roster each: whoever holds the claim keeps others from building, and the first pick builds it.
// Returns how many are left.
std::uint32_t open_some(service::Process& process, std::uint32_t percent, base::Instant now) {
  const auto generation = process.generation();
  auto& image = generation.services()[0];
  need(generation.roster(image).claim(now) != 0, "somebody builds");
  Service service(process, 0);
  std::uint32_t left = 0;
  for (std::uint32_t i = 0; i < image.peers; ++i) {
    if (i % 100 < percent) {
      service.force(i, {breaker::Way::kOpen}, now);
    } else {
      ++left;
    }
  }
  return left;
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

// What the shim asks of the core, from peer.init to peer.free, for whoever is no probe: of the
// request that has been in flight the longest the end, of the one that takes its place the begin.
[[gnu::noinline]] bool measured_request(service::Process& process, Request& request,
                                        const breaker::Evidence& evidence, std::string_view key,
                                        base::Instant now) {
  Service service(process, 0);
  if (request.peer != Request::kNone) {
    const breaker::Judgement judgement = breaker::judge(evidence, service.options(request));
    if (!measured_report(service, request, judgement, now)) return false;
  }
  request = {};
  request.service = 0;
  service.open(request, true, key);
  return measured_pick(service, request, now);
}

// The report that opens a breaker, new roster included.
[[gnu::noinline]] bool measured_transition(Service& service, Request& request, base::Instant now) {
  constexpr breaker::Judgement kBad{breaker::Outcome::kFailure, breaker::Cause::kConnectRefused, 0};
  return !service.report(request, kBad, now).notices.all().empty();
}

}  // extern "C"

int main(int argc, char** argv) {
  need(argc == 6, "usage: pick_report METHOD PEERS OPEN BREAKER REQUESTS");
  const registry::Balance balance = balance_named(argv[1]);
  const auto peers = static_cast<std::uint32_t>(std::atoi(argv[2]));
  const auto open = static_cast<std::uint32_t>(std::atoi(argv[3]));
  const auto& breaker = breaker_named(argv[4]);
  const auto requests = std::atoll(argv[5]);
  need(peers != 0 && requests != 0 && open < 100, "no such case");

  const registry::Registry registry = registry_of(peers, balance, breaker);
  service::Arena arena(service::bytes_needed(registry, 1) + (std::size_t{1} << 20U));
  const auto zone = service::Zone::create(arena.memory());
  need(zone.has_value(), "no zone");
  const std::uint64_t generation = service::build_generation(*zone, registry);
  need(generation != 0, "the zone is too small");
  zone->publish(generation);
  auto process = service::Process::attach(*zone, 0, 100, generation, 1);
  need(process.has_value(), "cannot attach");

  base::Instant now = 1'000'000;
  const std::uint32_t left = open_some(*process, open, now);
  now += balance::Roster::kClaim + 1;

  // The first picks find the roster to build, and are not what this is about.
  std::array<Request, kInFlight> in_flight;
  const auto serve = [&](long long i) {
    std::array<char, 21> key{};  // another one for each request, for methods that have one
    std::to_chars(key.begin(), key.end(), i);
    const bool well =
        measured_request(*process, in_flight[i % kInFlight], kWell, key.data(), now + i / kRate);
    need(well, "a request did not do well");
  };
  for (long long i = 0; i < 2 * kInFlight; ++i) serve(i);
  now += 2 * kInFlight / kRate + 1;

  CALLGRIND_START_INSTRUMENTATION;
  const std::clock_t begin = std::clock();
  for (long long i = 0; i < requests; ++i) serve(i);
  const double seconds = static_cast<double>(std::clock() - begin) / CLOCKS_PER_SEC;
  std::printf("%.2f\n", seconds * 1e9 / static_cast<double>(requests));
  if (breaker.name == "off") return 0;

  now += requests / kRate;
  Service service(*process, 0);
  for (std::uint32_t i = 0; i < std::min(kTransitions, left / 2); ++i) {
    now += 1000;  // longer than a roster rests
    Request request;
    request.service = 0;
    service.open(request, true);
    need(service.pick(request, now).picked, "nobody was picked");
    need(measured_transition(service, request, now), "a failure opened no breaker");
  }
}
