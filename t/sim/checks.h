// SPDX-License-Identifier: MIT
//
// What is checked after every call into the core, against the oracles and by what they say about
// who could have been picked.
#pragma once

#include <cstdint>
#include <memory>
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
  std::uint64_t generation = 0;  // that is held for it
  std::shared_ptr<Plan> whole;   // what that says
  std::uint32_t service = 0;     // its number in there
  service::Request request;
  bool replayable = false;
  Poison poison = Poison::kNone;
  bool lasting = false;
  std::uint32_t tries = 1;
  Instant leaves_at = 0;  // the client's patience ends

  // Of the attempt under way.
  PeerPlan* peer = nullptr;
  std::shared_ptr<Plan>
      gone;  // where that peer is from, if the request's generation has it no more
  AttemptModel attempt;
  Fate fate;
  Instant began = 0;

  // What the oracle remembers of the attempts before.
  std::uint32_t attempts = 0;
  std::vector<std::uint32_t> tried;  // in its generation
  bool probed = false;
  bool broke_peer = false;

  [[nodiscard]] ServicePlan& plan() const { return whole->services[service]; }
};

class Checks {
 public:
  explicit Checks(World& world) : world_(world) {}

  void opened(Journey& journey);
  // The core has looked for the request's service: it is held where it was, or was carried over to
  // the worker's newest generation.
  void found(Journey& journey);
  // The client is gone, and nothing is held for it.
  void closed(Journey& journey);
  // `now` is the worker's.
  void picked(Journey& journey, const service::Pick& pick, Instant now);
  void answered(Journey& journey, const Judgement& judgement, Instant now);
  void reported(Journey& journey, const Judgement& judgement, const service::Ended& ended,
                Instant now);
  // The attempt has ended on a peer that is gone.
  void reported_gone(Journey& journey, const Judgement& judgement, Instant now);
  void forced(PeerPlan& peer, breaker::Forced forced);
  // The worker has logged what it was told, and says so.
  void logged(Worker& worker, const service::Notices& notices);
  // It asks for what the dead have not logged.
  void orphans(Worker& worker);

  // Requests that were carried over, and attempts of theirs on peers that were gone.
  [[nodiscard]] std::uint64_t carried() const { return carried_; }
  [[nodiscard]] std::uint64_t gone() const { return gone_; }

 private:
  void log(Worker& worker, const service::Notice& notice);
  void follow_notices(const Journey& journey, const service::Notices& notices, Instant now);
  void check_address(const Journey& journey) const;
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
  std::uint64_t carried_ = 0;
  std::uint64_t gone_ = 0;
};

}  // namespace kerberos::sim
