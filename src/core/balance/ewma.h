// SPDX-License-Identifier: MIT
//
// Peak EWMA: of two peers drawn by weight, the one from which a response is to be expected sooner.
// What is expected is the peer's average latency times the requests that are there before this
// one. The average jumps up with a slow response at once and comes down slowly, so a peer that
// stalls is left alone before its queue grows; that of a peer nobody asks decays, so it is asked
// again (the balancer of Twitter's Finagle, and of Linkerd).
//
// A response that is no success is written down as a very slow one. Otherwise a peer that fails
// fast would look best of all and draw everybody in.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>

#include "core/balance/load.h"
#include "core/balance/peak.h"
#include "core/balance/two_choices.h"
#include "core/base/instant.h"

namespace kerberos::balance {

// In which time an old latency loses all but 1/e of its say: Linkerd's default.
inline constexpr base::Millis kEwmaDecay = 10'000;

// As how many usual latencies of its service a response counts at least that is no success. The
// peaks of sound peers stand at ten usual latencies easily, and are multiplied by what they have in
// flight, while one that fails fast has nothing: with less than a hundred it draws requests in
// under load (t/quality, "fails"). A peer that has failed is left alone for 20 to 50 seconds so,
// however fast its service is.
inline constexpr float kEwmaPenalty = 200.0F;

// The latency to write down for a response that is no success and took so many milliseconds.
inline float ewma_penalty(float latency, float usual) {
  return std::max(latency, kEwmaPenalty * (usual + 1.0F));
}

// The cost of a peer whose latency is expected to be so many milliseconds. Clocks here know whole
// milliseconds: one is added, or nothing would tell a busy peer from an idle one below that.
inline float ewma_cost(float latency, const Load& load) {
  return (latency + 1.0F) * (load.ratio() + 1.0F);
}

// `cost(peer)` is its ewma_cost().
template <class Cost, class Take>
std::optional<std::uint32_t> ewma(const Entries& peers, base::Pcg32& dice, Cost&& cost,
                                  Take&& take) {
  return two_choices(peers, dice, cost, take);
}

}  // namespace kerberos::balance
