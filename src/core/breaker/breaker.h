// SPDX-License-Identifier: MIT
//
// The circuit breaker of one peer: a state machine on words that all workers share.
//
//   CLOSED --threshold failures in a row--> OPEN --timeout passed--> HALF_OPEN
//   HALF_OPEN --successes probes in a row--> CLOSED
//   HALF_OPEN --one failed probe--> OPEN, for twice as long, up to max_timeout
//
// 1. A transition is one compare-and-swap on the state word. Its winner, and only its winner, gets
//    a Transition to log and count.
// 2. An attempt carries the epoch it was admitted under. Its outcome decides only in that epoch:
//    a late failure from before the trip has no say in the half-open verdict.
// 3. At most `probes` leases exist at a time, over all processes; see lease.h for how they end.
// 4. Nothing here waits, allocates or locks, and a process may die between any two instructions:
//    the fields behind the words are for people (why, since when) and decide nothing, except
//    `doublings`, whose loss costs one doubling.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "core/base/instant.h"
#include "core/base/owner.h"
#include "core/base/random.h"
#include "core/breaker/options.h"
#include "core/breaker/outcome.h"
#include "core/breaker/word.h"

namespace kerberos::breaker {

enum class Reason : std::uint8_t {
  kNone,
  kConsecutive,  // threshold failures in a row
  kProbe,        // a failed probe
};

// What shared memory holds of a breaker. All zero is a closed one.
struct Words {
  std::atomic<std::uint64_t> word;                // Word
  std::atomic<std::uint64_t> run;                 // Run
  std::atomic<base::Instant> opened_at;           // when it left CLOSED
  std::atomic<std::uint32_t> doublings;           // failed probes since then
  std::atomic<std::uint32_t> trips;               // times it opened, failed probes included
  std::atomic<std::uint64_t> failures;            // in a row when it opened
  std::atomic<Reason> reason;                     // why it opened
  std::atomic<std::uint64_t> leases[kProbesMax];  // Lease
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<Reason>::is_always_lock_free);

struct Transition {
  State from = State::kClosed;
  State to = State::kClosed;
  Reason reason = Reason::kNone;
  Cause last = Cause::kNone;   // of the failure that opened it
  std::uint16_t status = 0;    // where `last` is kStatus
  std::uint64_t failures = 0;  // in a row, where reason is kConsecutive
  base::Millis span = 0;       // OPEN: until probes may pass; CLOSED: since it first opened
};

// The right to make one attempt.
struct Pass {
  std::uint32_t epoch = 0;
  std::uint32_t place = kProbesMax;  // of its lease; kProbesMax: no probe
  std::uint64_t lease = 0;

  [[nodiscard]] bool probe() const { return place < kProbesMax; }
};

// What asking for a probe came to.
struct Probing {
  std::optional<Pass> pass;
  std::optional<Transition> transition;
  base::Instant due = 0;  // without a pass: when to ask again
};

// What a breaker looks like to people.
struct View {
  State state = State::kClosed;
  Reason reason = Reason::kNone;
  std::uint64_t consecutive_failures = 0;
  std::uint32_t trips = 0;
  std::uint32_t probes_in_flight = 0;
  base::Millis retry_in = 0;
};

class Breaker {
 public:
  Breaker(Words& words, const Options& options) : words_(words), options_(options) {}

  [[nodiscard]] State state() const;

  // The right to an ordinary attempt, where the breaker is closed. One load.
  [[nodiscard]] std::optional<Pass> admit() const;

  // The right to a probe, where one is due and a place is free. Settles overdue leases on its way,
  // and is what turns an open breaker half-open.
  Probing probe(base::Owner self, const base::Owners& owners, base::Instant now,
                base::Pcg32& random);

  // The response to `pass` has begun. It keeps its place, but its deadline has lost its threat.
  void answered(Pass& pass);

  // The attempt of `pass` has ended.
  std::optional<Transition> report(const Pass& pass, const Judgement& judgement, base::Instant now,
                                   base::Pcg32& random);

  // When the next probe may pass: `now` or earlier where one may now.
  [[nodiscard]] base::Instant due(const base::Owners& owners, base::Instant now) const;

  [[nodiscard]] View view(const base::Owners& owners, base::Instant now) const;

 private:
  struct Place {  // what a look over the leases found
    std::optional<std::uint32_t> free;
    std::optional<Judgement> verdict;  // of a lease that was overdue
    base::Instant due = 0;
  };

  Place find_place(std::uint32_t epoch, const base::Owners& owners, base::Instant now);
  std::optional<Transition> settle(Word word, const Judgement& judgement, base::Instant now,
                                   base::Pcg32& random);
  std::optional<Transition> count_failure(Word word, const Judgement& judgement, base::Instant now,
                                          base::Pcg32& random);
  std::optional<Transition> count_success(Word word, base::Instant now);
  std::optional<Transition> open(Word word, Reason reason, std::uint64_t failures,
                                 const Judgement& judgement, base::Instant now,
                                 base::Pcg32& random);
  std::uint64_t lengthen_run(std::uint32_t epoch);
  [[nodiscard]] base::Millis open_time(std::uint32_t doublings, base::Pcg32& random) const;
  bool replace(Word word, Word next);

  Words& words_;
  const Options& options_;
};

}  // namespace kerberos::breaker
