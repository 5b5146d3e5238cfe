// SPDX-License-Identifier: MIT
//
// One process's place in the zone: its slot, the generations it works with, and the scratch memory
// that it needs so that nothing is allocated on a request.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/balance/schedule.h"
#include "core/base/owner.h"
#include "core/base/random.h"
#include "core/service/generation.h"
#include "core/service/notice.h"
#include "core/service/pins.h"
#include "core/service/zone.h"

namespace kerberos::service {

class Process {
 public:
  // Attaches a process to the generation in force, if that is of `lineage`, or to the first of
  // that lineage. Nothing where there is neither, or no memory. The zone's mutex must be held.
  static std::optional<Process> attach(const Zone& zone, std::uint32_t slot, std::int64_t pid,
                                       std::uint64_t lineage, std::uint64_t seed);

  // Goes over to the generation in force, for the requests that begin from now on; returns
  // whether it is another than before. Takes no lock; allocates where a service has grown.
  bool adopt();

  // Gives back what processes held that are gone. Their probes have left places, which every
  // generation has to hear of. The zone's mutex must be held.
  void bury(ProcessExists exists);

  // The transitions that the dead have made and not logged, for the caller to log: those that
  // nobody has logged since the last call found them.
  std::vector<Notice> orphans();

  // Leaves the slot. The zone's mutex must be held.
  void detach() {
    pins_.release();
    zone_.leave_slot(self_);
  }

  // Lets go of its generations. Nothing may be asked of it any more.
  void release() { pins_.release(); }

  [[nodiscard]] const Zone& zone() const { return zone_; }
  [[nodiscard]] base::Owner self() const { return self_; }
  [[nodiscard]] GenerationView generation() const { return pins_.newest(); }
  [[nodiscard]] Pins& pins() { return pins_; }
  // Whether a generation is not the one in force, on which others work.
  [[nodiscard]] bool outdated(const GenerationView& generation) const {
    return zone_.header().current.load(std::memory_order_relaxed) !=
           zone_.offset_of(generation.block());
  }
  // The expressions of the routes of the generation adopted last.
  [[nodiscard]] const route::Regexes& regexes() const { return regexes_; }
  base::Pcg32& random() { return random_; }
  balance::Workbench& bench() { return bench_; }

  [[nodiscard]] PeerRecord& record(const PeerImage& peer) const {
    return *zone_.at<PeerRecord>(peer.record);
  }
  [[nodiscard]] breaker::Breaker breaker(const PeerImage& peer,
                                         const GenerationView& generation) const {
    auto* window = peer.window == 0 ? nullptr : zone_.at<breaker::WindowWords>(peer.window);
    return {record(peer).breaker, generation.options(peer), window};
  }
  [[nodiscard]] ServiceRecord& record(const ServiceImage& service) const {
    return *zone_.at<ServiceRecord>(service.record);
  }

  // What this process uses of the record of that rank; nobody else writes it.
  [[nodiscard]] Use& use(std::uint32_t rank) const { return zone_.use(*slot_, rank); }

 private:
  Process(const Zone& zone, base::Owner self, const Pins& pins, std::uint64_t seed);

  // A transition that somebody has won and not logged. It may outlast the generation in which it
  // was found.
  struct Suspect {
    std::uint32_t rank;  // of the peer
    std::uint32_t epoch;
  };

  [[nodiscard]] std::vector<Notice> untold() const;
  void prepare(const GenerationView& generation);
  // Somebody died: probes have become free, and the loads of peers are less.
  void announce() const;

  Zone zone_;
  base::Owner self_;
  Pins pins_;
  const Slot* slot_;
  base::Pcg32 random_;
  balance::Workbench bench_;
  route::Regexes regexes_;
  bool somebody_died_ = false;
  std::vector<Suspect> suspects_;
};

}  // namespace kerberos::service
