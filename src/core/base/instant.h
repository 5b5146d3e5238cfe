// SPDX-License-Identifier: MIT
//
// Time as the core knows it: milliseconds on one monotonic clock that every process of a
// machine shares. The core never reads a clock, it is told.
//
// Processes cache their clocks, so one may be told an instant a little before what another has
// already written. Whoever subtracts uses elapsed(), which never goes below zero.
#pragma once

#include <cstdint>

namespace kerberos::base {

using Millis = std::int64_t;   // a span of time
using Instant = std::int64_t;  // a point in time, in ms since the clock's own zero

// Milliseconds from `since` to `now`, 0 where the clock seems to have stepped back.
constexpr Millis elapsed(Instant since, Instant now) {
  return now > since ? now - since : 0;
}

}  // namespace kerberos::base
