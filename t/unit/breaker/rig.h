// SPDX-License-Identifier: MIT
//
// One breaker with a clock that is set by hand and processes that live and die at a word.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/breaker/breaker.h"
#include "core/breaker/lease.h"
#include "core/breaker/word.h"
#include "unit/cmocka.h"

// What may be there or not, as cmocka would ask for it.
#define assert_some(optional) assert_true((optional).has_value())
#define assert_none(optional) assert_false((optional).has_value())

namespace kerberos::breaker {

inline constexpr Judgement kSucceeded = {.outcome = Outcome::kSuccess, .status = 200};
inline constexpr Judgement kSlow = {.outcome = Outcome::kSuccess, .status = 200, .slow = true};
inline constexpr Judgement kNeither = {.outcome = Outcome::kNeutral};
inline constexpr Judgement kRefused = {.outcome = Outcome::kFailure,
                                       .cause = Cause::kConnectRefused};
inline constexpr Judgement kClosed = {.outcome = Outcome::kFailure, .cause = Cause::kClosed};
inline constexpr Judgement kStatus503 = {
    .outcome = Outcome::kFailure, .cause = Cause::kStatus, .status = 503};

// A client that left when the response was late already.
inline constexpr Judgement kCensored = {.cause = Cause::kClientGone, .slow = true};
inline constexpr Judgement kLimited = {.cause = Cause::kRateLimited, .status = 429};
inline constexpr Judgement kCorrelated = {.cause = Cause::kCorrelated};

// A transition that there must be.
inline Transition told(const std::optional<Transition>& transition) {
  assert_some(transition);
  return *transition;
}

struct Rig {
  // Without jitter, so that times are exact where a test is not about it.
  Options options = {.threshold = 3,
                     .timeout = 1'000,
                     .max_timeout = 1'000,
                     .jitter_percent = 0,
                     .probes = 1,
                     .successes = 1,
                     .probe_timeout = 500};
  Words words{};
  WindowWords window{};
  std::array<std::atomic<std::uint32_t>, 4> lives = {1, 1, 1, 1};
  base::Pcg32 random{1};
  base::Instant now = 1'000'000;

  Breaker breaker() { return {words, options, &window}; }
  [[nodiscard]] base::Owners owners() const { return base::Owners(lives); }
  [[nodiscard]] base::Owner owner(std::uint32_t slot) const { return {slot, lives[slot].load()}; }
  // The process in `slot` is killed, and another takes its place.
  void respawn(std::uint32_t slot) { lives[slot] += 2; }

  [[nodiscard]] Word word() const { return Word::unpack(words.word.load()); }
  State state() { return breaker().state(); }
  bool shut() { return breaker().shut(now); }
  Tally tally() { return Window(window, options.window, word().epoch, word().until).tally(now); }
  View view() { return breaker().view(owners(), now); }

  Pass admitted() {
    const auto pass = breaker().admit(now);
    assert_some(pass);
    return *pass;
  }
  Probing probe(std::uint32_t slot = 0) {
    return breaker().probe(owner(slot), owners(), now, random);
  }
  // A probe that there must be.
  Pass probing(std::uint32_t slot = 0) {
    const Probing probing = probe(slot);
    assert_some(probing.pass);
    assert_true(probing.pass->probe());
    return *probing.pass;
  }
  Report end(const Pass& pass, const Judgement& judgement) {
    return breaker().report(pass, judgement, now, random);
  }
  // The same where nobody has to be asked.
  std::optional<Transition> report(const Pass& pass, const Judgement& judgement) {
    const Report report = end(pass, judgement);
    assert_none(report.wanted);
    return report.transition;
  }
  std::optional<Transition> attempt(const Judgement& judgement) {
    return report(admitted(), judgement);
  }
  // As many, none of which decides anything.
  void attempts(int count, const Judgement& judgement) {
    for (int i = 0; i < count; ++i) assert_none(attempt(judgement));
  }
  // Fails until it opens.
  Transition trip() {
    for (std::uint32_t i = 1; i < options.threshold; ++i) assert_none(attempt(kRefused));
    return told(attempt(kRefused));
  }
  // Fails until it opens, and waits until it may be probed.
  void trip_and_wait() { now += trip().span; }
  // Opens and closes again.
  void recover() {
    trip_and_wait();
    assert_true(told(report(probing(), kSucceeded)).to == State::kClosed);
  }
};

}  // namespace kerberos::breaker
