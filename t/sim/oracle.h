// SPDX-License-Identifier: MIT
//
// The breaker of one peer as its specification says it, for one call after the other: plain
// fields, no shared words. It foresees what each call must come to, follows what is left to the
// core's choice, and refuses what no breaker may do.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/breaker/breaker.h"
#include "core/service/layout.h"

namespace kerberos::sim {

using base::Instant;
using base::Millis;
using breaker::Judgement;
using breaker::Options;
using breaker::State;

// Which processes live, by slot, as the world knows it: the life of whoever has the slot, or 0.
using Lives = std::vector<std::uint32_t>;

// Every attempt of the window, by the tenth in which it ended.
class TenthsModel {
 public:
  void clear();
  void add(Instant now, Millis length, bool failed, bool slow);

  // What the window must hold at the least and may hold at the most, or nothing where its length
  // has changed, or a clock was a whole window late. The two differ only where clocks do: a tenth
  // that has just begun for one process takes the place of one that has not quite ended for
  // another, and what is counted before `since`, when the breaker closed, is not looked at.
  struct Bounds {
    breaker::Tally least;
    breaker::Tally most;
    [[nodiscard]] bool exact() const { return least.attempts == most.attempts; }
  };
  [[nodiscard]] std::optional<Bounds> tally(Instant now, Millis length, Instant since) const;

 private:
  struct Tenth {
    std::int64_t number;
    breaker::Tally tally;
  };
  Millis span_ = 0;
  bool mixed_ = false;
  std::int64_t newest_ = 0;
  std::deque<Tenth> tenths_;
};

struct LeaseModel {
  std::uint32_t place = 0;
  base::Owner owner;
  std::uint32_t epoch = 0;
  bool answered = false;
  Instant deadline = 0;

  [[nodiscard]] std::uint64_t bits() const;
};

// An attempt under way, as the oracle remembers it.
struct AttemptModel {
  std::uint32_t epoch = 0;
  bool probe = false;
  std::uint32_t place = 0;
  Instant deadline = 0;
  base::Owner owner;
  bool answered = false;

  // It is a probe that came too late, whatever it brought.
  [[nodiscard]] bool overdue(Instant now) const { return probe && !answered && now >= deadline; }
};

// What the end of an attempt must come to.
struct Foreseen {
  std::optional<State> to;
  breaker::Reason reason = breaker::Reason::kNone;
  std::uint64_t failures = 0;
  std::optional<breaker::Tally> tally;  // that decided
  bool capped = false;                  // max_open has a say
  bool certain = true;                  // false: it depends on counts that are not known exactly
};

class PeerModel {
 public:
  PeerModel(std::string peer_name, std::string its_key, service::PeerRecord* its_record)
      : name(std::move(peer_name)), key(std::move(its_key)), record(its_record) {}

  // Whether it keeps ordinary requests out.
  [[nodiscard]] bool shut(const Options& options, Instant now) const;
  [[nodiscard]] breaker::Way forced_way(Instant now) const;
  // Whether panic may send requests to it.
  [[nodiscard]] bool lets_in_for_panic(Instant now) const;
  [[nodiscard]] bool ramping(const Options& options, Instant now) const;
  [[nodiscard]] std::uint32_t probes_alive(const Lives& lives, Instant now) const;
  // Whether a probe may pass now, and from when on one may.
  [[nodiscard]] bool probe_due(const Options& options, const Lives& lives, Instant now) const;
  [[nodiscard]] Instant next_probe(const Options& options, const Lives& lives, Instant now) const;

  // An attempt has been admitted.
  AttemptModel admitted(const breaker::Pass& pass, base::Owner self, const Options& options,
                        const Lives& lives, Instant now);
  // Its response has begun, and this is what it looks like.
  void answered(AttemptModel& attempt, const Judgement& judgement, Instant now);
  // It has ended: counts it, and tells what has to happen.
  Foreseen ended(const AttemptModel& attempt, const Judgement& judgement, const Options& options,
                 Instant now);
  // A transition was told: refuses an illegal one.
  void follow(const breaker::Transition& told, const Options& options, Instant now);
  // Somebody has looked over the leases: whichever are gone had to go, and whatever was told of
  // this peer had to happen.
  void follow_look(std::span<const breaker::Transition> told, const Options& options,
                   const Lives& lives, Instant now);

  // That the words and counters in the zone are what they should be.
  void compare() const;

  std::string name;
  std::string key;  // by which its record is found again
  service::PeerRecord* record;
  std::uint32_t references = 0;  // of generations
  Instant released = 0;

  State state = State::kClosed;
  bool held = false;
  std::uint32_t epoch = 0;
  std::uint32_t logged = 0;  // the epoch of the last transition that was logged
  Instant until = 0;
  breaker::Forced forced;
  std::uint64_t run = 0;
  std::uint32_t doublings = 0;
  std::uint32_t trips = 0;
  std::uint32_t late = 0;
  std::uint32_t overflow = 0;
  Instant opened_at = 0;
  Instant decayed_at = 0;
  TenthsModel tenths;
  std::vector<LeaseModel> leases;

  std::uint64_t requests = 0;
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t neutral = 0;
  std::array<std::uint64_t, breaker::kCauses> causes{};
  std::uint32_t in_flight = 0;  // of living processes
  std::uint32_t unburied = 0;   // of processes that are gone, and nobody has noticed
  std::uint64_t lost = 0;       // with their processes

 private:
  Foreseen foresee_closed(const Judgement& judgement, const Options& options, Instant now);
  void decay(const Options& options, Instant now);
  [[nodiscard]] std::optional<LeaseModel> take_lease(std::uint32_t place, std::uint64_t bits);
};

}  // namespace kerberos::sim
