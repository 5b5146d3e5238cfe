// SPDX-License-Identifier: MIT
//
// What an operator may say about a breaker, checked and complete.
#pragma once

#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::breaker {

inline constexpr std::uint32_t kProbesMax = 8;

struct Options {
  bool enabled = true;                 // off: every attempt is admitted, nothing is judged
  std::uint32_t threshold = 5;         // consecutive failures that open it; 0: this trigger is off
  base::Millis timeout = 30'000;       // how long it stays open before probes may pass
  base::Millis max_timeout = 30'000;   // each failed probe doubles the open time up to this
  std::uint32_t jitter_percent = 10;   // each open time is up to this much longer
  std::uint32_t probes = 1;            // probes in flight at once, 1 to kProbesMax
  std::uint32_t successes = 1;         // consecutive successful probes that close it
  base::Millis probe_timeout = 5'000;  // a probe without an answer by then has failed
};

}  // namespace kerberos::breaker
