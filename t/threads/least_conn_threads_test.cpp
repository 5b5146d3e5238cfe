// SPDX-License-Identifier: MIT
//
// Threads that stand for workers, each with a process of its own on one zone, and least_conn: what
// they do at the same moment neither spoils the order of loads nor leaves anything behind.
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "threads/crew.h"
#include "unit/service/gate.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr breaker::Judgement kServed{.outcome = breaker::Outcome::kSuccess, .status = 200};

struct Crew {
  explicit Crew(std::vector<registry::Peer> peers)
      : registry(balanced("least_conn", std::move(peers))), gate(zone_for(registry, kCrew)) {
    gate.reload(registry);
    for (std::uint32_t i = 0; i < kCrew; ++i) processes.push_back(gate.attach(i));
  }
  [[nodiscard]] std::span<PeerImage> peers() const { return processes[0].generation().peers(); }
  [[nodiscard]] std::uint64_t in_flight(const PeerImage& image) const {
    return gate.zone.in_flight(processes[0].record(image).rank);
  }
  [[nodiscard]] balance::Loads loads(balance::Tier tier) const {
    const auto generation = processes[0].generation();
    return generation.loads(generation.services()[0], tier);
  }

  registry::Registry registry;
  Gate gate;
  std::vector<Process> processes;
};

// Nobody is at it: every leaf tells the truth, and the root the least of them.
void assert_order_is_right(const Crew& crew) {
  for (const balance::Tier tier : balance::kAllTiers) {
    const bool backup = tier == balance::Tier::kBackup;
    const auto loads = crew.loads(tier);
    std::uint32_t least = balance::Loads::kOut;
    for (std::uint32_t i = 0; i < crew.peers().size(); ++i) {
      const PeerImage& image = crew.peers()[i];
      if (image.backup != backup) continue;
      const std::uint64_t flying = crew.in_flight(image);
      const auto& word = crew.processes[0].record(image).breaker.word;
      const bool out = breaker::Word::unpack(word.load()).state != State::kClosed ||
                       (image.max_conns != 0 && flying >= image.max_conns);
      const std::uint32_t key =
          out ? balance::Loads::kOut : balance::Load{flying, image.weight}.key();
      assert_int_equal(loads.key(i), key);
      least = std::min(least, key);
    }
    if (!backup || crew.peers().back().backup) assert_int_equal(loads.min(), least);
  }
}

// Every other peer has as many in flight at first as the rest is to get, and from then on requests
// only begin. So nobody is picked who has more than another, but for what the workers do at the
// same moment: a request each, and another one each that is counted before it is refused.
void nobody_who_has_more_is_picked(void**) {
  constexpr std::uint32_t kMore = 100;
  constexpr std::uint32_t kEach = 3'000;
  for (const std::uint32_t peers : {2U, 7U, 33U, 100U}) {
    Crew crew(numbered(peers));
    const auto even_out = [&](std::uint32_t by) {
      for (std::uint32_t i = 1; i < peers; i += 2) {
        const std::uint32_t rank = crew.processes[0].record(crew.peers()[i]).rank;
        crew.processes[0].use(rank).in_flight += by;
      }
      Service(crew.processes[0], 0).force(0, {}, 1'000);
    };
    even_out(kMore);
    const auto least = [&] {
      std::uint64_t result = ~0ULL;
      for (const PeerImage& it : crew.peers()) result = std::min(result, crew.in_flight(it));
      return result;
    };
    std::vector<std::vector<Request>> requests(kCrew, std::vector<Request>(kEach));
    std::atomic<std::uint32_t> missed = 0;
    std::atomic<std::uint64_t> furthest = 0;
    run_crew([&](std::size_t thread) {
      Service service(crew.processes[thread], 0);
      for (Request& request : requests[thread]) {
        service.open(request, true);
        if (!service.pick(request, 1'000).picked) {
          ++missed;
          continue;
        }
        // First the one, then the others: what these get meanwhile only brings them closer.
        const std::uint64_t load = crew.in_flight(crew.peers()[request.peer]);
        const std::uint64_t others = least();
        const std::uint64_t apart = load > others ? load - others : 0;
        for (std::uint64_t known = furthest; known < apart;) {
          if (furthest.compare_exchange_weak(known, apart)) break;
        }
      }
    });
    assert_int_equal(missed.load(), 0);
    if (furthest > 2 * kCrew) fail_msg("%u peers: %lu apart", peers, furthest.load());
    std::uint64_t all = 0;
    for (const PeerImage& image : crew.peers()) all += crew.in_flight(image);
    assert_int_equal(all, kCrew * kEach + peers / 2 * kMore);
    assert_order_is_right(crew);
    run_crew([&](std::size_t thread) {
      Service service(crew.processes[thread], 0);
      for (Request& request : requests[thread]) service.report(request, kServed, 1'001);
    });
    assert_order_is_right(crew);
    even_out(0 - kMore);
    for (const PeerImage& image : crew.peers()) assert_int_equal(crew.in_flight(image), 0);
    assert_order_is_right(crew);
  }
}

// Requests come and go, are sent again, find peers full, and break some of them, which are probed.
void whatever_happens_the_order_is_right_in_the_end(void**) {
  constexpr int kSteps = 20'000;
  auto peers = numbered(40);
  for (std::uint32_t i = 0; i < 40; ++i) {
    peers[i].weight = 1 + i % 3;
    if (i % 5 == 0) peers[i].max_conns = 3;
    peers[i].backup = i >= 36;
  }
  Crew crew(std::move(peers));
  std::atomic<std::uint32_t> over = 0;
  run_crew([&](std::size_t thread) {
    Process& process = crew.processes[thread];
    base::Pcg32 random(thread + 1);
    Service service(process, 0);
    std::vector<Request> requests(12);
    const auto end = [&](Request& request, base::Instant now) {
      const bool bad = request.peer % 7 == 0 && random.below(4) == 0;
      service.report(request, bad ? kBad : kServed, now);
    };
    for (int i = 0; i < kSteps; ++i) {
      const base::Instant now = 1'000 + 20 * i;
      Request& request = requests[random.below(12)];
      if (request.peer != Request::kNone) {
        end(request, now);
        if (random.below(3) != 0) continue;
        service.pick(request, now);
      } else {
        service.open(request, true);
        service.pick(request, now);
      }
      if (request.peer == Request::kNone) continue;
      const PeerImage& image = crew.peers()[request.peer];
      if (image.max_conns != 0 && crew.in_flight(image) > image.max_conns + kCrew) ++over;
    }
    for (Request& request : requests) service.report(request, kServed, 1'000 + 20 * kSteps);
  });
  assert_int_equal(over.load(), 0);
  for (const PeerImage& image : crew.peers()) assert_int_equal(crew.in_flight(image), 0);
  assert_order_is_right(crew);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nobody_who_has_more_is_picked),
      cmocka_unit_test(whatever_happens_the_order_is_right_in_the_end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
