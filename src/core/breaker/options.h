// SPDX-License-Identifier: MIT
//
// What an operator may say about a breaker, checked and complete.
#pragma once

#include <cstdint>

#include "core/base/instant.h"
#include "core/breaker/failure_on.h"

namespace kerberos::breaker {

inline constexpr std::uint32_t kProbesMax = 8;

enum class Mode : std::uint8_t {
  kEnforce,
  kObserve,  // every transition is computed, logged and reported, and none is acted on
  kOff,      // nothing is judged
};

struct Options {
  Mode mode = Mode::kEnforce;
  FailureOn failure_on = default_failure_on();

  // What opens it. A trigger of 0 is off.
  std::uint32_t threshold = 5;             // consecutive failures
  std::uint32_t failure_rate_percent = 0;  // share of the window's attempts that failed
  base::Millis slow = 0;                   // a response header that takes longer is slow
  std::uint32_t slow_rate_percent = 80;    // share of the window's attempts that were slow
  base::Millis window = 10'000;            // what both shares are of
  std::uint32_t min_requests = 20;         // and how many attempts it must hold

  // How long it stays open.
  base::Millis timeout = 30'000;      // before probes may pass
  base::Millis max_timeout = 30'000;  // each failed probe doubles the open time up to this
  std::uint32_t jitter_percent = 10;  // each open time is up to this much longer

  // How it recovers.
  std::uint32_t probes = 1;            // probes in flight at once, 1 to kProbesMax
  std::uint32_t successes = 1;         // consecutive successful probes that close it
  base::Millis probe_timeout = 5'000;  // a probe without an answer by then has failed
  base::Millis probe_grace = 2'000;    // so long it waits for a request that can be replayed
  base::Millis ramp = 0;               // after closing, traffic returns over this time

  // What it may do to its service.
  std::uint32_t max_open_percent = 100;  // share of the peers that failures after connect hold open
  std::uint32_t panic_percent = 0;       // below this share, peers that are so held serve again

  // Whether anything asks for the window.
  [[nodiscard]] bool windowed() const {
    return failure_rate_percent != 0 || slow != 0 || max_timeout > timeout;
  }

  bool operator==(const Options&) const = default;
};

}  // namespace kerberos::breaker
