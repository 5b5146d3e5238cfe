// SPDX-License-Identifier: MIT
//
// The closed side: what opens a breaker, and what lets its open time shrink again.
#include <algorithm>

#include "core/breaker/breaker.h"

namespace kerberos::breaker {
namespace {

// Thresholds count half while a peer is coming back.
constexpr std::uint64_t armed(std::uint64_t threshold, bool ramping) {
  return ramping ? (threshold + 1) / 2 : threshold;
}

bool reaches(std::uint64_t part, const Tally& tally, std::uint64_t percent) {
  return part * 100 >= percent * tally.attempts;
}

}  // namespace

void Breaker::settle_ordinary(Word word, base::Instant now, base::Pcg32& random, Report& report) {
  const Judgement& judgement = report.judged;
  const bool failed = judgement.outcome == Outcome::kFailure;
  if (options_.windowed() && window_ != nullptr &&
      (judgement.outcome != Outcome::kNeutral || judgement.slow)) {
    window(word).add(now, failed, judgement.slow);
  }
  if (judgement.outcome == Outcome::kSuccess) {
    forget_run(word);
    decay(word, now);
  }
  if (!failed && !judgement.slow) return;
  const auto trip = trip_of(word, judgement, now);
  if (!trip) return;
  // Nobody listens: no cap may send requests there.
  if (options_.max_open_percent < 100 && !is_connect_failure(judgement.cause)) {
    report.wanted = trip;
  } else {
    report.transition = open(*trip, now, random);
  }
}

// Whether a trigger says that it should open now: the hard one first.
std::optional<Trip> Breaker::trip_of(Word word, const Judgement& judgement, base::Instant now) {
  const bool ramping = this->ramping(word, now);
  const bool rated = options_.failure_rate_percent != 0 || options_.slow != 0;
  Trip trip{.word = word, .last = judgement};
  if (rated) trip.tally = tally(word, now);
  if (judgement.outcome == Outcome::kFailure) {
    trip.failures = lengthen_run(word.epoch);
    if (options_.threshold != 0 && trip.failures >= armed(options_.threshold, ramping)) {
      trip.reason = Reason::kConsecutive;
      return trip;
    }
  }
  if (!rated || trip.tally.attempts < armed(options_.min_requests, ramping)) return std::nullopt;
  if (judgement.outcome == Outcome::kFailure && options_.failure_rate_percent != 0 &&
      reaches(trip.tally.failures, trip.tally, armed(options_.failure_rate_percent, ramping))) {
    trip.reason = Reason::kFailureRate;
    return trip;
  }
  if (judgement.slow &&
      reaches(trip.tally.slow, trip.tally, armed(options_.slow_rate_percent, ramping))) {
    trip.reason = Reason::kSlowRate;
    return trip;
  }
  return std::nullopt;
}

// Written only where there is something to forget: a healthy peer's run stays unshared.
void Breaker::forget_run(Word word) {
  std::uint64_t run = words_.run.load(std::memory_order_relaxed);
  while (Run::count(run, word.epoch) != 0 &&
         !words_.run.compare_exchange_weak(run, Run::pack(word.epoch, 0))) {
  }
}

// A whole window of good service, with enough requests to tell, takes one doubling back. Time
// alone takes none.
void Breaker::decay(Word word, base::Instant now) {
  std::uint32_t doublings = words_.doublings.load(std::memory_order_relaxed);
  if (doublings == 0) return;
  base::Instant since = words_.decayed_at.load(std::memory_order_relaxed);
  if (base::elapsed(std::max(since, word.until), now) < options_.window) return;
  if (tally(word, now).attempts < options_.min_requests) return;
  if (!words_.decayed_at.compare_exchange_strong(since, now)) return;
  words_.doublings.compare_exchange_strong(doublings, doublings - 1);
}

std::uint64_t Breaker::lengthen_run(std::uint32_t epoch) {
  std::uint64_t run = words_.run.load();
  std::uint64_t count = 0;
  do {
    // The epoch is over, and its successor may count already: there is nothing to lengthen.
    if (Word::unpack(words_.word.load()).epoch != epoch) return 0;
    count = Run::count(run, epoch) + 1;
  } while (!words_.run.compare_exchange_weak(run, Run::pack(epoch, count)));
  return count;
}

}  // namespace kerberos::breaker
