// SPDX-License-Identifier: MIT
//
// One breaker that a crew has in common, and the transitions that its members were told.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>

#include "core/breaker/breaker.h"
#include "crew.h"

namespace kerberos::breaker {

inline constexpr Judgement kSucceeded = {.outcome = Outcome::kSuccess};
inline constexpr Judgement kNeither = {.outcome = Outcome::kNeutral};
inline constexpr Judgement kFailed = {.outcome = Outcome::kFailure,
                                      .cause = Cause::kConnectRefused};

struct Shared {
  explicit Shared(const Options& all) : options(all) {
    for (auto& life : lives) life = 1;
  }
  Options options;
  Words words{};
  WindowWords window{};
  std::array<std::atomic<std::uint32_t>, kCrew> lives;

  // What the test counts by itself.
  std::atomic<std::uint64_t> opened = 0;
  std::atomic<std::uint64_t> reopened = 0;
  std::atomic<std::uint64_t> half_opened = 0;
  std::atomic<std::uint64_t> closed = 0;
  std::atomic<std::uint64_t> nonsense = 0;
  std::atomic<bool> stuck = false;

  void count(const std::optional<Transition>& transition) {
    if (!transition) return;
    const State from = transition->from;
    const State to = transition->to;
    if (from == State::kClosed && to == State::kOpen) {
      ++opened;
    } else if (from == State::kHalfOpen && to == State::kOpen) {
      ++reopened;
    } else if (from == State::kOpen && to == State::kHalfOpen) {
      ++half_opened;
    } else if (from == State::kHalfOpen && to == State::kClosed) {
      ++closed;
    } else {
      ++nonsense;
    }
  }
};

}  // namespace kerberos::breaker
