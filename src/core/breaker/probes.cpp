// SPDX-License-Identifier: MIT
//
// The half-open side: who may probe, and what probes decide.
#include <algorithm>

#include "core/breaker/breaker.h"
#include "core/breaker/lease.h"

namespace kerberos::breaker {
namespace {

// A breaker that nobody wins in this many rounds is being won by others; their result will do.
constexpr int kRounds = 4;

}  // namespace

Probing Breaker::probe(base::Owner self, const base::Owners& owners, base::Instant now,
                       base::Pcg32& random) {
  Probing result;
  if (options_.mode == Mode::kOff || forced(now) != Way::kNone) {
    result.due = due(owners, now);
    return result;
  }
  // One transition a call: a second would take the place of the first in the result.
  for (int round = 0; round < kRounds && !result.transition; ++round) {
    Word word = Word::unpack(words_.word.load());
    if (word.state == State::kClosed) return result;
    if (word.state == State::kOpen) {
      result.due = word.until;
      if (now < word.until) return result;
      const Word half_open = word.next(State::kHalfOpen, word.held, now);
      if (!replace(word, half_open)) continue;
      result.transition = Transition{.from = State::kOpen,
                                     .to = State::kHalfOpen,
                                     .epoch = half_open.epoch,
                                     .observed = options_.mode == Mode::kObserve};
      word = half_open;
    }
    const Place place = find_place(word.epoch, owners, now);
    if (place.verdict) {
      if (const auto verdict = settle_probe(word, *place.verdict, now, random)) {
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
        place.verdict =
            lease.answered ? Judgement{.outcome = Outcome::kSuccess}
                           : Judgement{.outcome = Outcome::kFailure, .cause = Cause::kProbeTimeout};
        return place;
      }
    }
    if (!place.free) place.free = i;
  }
  if (taken >= options_.probes) place.free.reset();
  return place;
}

void Breaker::answered(Pass& pass, base::Instant now) {
  if (!pass.probe() || now >= Lease::unpack(pass.lease).deadline) return;
  std::uint64_t expected = pass.lease;
  const std::uint64_t marked = pass.lease | Lease::kAnsweredBit;
  if (words_.leases[pass.place].compare_exchange_strong(expected, marked)) pass.lease = marked;
}

std::optional<Transition> Breaker::settle_probe(Word word, const Judgement& judgement,
                                                base::Instant now, base::Pcg32& random) {
  if (word.state != State::kHalfOpen) return std::nullopt;
  if (judgement.fails_probe()) {
    return open({.word = word, .reason = Reason::kProbe, .last = judgement, .failures = 1}, now,
                random);
  }
  if (judgement.outcome == Outcome::kNeutral) return std::nullopt;
  if (lengthen_run(word.epoch) < options_.successes) return std::nullopt;
  const base::Instant opened_at = words_.opened_at.load(std::memory_order_relaxed);
  const Word closed = word.next(State::kClosed, false, now);
  if (!replace(word, closed)) return std::nullopt;
  return Transition{.from = State::kHalfOpen,
                    .to = State::kClosed,
                    .span = base::elapsed(opened_at, now),
                    .epoch = closed.epoch,
                    .observed = options_.mode == Mode::kObserve};
}

base::Instant Breaker::due(const base::Owners& owners, base::Instant now) const {
  const Forced forced = Forced::unpack(words_.forced.load());
  if (forced.at(now) != Way::kNone) return forced.until;
  const Word word = Word::unpack(words_.word.load());
  if (word.state == State::kClosed) return now;
  if (word.state == State::kOpen) return word.until;
  base::Instant first = 0;
  std::uint32_t taken = 0;
  for (const auto& bits : words_.leases) {
    const Lease lease = Lease::unpack(bits.load());
    if (bits.load() == 0) continue;
    if (lease.orphaned(owners) || lease.deadline <= now) return word.until;
    first = first == 0 ? lease.deadline : std::min(first, lease.deadline);
    ++taken;
  }
  return taken < options_.probes ? word.until : first;
}

base::Instant Breaker::due_since() const {
  return word().until;
}

}  // namespace kerberos::breaker
