// SPDX-License-Identifier: MIT
#include "core/breaker/saved.h"

#include <algorithm>

namespace kerberos::breaker {
namespace {

constexpr auto kRelaxed = std::memory_order_relaxed;

// The longest open time that the options know.
base::Millis longest(const Options& options) {
  const base::Millis span = std::max(options.timeout, options.max_timeout);
  return span + span * options.jitter_percent / 100;
}

// The state it comes back in: the first epoch of a life, or none where there is nothing to tell.
Word restored_word(const Saved& saved, const Options& options, base::Instant now) {
  switch (saved.state) {
    case State::kOpen:
      return {.state = State::kOpen,
              .held = saved.held,
              .epoch = 1,
              .until = std::clamp(saved.until, now, now + longest(options))};
    case State::kHalfOpen:
      return {.state = State::kOpen, .held = saved.held, .epoch = 1, .until = now};
    case State::kClosed:
      break;
  }
  // That it was ever open matters as long as it comes back.
  const base::Instant since = std::min(saved.until, now);
  if (options.ramp == 0 || base::elapsed(since, now) >= options.ramp) return {};
  return {.epoch = 1, .until = std::max<base::Instant>(0, since)};
}

}  // namespace

std::optional<Saved> save(const Words& words, base::Instant now) {
  const Word word = Word::unpack(words.word.load(std::memory_order_acquire));
  Forced forced = Forced::unpack(words.forced.load(kRelaxed));
  if (forced.at(now) == Way::kNone) forced = {};
  Saved saved{.state = word.state,
              .held = word.held,
              .until = word.until,
              .opened_at = words.opened_at.load(kRelaxed),
              .doublings = words.doublings.load(kRelaxed),
              .trips = words.trips.load(kRelaxed),
              .forced = forced};
  if (word.state == State::kClosed) {
    if (saved.trips == 0 && forced.way == Way::kNone) return std::nullopt;
    return saved;
  }
  saved.reason = words.why.reason.load(kRelaxed);
  saved.last = words.why.last.load(kRelaxed);
  saved.number = words.why.number.load(kRelaxed);
  saved.failures = words.why.failures.load(kRelaxed);
  saved.tally = {.attempts = words.why.window_attempts.load(kRelaxed),
                 .failures = words.why.window_failures.load(kRelaxed),
                 .slow = words.why.window_slow.load(kRelaxed)};
  return saved;
}

std::uint64_t mark_of(const Words& words) {
  constexpr std::uint64_t kPrime = 0x100000001b3;  // of FNV-1a, as good as any
  std::uint64_t mark = words.word.load(kRelaxed);
  mark = mark * kPrime ^ words.forced.load(kRelaxed);
  mark = mark * kPrime ^ words.doublings.load(kRelaxed);
  mark = mark * kPrime ^ words.trips.load(kRelaxed);
  return mark;
}

void restore(Words& words, const Saved& saved, const Options& options, base::Instant now) {
  const Word word = restored_word(saved, options, now);
  words.opened_at.store(std::min(saved.opened_at, now), kRelaxed);
  words.doublings.store(std::min(saved.doublings, Saved::kDoublingsMax), kRelaxed);
  words.trips.store(saved.trips, kRelaxed);
  words.why.reason.store(saved.reason, kRelaxed);
  words.why.last.store(saved.last, kRelaxed);
  words.why.number.store(saved.number, kRelaxed);
  words.why.failures.store(saved.failures, kRelaxed);
  words.why.window_attempts.store(saved.tally.attempts, kRelaxed);
  words.why.window_failures.store(saved.tally.failures, kRelaxed);
  words.why.window_slow.store(saved.tally.slow, kRelaxed);
  words.why.told.store(word.epoch, kRelaxed);
  words.forced.store(saved.forced.at(now) == Way::kNone ? 0 : saved.forced.pack(), kRelaxed);
  words.word.store(word.pack(), std::memory_order_release);
}

}  // namespace kerberos::breaker
