// SPDX-License-Identifier: MIT
//
// What is checked after every call into the core, against the oracles and by what they say about
// who could have been picked.
#pragma once

#include <cstdint>
#include <vector>

#include "core/service/service.h"
#include "sim/peer_script.h"
#include "sim/world.h"

namespace kerberos::sim {

// A client request on its way, as the world sees it.
struct Journey {
  bool active = false;
  std::uint64_t serial = 0;  // tells it from those that stood here before
  Worker* worker = nullptr;
  std::uint32_t service = 0;
  service::Request request;
  bool replayable = false;
  Poison poison = Poison::kNone;
  std::uint32_t tries = 1;
  Instant leaves_at = 0;  // the client's patience ends

  // Of the attempt under way.
  PeerPlan* peer = nullptr;
  AttemptModel attempt;
  Fate fate;
  Instant began = 0;

  // What the oracle remembers of the attempts before.
  std::vector<std::uint32_t> tried;
  bool probed = false;
  bool broke_peer = false;

  [[nodiscard]] ServicePlan& plan() const { return worker->plan->services[service]; }
};

class Checks {
 public:
  explicit Checks(World& world) : world_(world) {}

  void opened(const Journey& journey);
  // `now` is the worker's.
  void picked(Journey& journey, const service::Pick& pick, Instant now);
  void answered(Journey& journey, const Judgement& judgement, Instant now);
  void reported(Journey& journey, const Judgement& judgement, const service::Ended& ended,
                Instant now);
  void forced(PeerPlan& peer, breaker::Forced forced);
  // The worker has logged what it was told, and says so.
  void logged(Worker& worker, const service::Notices& notices);
  // It asks for what the dead have not logged.
  void orphans(Worker& worker);

 private:
  void log(Worker& worker, const service::Notice& notice);
  void follow_notices(const Journey& journey, const service::Notices& notices, Instant now);
  void check_pick(const Journey& journey, const breaker::Pass& pass, bool disputed,
                  Instant now) const;
  void check_politeness(const Journey& journey, Instant due_since, Instant now) const;
  void check_nobody(const Journey& journey, const service::Pick& pick, Instant latest,
                    Instant now) const;
  void check_retry_after(const Journey& journey, const service::Pick& pick, Instant latest,
                         Instant now) const;
  void check_trip(const Journey& journey, const PeerPlan& peer, Foreseen foreseen,
                  const service::Notices& notices, Instant now);

  [[nodiscard]] static bool meets_ended_order(const ServicePlan& service, Instant latest,
                                              Instant now);
  [[nodiscard]] bool panics(const ServicePlan& service, Instant now) const;
  [[nodiscard]] bool within_reach(const Journey& journey, std::uint32_t number) const;
  [[nodiscard]] bool could_serve(const Journey& journey, std::uint32_t number, bool panic,
                                 Instant now) const;

  World& world_;
};

}  // namespace kerberos::sim
