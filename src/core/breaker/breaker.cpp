// SPDX-License-Identifier: MIT
#include "core/breaker/breaker.h"

#include <algorithm>

#include "core/breaker/intent.h"
#include "core/breaker/lease.h"

namespace kerberos::breaker {
namespace {

// A peer that has just closed gets at least so much of its share.
constexpr std::uint32_t kRampMin = 10;

}  // namespace

State Breaker::state() const {
  return options_.mode == Mode::kOff ? State::kClosed : word().state;
}

bool Breaker::shut(base::Instant now) const {
  switch (forced(now)) {
    case Way::kOpen:
      return true;
    case Way::kClosed:
      return false;
    case Way::kNone:
      break;
  }
  return options_.mode == Mode::kEnforce && word().state != State::kClosed;
}

std::optional<Pass> Breaker::admit(base::Instant now) const {
  const Word word = this->word();
  const Way way = forced(now);
  if (way == Way::kOpen) return std::nullopt;
  if (word.state != State::kClosed && options_.mode == Mode::kEnforce && way == Way::kNone) {
    return std::nullopt;
  }
  return Pass{.epoch = word.epoch};
}

std::optional<Pass> Breaker::admit_held(base::Instant now) const {
  const Word word = this->word();
  if (!word.held || forced(now) == Way::kOpen) return std::nullopt;
  return Pass{.epoch = word.epoch};
}

base::Instant Breaker::forced_until(base::Instant now) const {
  const Forced forced = Forced::unpack(words_.forced.load());
  return forced.at(now) == Way::kNone ? Forced::kForever : forced.until;
}

bool Breaker::ramping(Word word, base::Instant now) const {
  // Epoch 0 has never been open.
  return options_.ramp != 0 && word.state == State::kClosed && word.epoch != 0 &&
         base::elapsed(word.until, now) < options_.ramp;
}

std::uint32_t Breaker::ramp_percent(base::Instant now) const {
  if (options_.ramp == 0 || options_.mode != Mode::kEnforce || forced(now) != Way::kNone) {
    return 100;
  }
  const Word word = this->word();
  if (!ramping(word, now)) return 100;
  const auto percent =
      static_cast<std::uint32_t>(base::elapsed(word.until, now) * 100 / options_.ramp);
  return std::max(kRampMin, percent);
}

Report Breaker::report(const Pass& pass, const Judgement& judgement, base::Instant now,
                       base::Pcg32& random) {
  Report report{.judged = judgement};
  bool settled = false;
  if (pass.probe()) {
    std::uint64_t expected = pass.lease;
    // Whoever freed an overdue lease has given the verdict already.
    settled = !words_.leases[pass.place].compare_exchange_strong(expected, 0);
    const Lease lease = Lease::unpack(pass.lease);
    if (now >= lease.deadline && !lease.answered) {
      report.judged.outcome = Outcome::kFailure;
      report.judged.cause = Cause::kProbeTimeout;
    }
  }
  if (options_.mode == Mode::kOff) return report;
  const Word word = Word::unpack(words_.word.load());
  if (settled || word.epoch != pass.epoch) {
    words_.late.fetch_add(1, std::memory_order_relaxed);
  } else if (pass.probe()) {
    report.transition = settle_probe(word, report.judged, now, random);
  } else if (word.state == State::kClosed) {
    settle_ordinary(word, now, random, report);
  }
  // Other attempts may pass an open breaker where nobody acts on it. They decide nothing.
  return report;
}

bool Breaker::intend(const Trip& trip, base::Owner self, const base::Owners& owners) {
  std::uint64_t bits = words_.intent.load();
  if (bits != 0) {
    const Intent standing = Intent::unpack(bits);
    if (standing.epoch == trip.word.epoch && standing.living(owners)) return false;
  }
  // After the intent, so that what stands there is no newer than the trip: an intent of the next
  // epoch is not to be wiped by a trip that is over.
  if (words_.word.load() != trip.word.pack()) return false;
  const Intent mine{.owner = self, .epoch = trip.word.epoch};
  return words_.intent.compare_exchange_strong(bits, mine.pack());
}

void Breaker::withdraw(const Trip& trip, base::Owner self) {
  std::uint64_t mine = Intent{.owner = self, .epoch = trip.word.epoch}.pack();
  words_.intent.compare_exchange_strong(mine, 0);
}

bool Breaker::held(const base::Owners& owners) const {
  // In this order: the intent, whether its owner lives, the word. Whoever acts on an intent opens
  // before ending it, and who was dead before the word is read opens no more.
  const std::uint64_t bits = words_.intent.load();
  const Intent intent = Intent::unpack(bits);
  const bool intended = bits != 0 && intent.living(owners);
  const Word word = Word::unpack(words_.word.load());
  if (word.held) return true;
  return intended && word.state == State::kClosed && intent.epoch == word.epoch;
}

std::optional<Transition> Breaker::open(const Trip& trip, base::Instant now, base::Pcg32& random) {
  const Word word = trip.word;
  const bool again = word.state == State::kHalfOpen;
  const std::uint32_t before = words_.doublings.load(std::memory_order_relaxed);
  const std::uint32_t more = again || ramping(word, now) ? 1 : 0;
  const std::uint32_t doublings = std::min(before + more, doublings_max());
  const base::Millis span = open_time(doublings, random);
  // A peer that refuses connections gives its place back to the others. One that refused them
  // and now answers badly takes none: it is out, and a failed probe is no reason to let it in.
  const bool answers = !is_connect_failure(trip.last.cause);
  const bool hold = answers && (again ? word.held : true);
  const Word next = word.next(State::kOpen, hold, now + span);
  if (!replace(word, next)) return std::nullopt;
  words_.doublings.store(doublings, std::memory_order_relaxed);
  words_.trips.fetch_add(1, std::memory_order_relaxed);
  // A response that was slow and nothing else is the cause by being slow.
  const Cause last = trip.last.cause == Cause::kNone ? Cause::kSlow : trip.last.cause;
  const std::uint16_t number =
      trip.last.cause == Cause::kGrpcStatus ? trip.last.grpc_status : trip.last.status;
  words_.why.reason.store(trip.reason, std::memory_order_relaxed);
  words_.why.last.store(last, std::memory_order_relaxed);
  words_.why.number.store(number, std::memory_order_relaxed);
  if (!again) {
    words_.opened_at.store(now, std::memory_order_relaxed);
    words_.why.failures.store(trip.failures, std::memory_order_relaxed);
    words_.why.window_attempts.store(trip.tally.attempts, std::memory_order_relaxed);
    words_.why.window_failures.store(trip.tally.failures, std::memory_order_relaxed);
    words_.why.window_slow.store(trip.tally.slow, std::memory_order_relaxed);
  }
  return Transition{.from = word.state,
                    .to = State::kOpen,
                    .reason = trip.reason,
                    .last = last,
                    .number = number,
                    .failures = trip.failures,
                    .tally = trip.tally,
                    .window = options_.window,
                    .slow = options_.slow,
                    .span = span,
                    .epoch = next.epoch,
                    .observed = options_.mode == Mode::kObserve};
}

bool Breaker::told(std::uint32_t epoch) {
  std::uint32_t last = words_.why.told.load();
  // Only forward: another transition may have been logged meanwhile.
  while (((epoch - last) & Word::kEpochMask) < Word::kEpochMask / 2 && epoch != last) {
    if (words_.why.told.compare_exchange_weak(last, epoch)) return true;
  }
  return false;
}

std::optional<Transition> Breaker::untold() const {
  const Word word = this->word();
  if (word.epoch == words_.why.told.load()) return std::nullopt;
  return Transition{.to = word.state,
                    .epoch = word.epoch,
                    .observed = options_.mode == Mode::kObserve,
                    .orphaned = true};
}

// How many doublings reach max_timeout: more would only delay the way back.
std::uint32_t Breaker::doublings_max() const {
  std::uint32_t doublings = 0;
  for (base::Millis span = options_.timeout; span < options_.max_timeout; span *= 2) ++doublings;
  return doublings;
}

base::Millis Breaker::open_time(std::uint32_t doublings, base::Pcg32& random) const {
  const base::Millis span = doublings == 0
                                ? options_.timeout
                                : std::min(options_.timeout << doublings, options_.max_timeout);
  const auto bound = static_cast<std::uint32_t>(
      std::min<base::Millis>(span * options_.jitter_percent / 100, UINT32_MAX - 1));
  return span + random.below(bound + 1);
}

bool Breaker::replace(Word word, Word next) {
  std::uint64_t expected = word.pack();
  return words_.word.compare_exchange_strong(expected, next.pack());
}

View Breaker::view(const base::Owners& owners, base::Instant now) const {
  const Word word = Word::unpack(words_.word.load());
  View view;
  view.state = options_.mode == Mode::kOff ? State::kClosed : word.state;
  view.mode = options_.mode;
  view.forced = forced(now);
  view.shut = shut(now);
  view.doublings = words_.doublings.load(std::memory_order_relaxed);
  view.trips = words_.trips.load(std::memory_order_relaxed);
  view.overflow = words_.overflow.load(std::memory_order_relaxed);
  view.late = words_.late.load(std::memory_order_relaxed);
  view.ramp_percent = ramp_percent(now);
  const bool rated = options_.failure_rate_percent != 0 || options_.slow != 0;
  for (const auto& bits : words_.leases) {
    const std::uint64_t lease = bits.load();
    if (lease != 0 && !Lease::unpack(lease).orphaned(owners)) ++view.probes_in_flight;
  }
  if (view.state == State::kClosed) {
    view.consecutive_failures = Run::count(words_.run.load(), word.epoch);
    if (rated) view.window = tally(word, now);
    return view;
  }
  view.reason = words_.why.reason.load(std::memory_order_relaxed);
  view.last = words_.why.last.load(std::memory_order_relaxed);
  view.number = words_.why.number.load(std::memory_order_relaxed);
  view.consecutive_failures = words_.why.failures.load(std::memory_order_relaxed);
  if (rated) {
    view.window = Tally{.attempts = words_.why.window_attempts.load(std::memory_order_relaxed),
                        .failures = words_.why.window_failures.load(std::memory_order_relaxed),
                        .slow = words_.why.window_slow.load(std::memory_order_relaxed)};
  }
  if (word.state == State::kOpen) view.retry_in = base::elapsed(now, word.until);
  return view;
}

}  // namespace kerberos::breaker
