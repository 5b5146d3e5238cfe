// SPDX-License-Identifier: MIT
//
// The circuit breaker of one peer: a state machine on words that all workers share.
//
//   CLOSED --failures in a row, failure rate or slow rate--> OPEN --timeout passed--> HALF_OPEN
//   HALF_OPEN --successes probes in a row--> CLOSED
//   HALF_OPEN --one failed probe--> OPEN, for twice as long, up to max_timeout
//
// 1. A transition is one compare-and-swap on the state word. Its winner, and only its winner, gets
//    a Transition to log and count.
// 2. An attempt carries the epoch it was admitted under. Its outcome decides only in that epoch:
//    a late failure from before the trip has no say in the half-open verdict. Of those that are
//    under way while it is not closed, only probes decide.
// 3. At most `probes` leases exist at a time, over all processes; see lease.h for how they end.
// 4. Nothing here waits, allocates or locks, and a process may die between any two instructions:
//    the fields behind the words are for people (why, since when) and decide nothing, except
//    `doublings`, whose loss costs one doubling. What a dead winner did not log, untold() finds.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>

#include "core/base/instant.h"
#include "core/base/owner.h"
#include "core/base/random.h"
#include "core/breaker/forced.h"
#include "core/breaker/options.h"
#include "core/breaker/outcome.h"
#include "core/breaker/window.h"
#include "core/breaker/word.h"

namespace kerberos::breaker {

enum class Reason : std::uint8_t {
  kNone,
  kConsecutive,  // threshold failures in a row
  kFailureRate,  // so many of the window's attempts failed
  kSlowRate,     // so many of them were slow
  kProbe,        // a failed probe
};

// What shared memory holds of a breaker, but for its window, which few ask for. All zero is a
// closed one. A pick reads the first line, a probe the second, the rest is of attempts that end.
struct Words {
  std::atomic<std::uint64_t> word;                // Word
  std::atomic<std::uint64_t> forced;              // Forced
  std::atomic<std::uint64_t> run;                 // Run
  std::atomic<std::uint64_t> intent;              // Intent
  std::atomic<base::Instant> opened_at;           // when it left CLOSED
  std::atomic<base::Instant> decayed_at;          // when doublings last fell by one
  std::atomic<std::uint32_t> doublings;           // of the open time
  std::atomic<std::uint32_t> trips;               // times it opened, failed probes included
  std::atomic<std::uint32_t> overflow;            // times max_open kept it from opening
  std::atomic<std::uint32_t> late;                // outcomes of an epoch that was over
  std::atomic<std::uint64_t> leases[kProbesMax];  // Lease
  struct Why {                                    // it opened
    std::atomic<std::uint64_t> failures;          // in a row
    std::atomic<std::uint64_t> window_attempts;   // and what the window held
    std::atomic<std::uint64_t> window_failures;
    std::atomic<std::uint64_t> window_slow;
    std::atomic<std::uint32_t> told;    // the epoch of the last transition that was logged
    std::atomic<std::uint16_t> number;  // of a status
    std::atomic<Cause> last;
    std::atomic<Reason> reason;
  } why;
};

static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
static_assert(std::atomic<std::uint32_t>::is_always_lock_free);
static_assert(std::atomic<Reason>::is_always_lock_free);

struct Transition {
  State from = State::kClosed;
  State to = State::kClosed;
  Reason reason = Reason::kNone;
  Cause last = Cause::kNone;   // of the attempt that opened it
  std::uint16_t number = 0;    // of its status, where `last` is one
  std::uint64_t failures = 0;  // in a row, where reason is kConsecutive
  Tally tally = {};            // of the window, where reason is a rate
  base::Millis window = 0;     // and how long that is
  base::Millis slow = 0;       // and what counts as slow in it
  base::Millis span = 0;       // OPEN: until probes may pass; CLOSED: since it first opened
  std::uint32_t epoch = 0;     // that it began
  bool observed = false;       // nobody acts on it
  bool orphaned = false;       // whoever made it died before telling, and what it knew with it
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

// That a breaker is to open, and why.
struct Trip {
  Word word;  // as it was when that was decided
  Reason reason = Reason::kNone;
  Judgement last = {};
  std::uint64_t failures = 0;
  Tally tally = {};
};

// What the end of an attempt came to.
struct Report {
  Judgement judged;  // as it was taken: a probe that came too late has failed
  std::optional<Transition> transition = {};
  // It is to open for failures after connect, and its service has a max_open: see intend().
  std::optional<Trip> wanted = {};
};

// What a breaker looks like to people.
struct View {
  State state = State::kClosed;
  Mode mode = Mode::kEnforce;
  Way forced = Way::kNone;
  bool shut = false;  // keeps ordinary requests out
  Reason reason = Reason::kNone;
  Cause last = Cause::kNone;
  std::uint16_t number = 0;
  std::uint64_t consecutive_failures = 0;
  std::optional<Tally> window;  // where a trigger asks for one; as it was when it opened
  std::uint32_t doublings = 0;
  std::uint32_t trips = 0;
  std::uint32_t overflow = 0;
  std::uint32_t late = 0;
  std::uint32_t probes_in_flight = 0;
  std::uint32_t ramp_percent = 100;  // of its share of the requests
  base::Millis retry_in = 0;
};

class Breaker {
 public:
  // Who asks for a window has to bring one. Without it, nothing is counted in it.
  Breaker(Words& words, const Options& options, WindowWords* window = nullptr)
      : words_(words), options_(options), window_(window) {}

  // The state of the machine, whatever its mode and who has forced it.
  [[nodiscard]] State state() const;

  // Whether it keeps ordinary requests out: not where it only observes, or was forced.
  [[nodiscard]] bool shut(base::Instant now) const;

  // The right to an ordinary attempt, where it is not shut. Two loads of one line.
  [[nodiscard]] std::optional<Pass> admit(base::Instant now) const;

  // The same for a peer that panic lets in: of those that are out, the ones that are held.
  [[nodiscard]] std::optional<Pass> admit_held(base::Instant now) const;

  // How much of its share of the requests it should get, in percent: less than 100 for `ramp`
  // after it closed.
  [[nodiscard]] std::uint32_t ramp_percent(base::Instant now) const;

  // The right to a probe, where one is due and a place is free. Settles overdue leases on its way,
  // and is what turns an open breaker half-open.
  Probing probe(base::Owner self, const base::Owners& owners, base::Instant now,
                base::Pcg32& random);

  // The response to `pass` has begun, and well. It keeps its place, but its deadline has lost its
  // threat, unless that has passed already.
  void answered(Pass& pass, base::Instant now);

  // The attempt of `pass` has ended.
  Report report(const Pass& pass, const Judgement& judgement, base::Instant now,
                base::Pcg32& random);

  // The steps of a trip that its service must allow. Says that `self` is about to open it,
  // unless another living process says so already or the trip is out of date.
  bool intend(const Trip& trip, base::Owner self, const base::Owners& owners);
  // Opens it. Without a result somebody else was faster.
  std::optional<Transition> open(const Trip& trip, base::Instant now, base::Pcg32& random);
  // Ends the intent of `self`.
  void withdraw(const Trip& trip, base::Owner self);
  // Counts a trip that was not allowed.
  void count_overflow() { words_.overflow.fetch_add(1, std::memory_order_relaxed); }

  // Whether it takes one of the places of max_open, or somebody is about to give it one.
  [[nodiscard]] bool held(const base::Owners& owners) const;

  // When the next probe may pass: `now` or earlier where one may now.
  [[nodiscard]] base::Instant due(const base::Owners& owners, base::Instant now) const;

  // Since when probes may pass.
  [[nodiscard]] base::Instant due_since() const;

  // The transition into this epoch is logged. Returns whether that is news.
  bool told(std::uint32_t epoch);
  // The transition into the state it is in, where nobody has logged it: its winner is about to, or
  // is dead.
  [[nodiscard]] std::optional<Transition> untold() const;

  // Lets an operator decide, until then or until told otherwise.
  void force(Forced forced) { words_.forced.store(forced.pack()); }
  // When what he has decided ends; kForever also where he has not.
  [[nodiscard]] base::Instant forced_until(base::Instant now) const;

  [[nodiscard]] View view(const base::Owners& owners, base::Instant now) const;

 private:
  struct Place {  // what a look over the leases found
    std::optional<std::uint32_t> free;
    std::optional<Judgement> verdict;  // of a lease that was overdue
    base::Instant due = 0;
  };

  [[nodiscard]] Word word() const {
    return Word::unpack(words_.word.load(std::memory_order_acquire));
  }
  [[nodiscard]] Way forced(base::Instant now) const {
    return Forced::unpack(words_.forced.load(std::memory_order_relaxed)).at(now);
  }
  [[nodiscard]] bool ramping(Word word, base::Instant now) const;
  [[nodiscard]] Window window(Word word) const {
    return {*window_, options_.window, word.epoch, word.until};
  }
  [[nodiscard]] Tally tally(Word word, base::Instant now) const {
    return window_ == nullptr ? Tally{} : window(word).tally(now);
  }

  Place find_place(std::uint32_t epoch, const base::Owners& owners, base::Instant now);
  std::optional<Transition> settle_probe(Word word, const Judgement& judgement, base::Instant now,
                                         base::Pcg32& random);
  void settle_ordinary(Word word, base::Instant now, base::Pcg32& random, Report& report);
  [[nodiscard]] std::optional<Trip> trip_of(Word word, const Judgement& judgement,
                                            base::Instant now);
  void forget_run(Word word);
  void decay(Word word, base::Instant now);
  std::uint64_t lengthen_run(std::uint32_t epoch);
  [[nodiscard]] std::uint32_t doublings_max() const;
  [[nodiscard]] base::Millis open_time(std::uint32_t doublings, base::Pcg32& random) const;
  bool replace(Word word, Word next);

  Words& words_;
  const Options& options_;
  WindowWords* window_;
};

}  // namespace kerberos::breaker
