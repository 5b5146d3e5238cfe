// SPDX-License-Identifier: MIT
//
// What the tests of this room share: registries in a few words, and a gate, which is a zone with
// the life around it that nginx gives it: reloads, processes that come, go and die.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/registry/model.h"
#include "core/service/generation.h"
#include "core/service/process.h"
#include "core/service/service.h"
#include "core/service/zone.h"
#include "unit/service/arena.h"

#include "unit/cmocka.h"

namespace kerberos::service {

inline void assert_text(std::string_view actual, std::string_view expected) {
  assert_string_equal(std::string(actual).c_str(), std::string(expected).c_str());
}

// A peer whose address is its own text, so that a test can tell where a pick leads.
inline registry::Peer peer(const std::string& address, std::uint32_t weight = 1) {
  registry::Peer made;
  made.addresses.push_back({{address.begin(), address.end()}, address});
  made.weight = weight;
  return made;
}

// A service whose breakers open after three failures for exactly ten seconds.
inline registry::Service named(const std::string& name, std::vector<registry::Peer> peers) {
  registry::Service made;
  made.name = name;
  made.peers = std::move(peers);
  made.breaker.threshold = 3;
  made.breaker.timeout = 10'000;
  made.breaker.jitter_percent = 0;
  return made;
}

inline registry::Registry registry_of(std::vector<registry::Service> services) {
  return {std::move(services)};
}

inline registry::Registry one(std::vector<registry::Peer> peers) {
  return registry_of({named("product", std::move(peers))});
}

class Gate {
 public:
  explicit Gate(std::size_t size = std::size_t{1} << 20U)
      : arena(size), zone(*Zone::create(arena.memory())) {
    living().clear();
  }

  static int exists(std::int64_t pid) { return living().contains(pid) ? 1 : 0; }

  void sweep(base::Instant now = 1) const {
    zone.bury(exists);
    zone.sweep(now);
  }

  // Sweeps so late that no history is left either.
  void sweep_all() const {
    sweep();
    sweep(1 + kHistory);
  }

  // A build as at a reload: first what nobody uses is freed.
  std::uint64_t build(const registry::Registry& registry, base::Instant now = 1) const {
    zone.forget_pending();
    sweep(now);
    zone.await(now);
    return build_generation(zone, registry);
  }

  std::uint64_t reload(const registry::Registry& registry, base::Instant now = 1) const {
    const std::uint64_t id = build(registry, now);
    if (id != 0) zone.publish(id);
    return id;
  }

  // A change of the registry while its configuration is in force, as its leader makes it.
  std::uint64_t change(const registry::Registry& registry, base::Instant now = 1) const {
    zone.sweep(now);
    const std::uint64_t id = build_generation(zone, registry, zone.current()->lineage);
    if (id != 0) zone.publish(id);
    return id;
  }

  // A process with the pid 100 + slot, on the generation in force.
  [[nodiscard]] Process attach(std::uint32_t slot) const { return attach(slot, 100 + slot); }
  [[nodiscard]] Process attach(std::uint32_t slot, std::int64_t pid) const {
    living().insert(pid);
    auto process = Process::attach(zone, slot, pid, zone.current()->lineage, 1);
    assert_true(process.has_value());
    return std::move(*process);
  }

  // The process ends without a word, as by SIGKILL.
  static void kill(std::int64_t pid) { living().erase(pid); }

  // The ids of the generations there are, oldest first: "1 3".
  [[nodiscard]] std::string generations() const {
    std::string ids;
    for (Offset next = zone.header().generations; next != 0;) {
      const auto* generation = zone.at<Generation>(next);
      ids = std::to_string(generation->id) + (ids.empty() ? "" : " ") + ids;
      next = generation->next;
    }
    return ids;
  }

  Arena arena;
  Zone zone;

 private:
  static std::set<std::int64_t>& living() {
    static std::set<std::int64_t> pids;
    return pids;
  }
};

inline const PeerImage& image_of(const Process& process, std::string_view id) {
  const auto generation = process.generation();
  const auto peers = generation.peers();
  return *std::find_if(peers.begin(), peers.end(),
                       [&](const PeerImage& image) { return generation.text(image.id) == id; });
}

inline PeerRecord& record_of(const Process& process, std::string_view id) {
  return process.record(image_of(process, id));
}

inline std::string id_of(const Process& process, std::uint32_t number) {
  const auto generation = process.generation();
  return std::string(generation.text(generation.peers()[number].id));
}

inline constexpr breaker::Judgement kGood{breaker::Outcome::kSuccess, breaker::Cause::kNone, 0};
inline constexpr breaker::Judgement kBad{breaker::Outcome::kFailure,
                                         breaker::Cause::kConnectRefused, 0};
inline constexpr breaker::Judgement kNothing{breaker::Outcome::kNeutral, breaker::Cause::kNone, 0};
inline constexpr breaker::Judgement kStale{breaker::Outcome::kNeutral, breaker::Cause::kStale, 0};

// One client request, on the way through a service. It may be sent again, unless it says so.
class Client {
 public:
  explicit Client(Process& process, std::uint32_t service = 0, bool replayable = true,
                  std::string_view key = {})
      : process_(process), number_(service), service_(process, service) {
    request.service = service;
    service_.open(request, replayable, key);
  }

  // The id of the peer that was picked, "-" where there was none.
  std::string pick(base::Instant now) {
    last = service_.pick(request, now);
    note(last.notices);
    if (!last.picked) return "-";
    return id_of(process_, process_.generation().services()[number_].first_peer + request.peer);
  }

  void answered(base::Instant now) { service_.answered(request, {}, now); }

  void report(const breaker::Judgement& judgement, base::Instant now) {
    ended = service_.report(request, judgement, now);
    note(ended.notices);
  }

  [[nodiscard]] bool has_other() const { return service_.has_other(request); }

  // What was announced so far: "b OPEN, b HALF_OPEN", and forgets it.
  std::string told() { return std::exchange(told_, {}); }

  Request request;
  Pick last;
  Ended ended;

 private:
  void note(const Notices& notices) {
    static constexpr std::string_view kNames[] = {"CLOSED", "OPEN", "HALF_OPEN"};
    for (const Notice& notice : notices.all()) {
      told_ += told_.empty() ? "" : ", ";
      told_ += id_of(process_, notice.peer) + " ";
      told_ += kNames[static_cast<std::size_t>(notice.transition.to)];
    }
  }

  Process& process_;
  std::uint32_t number_;
  Service service_;
  std::string told_;
};

// Serves so many requests one after the other, each with success, and says by whom: "abab".
inline std::string serve(Process& process, int requests, base::Instant now,
                         std::uint32_t service = 0) {
  std::string who;
  for (int i = 0; i < requests; ++i) {
    Client client(process, service);
    who += client.pick(now);
    client.report(kGood, now);
  }
  return who;
}

// Lets every attempt on `id` fail until its breaker opens, everybody else do well. Returns all
// that was announced meanwhile.
inline std::string trip(Process& process, std::string_view id, base::Instant now,
                        std::uint32_t service = 0) {
  std::string told;
  for (int i = 0; i < 1000 && told.empty(); ++i) {
    Client client(process, service);
    client.report(client.pick(now) == id ? kBad : kGood, now);
    told = client.told();
  }
  return told;
}

inline breaker::State state_of(const Process& process, std::string_view id) {
  return breaker::Word::unpack(record_of(process, id).breaker.word.load()).state;
}

}  // namespace kerberos::service
