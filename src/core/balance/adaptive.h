// SPDX-License-Identifier: MIT
//
// Adaptive weights: a peer that fails more or answers later than its service gets a part of its
// share, and the others by weight what it does not get.
//
//   target = 100 % * (s / S)^2 * 1.5 * (L + 1) / (l + 1),  at least 10 %, at most 100 %
//
// where s is the peer's share of successes and S the service's, l the peer's latency and L the
// service's in ms, all averages over about ten seconds. Peers within a few percent of their service
// keep all of their share: s / S counts as 1 from 0.95 on, the latencies' part is at most 1. A
// share falls to its target at once, where that is lower, and rises by ten points a second at most.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::balance {

// How far back the averages remember.
inline constexpr base::Millis kAdaptiveDecay = 10'000;

// The least share, in percent: enough to see when a peer is well again.
inline constexpr std::uint32_t kAdaptiveMin = 10;

// How long between two adjustments of a peer, and by how much it may rise in that time.
inline constexpr base::Millis kAdaptivePause = 1'000;
inline constexpr std::uint32_t kAdaptiveRise = 10;

// A peer is judged as if so many attempts before had gone as those of its service do, so that a few
// responses say little.
inline constexpr float kAdaptivePrior = 10.0F;

// What a peer or a service achieves on average.
struct Achievement {
  float errors = 0;   // share of attempts, 0 to 1
  float latency = 0;  // ms
};

// A peer's share in percent, and when that was last adjusted: percent:8 | at:56. All zero: 100 %.
struct Factor {
  static constexpr unsigned kAtBits = 56;

  std::uint32_t percent = 100;
  base::Instant at = 0;

  static constexpr Factor unpack(std::uint64_t bits) {
    if (bits == 0) return {};
    return {static_cast<std::uint32_t>(bits >> kAtBits),
            static_cast<base::Instant>(bits & ((1ULL << kAtBits) - 1))};
  }
  [[nodiscard]] constexpr std::uint64_t pack() const {
    return std::uint64_t{percent} << kAtBits | static_cast<std::uint64_t>(at);
  }
};

// The share that follows `percent`, a kAdaptivePause later.
constexpr std::uint32_t adapted(std::uint32_t percent, const Achievement& peer,
                                const Achievement& service) {
  constexpr float kSuccessTolerance = 0.95F;
  constexpr float kLatencyTolerance = 1.5F;
  // Where nobody succeeds, nobody does worse than the others.
  constexpr float kSome = 0.01F;
  const float successes = (1.0F - peer.errors + kSome) / (1.0F - service.errors + kSome);
  const float well = successes >= kSuccessTolerance ? 1.0F : successes * successes;
  const float soon =
      std::min(1.0F, kLatencyTolerance * (service.latency + 1.0F) / (peer.latency + 1.0F));
  const auto target =
      std::max(kAdaptiveMin, static_cast<std::uint32_t>(100.0F * std::max(well * soon, 0.0F)));
  return std::min(target, percent + kAdaptiveRise);
}

}  // namespace kerberos::balance
