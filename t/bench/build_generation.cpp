// SPDX-License-Identifier: MIT
//
// What a registry of many peers costs: how long a generation takes to plan and to build, the first
// one and the next where one peer has changed, and how many bytes of the zone each peer takes, by
// what they are for. All is counted as nginx's slab has it, in whole chunks and pages, with a
// generation in force and kWorkers attached.
//
//     build_generation [METHOD [failure_rate]]
//
// Times are of CPU, the middle ones of kRounds, in a zone whose slab is the one of the tests.
#include <algorithm>
#include <bit>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/registry/balance.h"
#include "core/registry/model.h"
#include "core/service/generation.h"
#include "core/service/plan.h"
#include "core/service/process.h"
#include "core/service/zone.h"
#include "unit/service/arena.h"

using namespace kerberos;
using service::Arena;
using service::Offset;
using service::Zone;

namespace {

constexpr std::uint32_t kWorkers = 2;
constexpr int kRounds = 5;
constexpr std::uint32_t kPeersEach = 100;  // of a service
constexpr std::size_t kPageEntry = 24;     // of the slab, for each page

void need(bool met, const char* what) {
  if (met) return;
  std::fprintf(stderr, "build_generation: %s\n", what);
  std::exit(1);
}

registry::Peer peer_at(std::uint32_t i) {
  const std::string address = "10." + std::to_string(i / 62'500) + "." +
                              std::to_string(i / 250 % 250) + "." + std::to_string(i % 250 + 1) +
                              ":8080";
  registry::Peer peer;
  peer.addresses.push_back({std::vector<unsigned char>(16, 'x'), address});
  return peer;
}

registry::Registry registry_of(std::uint32_t peers, const registry::Balance& balance, bool rated) {
  registry::Registry made;
  for (std::uint32_t i = 0; i < peers; ++i) {
    if (i % kPeersEach == 0) {
      registry::Service& service = made.services.emplace_back();
      service.name = "service-" + std::to_string(i / kPeersEach);
      service.balance = balance;
      if (rated) service.breaker.failure_rate_percent = 50;
    }
    made.services.back().peers.push_back(peer_at(i));
  }
  return made;
}

double ms(const std::function<void()>& work) {
  const std::clock_t begin = std::clock();
  work();
  return static_cast<double>(std::clock() - begin) * 1e3 / CLOCKS_PER_SEC;
}

double middle(std::vector<double> times) {
  std::ranges::sort(times);
  return times[times.size() / 2];
}

struct Times {
  std::vector<double> plan;
  std::vector<double> first;
  std::vector<double> sweep;
  std::vector<double> next;  // one peer has changed
};

struct Part {
  const char* name;
  std::size_t bytes;
};

std::size_t chunk(std::size_t size) {
  return size > Arena::kPage / 2 ? (size + Arena::kPage - 1) / Arena::kPage * Arena::kPage
                                 : std::bit_ceil(std::max<std::size_t>(size, 64));
}

// What stands in a zone with one generation.
std::vector<Part> parts_of(const Zone& zone, const Arena& arena) {
  service::ZoneHeader& header = zone.header();
  Part records{"records of peers", 0};
  Part keys{"their keys, where long", 0};
  Part windows{"their windows", 0};
  for (Offset next = header.peer_records; next != 0;) {
    const auto& record = *zone.at<service::PeerRecord>(next);
    records.bytes += chunk(sizeof record);
    if (record.key_at != 0) keys.bytes += chunk(record.key_length);
    if (record.window != 0) windows.bytes += chunk(sizeof(breaker::WindowWords));
    next = record.next;
  }
  Part services{"services", 0};
  for (Offset next = header.service_records; next != 0;) {
    const auto& record = *zone.at<service::ServiceRecord>(next);
    services.bytes += chunk(sizeof record + record.key_length);
    next = record.next;
  }
  const service::Generation& block = *zone.current();
  const service::GenerationView generation(zone.current());
  Part images{"images of peers", block.peers * sizeof(service::PeerImage)};
  Part texts{"their ids and addresses", 0};
  for (const service::PeerImage& image : generation.peers()) {
    texts.bytes += image.id.length + image.sockaddr_length;
    if (image.address.at != image.id.at) texts.bytes += image.address.length;
  }
  services.bytes += block.services * sizeof(service::ServiceImage);
  Part rosters{"rosters, points", 0};
  Part tournaments{"due times, loads", 0};
  for (const service::ServiceImage& image : generation.services()) {
    services.bytes += image.name.length + image.key.length;
    rosters.bytes += image.room.entries() * sizeof(std::uint32_t);
    tournaments.bytes += service::DueTimes::keys(image.peers) * sizeof(base::Instant);
    for (std::size_t tier = 0; tier < balance::kTiers; ++tier) {
      rosters.bytes += image.point_counts[tier] * sizeof(balance::Point);
      if (image.loads[tier] == 0) continue;
      tournaments.bytes += balance::Loads::keys(image.peers) * sizeof(std::uint32_t);
    }
  }
  const Part ranks{"who has which rank", block.ranks * sizeof(service::Place)};
  Part uses{"what workers use", 0};
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    uses.bytes += chunk(sizeof(service::Uses));
    for (const auto& held : zone.at<service::Uses>(header.slots[i].uses)->chunks) {
      if (held != 0) uses.bytes += chunk(service::Uses::kChunk * sizeof(service::Use));
    }
  }
  const Part fixed{"header", chunk(sizeof header)};
  const Part pages{"the slab's table of pages", arena.pages_in_use() * kPageEntry};
  std::vector<Part> parts = {records, keys,        windows, services, images, texts,
                             rosters, tournaments, ranks,   uses,     fixed,  pages};
  std::size_t rest = arena.pages_in_use() * (Arena::kPage + kPageEntry);
  for (const Part& part : parts) rest -= part.bytes;
  parts.push_back({"options, index, gaps", rest});
  return parts;
}

std::vector<Part> measure(const registry::Registry& registry, const registry::Registry& changed,
                          Times& times) {
  Arena arena(service::bytes_needed(registry, kWorkers) + (std::size_t{1} << 20U));
  const auto zone = Zone::create(arena.memory());
  need(zone.has_value(), "no zone");
  times.plan.push_back(ms([&] { service::plan_of(registry); }));
  std::uint64_t id = 0;
  times.first.push_back(ms([&] { id = service::build_generation(*zone, registry); }));
  need(id != 0, "the zone is too small");
  zone->publish(id);
  std::vector<service::Process> workers;
  for (std::uint32_t i = 0; i < kWorkers; ++i) {
    auto worker = service::Process::attach(*zone, i, 100 + i, id, 1);
    need(worker.has_value(), "cannot attach");
    workers.push_back(std::move(*worker));
  }
  auto parts = parts_of(*zone, arena);
  const std::uint64_t lineage = id;
  times.next.push_back(ms([&] { id = service::build_generation(*zone, changed, lineage); }));
  need(id != 0, "the zone is too small for a change");
  zone->publish(id);
  for (auto& worker : workers) worker.adopt();
  times.sweep.push_back(ms([&] { zone->sweep(1); }));
  return parts;
}

}  // namespace

int main(int argc, char** argv) {
  const auto words = registry::words_of(argc > 1 ? argv[1] : "round_robin");
  const registry::BalanceReading reading = registry::balance_of(words);
  need(reading.problem.empty(), reading.problem.c_str());
  const bool rated = argc > 2 && std::string_view(argv[2]) == "failure_rate";
  need(argc < 3 || rated, "usage: build_generation [METHOD [failure_rate]]");

  for (const std::uint32_t peers : {100U, 1'000U, 10'000U}) {
    const auto registry = registry_of(peers, reading.balance, rated);
    auto changed = registry;
    changed.services[0].peers[kPeersEach / 2] = peer_at(peers);
    Times times;
    std::vector<Part> parts;
    for (int i = 0; i < kRounds; ++i) parts = measure(registry, changed, times);
    std::printf("%u peers in %u services\n", peers, peers / kPeersEach);
    std::printf("  %8.2f ms to plan\n", middle(times.plan));
    std::printf("  %8.2f ms to plan and build\n", middle(times.first));
    std::printf("  %8.2f ms to plan and build the next, one peer changed\n", middle(times.next));
    std::printf("  %8.2f ms to sweep the one before\n", middle(times.sweep));
    double sum = 0;
    for (const Part& part : parts) {
      const double each = static_cast<double>(part.bytes) / peers;
      sum += each;
      if (part.bytes != 0) std::printf("  %8.2f bytes a peer: %s\n", each, part.name);
    }
    std::printf("  %8.2f bytes a peer\n", sum);
  }
}
