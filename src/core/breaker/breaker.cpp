// SPDX-License-Identifier: MIT
#include "core/breaker/breaker.h"

#include <algorithm>

#include "core/breaker/lease.h"

namespace kerberos::breaker {
namespace {

// A breaker that nobody wins in this many rounds is being won by others; their result will do.
constexpr int kRounds = 4;

constexpr std::uint32_t kDoublingsMax = 30;

}  // namespace

State Breaker::state() const {
  if (!options_.enabled) return State::kClosed;
  return Word::unpack(words_.word.load(std::memory_order_acquire)).state;
}

std::optional<Pass> Breaker::admit() const {
  const Word word = Word::unpack(words_.word.load(std::memory_order_acquire));
  if (word.state != State::kClosed && options_.enabled) return std::nullopt;
  return Pass{.epoch = word.epoch};
}

Probing Breaker::probe(base::Owner self, const base::Owners& owners, base::Instant now,
                       base::Pcg32& random) {
  Probing result;
  if (!options_.enabled) return result;
  for (int round = 0; round < kRounds; ++round) {
    Word word = Word::unpack(words_.word.load());
    if (word.state == State::kClosed) return result;
    if (word.state == State::kOpen) {
      result.due = word.until;
      // One transition a call: a second would take the place of the first in the result.
      if (now < word.until || result.transition) return result;
      const Word half_open = word.next(State::kHalfOpen, now);
      if (!replace(word, half_open)) continue;
      result.transition = Transition{.from = State::kOpen, .to = State::kHalfOpen};
      word = half_open;
    }
    const Place place = find_place(word.epoch, owners, now);
    if (place.verdict) {
      if (const auto verdict = settle(word, *place.verdict, now, random)) {
        result.transition = verdict;
        result.due = due(owners, now);
        return result;
      }
      continue;
    }
    result.due = place.due;
    if (!place.free) return result;
    // A process whose clock is behind must not grant a lease that is overdue at birth.
    const base::Instant from = std::max(now, word.until);
    const Lease lease{
        .owner = self, .epoch = word.epoch, .deadline = from + options_.probe_timeout};
    std::uint64_t expected = 0;
    if (!words_.leases[*place.free].compare_exchange_strong(expected, lease.pack())) continue;
    const Pass pass{.epoch = word.epoch, .place = *place.free, .lease = lease.pack()};
    // The verdict may have fallen while the place was being taken.
    if (words_.word.load() == word.pack()) {
      result.pass = pass;
      return result;
    }
    expected = pass.lease;
    words_.leases[pass.place].compare_exchange_strong(expected, 0);
  }
  return result;
}

// Finds a free place and frees what is orphaned or overdue. Places beyond `probes` are looked at
// too: the option may have been lowered while leases were out.
Breaker::Place Breaker::find_place(std::uint32_t epoch, const base::Owners& owners,
                                   base::Instant now) {
  Place place;
  std::uint32_t taken = 0;
  for (std::uint32_t i = 0; i < kProbesMax; ++i) {
    std::uint64_t bits = words_.leases[i].load();
    if (bits != 0) {
      const Lease lease = Lease::unpack(bits);
      const bool orphaned = lease.orphaned(owners);
      if (!orphaned && now < lease.deadline) {
        ++taken;
        place.due = place.due == 0 ? lease.deadline : std::min(place.due, lease.deadline);
        continue;
      }
      if (!words_.leases[i].compare_exchange_strong(bits, 0)) {
        ++taken;  // by somebody else, this very moment
        continue;
      }
      if (!orphaned && lease.epoch == (epoch & Lease::kEpochMask)) {
        place.verdict = lease.answered ? Judgement{Outcome::kSuccess}
                                       : Judgement{Outcome::kFailure, Cause::kProbeTimeout};
        return place;
      }
    }
    if (!place.free) place.free = i;
  }
  if (taken >= options_.probes) place.free.reset();
  return place;
}

void Breaker::answered(Pass& pass) {
  if (!pass.probe()) return;
  std::uint64_t expected = pass.lease;
  const std::uint64_t marked = pass.lease | Lease::kAnsweredBit;
  if (words_.leases[pass.place].compare_exchange_strong(expected, marked)) pass.lease = marked;
}

std::optional<Transition> Breaker::report(const Pass& pass, const Judgement& judgement,
                                          base::Instant now, base::Pcg32& random) {
  Judgement verdict = judgement;
  if (pass.probe()) {
    std::uint64_t expected = pass.lease;
    // Whoever freed an overdue lease has given the verdict already.
    if (!words_.leases[pass.place].compare_exchange_strong(expected, 0)) return std::nullopt;
    const Lease lease = Lease::unpack(pass.lease);
    if (now >= lease.deadline && !lease.answered) {
      verdict = {Outcome::kFailure, Cause::kProbeTimeout};
    }
  }
  if (!options_.enabled) return std::nullopt;
  const Word word = Word::unpack(words_.word.load());
  if (word.epoch != pass.epoch) return std::nullopt;  // late
  return settle(word, verdict, now, random);
}

std::optional<Transition> Breaker::settle(Word word, const Judgement& judgement, base::Instant now,
                                          base::Pcg32& random) {
  switch (judgement.outcome) {
    case Outcome::kNeutral:
      return std::nullopt;
    case Outcome::kSuccess:
      return count_success(word, now);
    case Outcome::kFailure:
      return count_failure(word, judgement, now, random);
  }
  return std::nullopt;
}

std::optional<Transition> Breaker::count_failure(Word word, const Judgement& judgement,
                                                 base::Instant now, base::Pcg32& random) {
  if (word.state == State::kHalfOpen) {
    return open(word, Reason::kProbe, 1, judgement, now, random);
  }
  if (word.state != State::kClosed) return std::nullopt;
  const std::uint64_t failures = lengthen_run(word.epoch);
  if (options_.threshold == 0 || failures < options_.threshold) return std::nullopt;
  return open(word, Reason::kConsecutive, failures, judgement, now, random);
}

std::optional<Transition> Breaker::count_success(Word word, base::Instant now) {
  if (word.state == State::kClosed) {
    // Written only where there is something to forget: a healthy peer's run stays unshared.
    std::uint64_t run = words_.run.load(std::memory_order_relaxed);
    if (Run::count(run, word.epoch) != 0) {
      words_.run.compare_exchange_strong(run, Run::pack(word.epoch, 0));
    }
    return std::nullopt;
  }
  if (word.state != State::kHalfOpen) return std::nullopt;
  if (lengthen_run(word.epoch) < options_.successes) return std::nullopt;
  const base::Instant opened_at = words_.opened_at.load(std::memory_order_relaxed);
  if (!replace(word, word.next(State::kClosed, now))) return std::nullopt;
  return Transition{
      .from = State::kHalfOpen, .to = State::kClosed, .span = base::elapsed(opened_at, now)};
}

std::optional<Transition> Breaker::open(Word word, Reason reason, std::uint64_t failures,
                                        const Judgement& judgement, base::Instant now,
                                        base::Pcg32& random) {
  const bool again = word.state == State::kHalfOpen;
  const std::uint32_t before = words_.doublings.load(std::memory_order_relaxed);
  const std::uint32_t doublings = again ? std::min(before + 1, kDoublingsMax) : 0;
  const base::Millis span = open_time(doublings, random);
  if (!replace(word, word.next(State::kOpen, now + span))) return std::nullopt;
  words_.doublings.store(doublings, std::memory_order_relaxed);
  words_.trips.fetch_add(1, std::memory_order_relaxed);
  words_.reason.store(reason, std::memory_order_relaxed);
  if (!again) {
    words_.opened_at.store(now, std::memory_order_relaxed);
    words_.failures.store(failures, std::memory_order_relaxed);
  }
  return Transition{.from = word.state,
                    .to = State::kOpen,
                    .reason = reason,
                    .last = judgement.cause,
                    .status = judgement.status,
                    .failures = failures,
                    .span = span};
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

base::Millis Breaker::open_time(std::uint32_t doublings, base::Pcg32& random) const {
  const base::Millis longest = std::max(options_.max_timeout, options_.timeout);
  base::Millis span = options_.timeout;
  for (std::uint32_t i = 0; i < doublings && span < longest; ++i) span *= 2;
  span = std::min(span, longest);
  const auto bound = static_cast<std::uint32_t>(
      std::min<base::Millis>(span * options_.jitter_percent / 100, UINT32_MAX - 1));
  return span + random.below(bound + 1);
}

bool Breaker::replace(Word word, Word next) {
  std::uint64_t expected = word.pack();
  return words_.word.compare_exchange_strong(expected, next.pack());
}

base::Instant Breaker::due(const base::Owners& owners, base::Instant now) const {
  const Word word = Word::unpack(words_.word.load());
  if (word.state == State::kClosed) return now;
  if (word.state == State::kOpen) return word.until;
  base::Instant first = 0;
  std::uint32_t taken = 0;
  for (const auto& bits : words_.leases) {
    const Lease lease = Lease::unpack(bits.load());
    if (bits.load() == 0) continue;
    if (lease.orphaned(owners) || lease.deadline <= now) return now;
    first = first == 0 ? lease.deadline : std::min(first, lease.deadline);
    ++taken;
  }
  return taken < options_.probes ? now : first;
}

View Breaker::view(const base::Owners& owners, base::Instant now) const {
  const Word word = Word::unpack(words_.word.load());
  View view;
  view.state = options_.enabled ? word.state : State::kClosed;
  view.trips = words_.trips.load(std::memory_order_relaxed);
  for (const auto& bits : words_.leases) {
    const std::uint64_t lease = bits.load();
    if (lease != 0 && !Lease::unpack(lease).orphaned(owners)) ++view.probes_in_flight;
  }
  if (view.state == State::kClosed) {
    view.consecutive_failures = Run::count(words_.run.load(), word.epoch);
    return view;
  }
  view.reason = words_.reason.load(std::memory_order_relaxed);
  view.consecutive_failures = words_.failures.load(std::memory_order_relaxed);
  if (word.state == State::kOpen) view.retry_in = base::elapsed(now, word.until);
  return view;
}

}  // namespace kerberos::breaker
