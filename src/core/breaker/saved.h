// SPDX-License-Identifier: MIT
//
// What a breaker should still know after a restart: that it is open and why, how long it waits, how
// often it has opened, what an operator has decided.
//
// Failures in a row and the window are left behind. They change with every attempt, so that keeping
// them would mean to write all the time, and what is lost with them is less than one more trip.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/instant.h"
#include "core/breaker/breaker.h"

namespace kerberos::breaker {

struct Saved {
  // More doublings than any open time has.
  static constexpr std::uint32_t kDoublingsMax = 64;

  State state = State::kClosed;
  bool held = false;
  base::Instant until = 0;  // as in Word
  base::Instant opened_at = 0;
  std::uint32_t doublings = 0;
  std::uint32_t trips = 0;
  Forced forced = {};
  // Why it is not closed.
  Reason reason = Reason::kNone;
  Cause last = Cause::kNone;
  std::uint16_t number = 0;
  std::uint64_t failures = 0;
  Tally tally = {};
};

// Nothing where a breaker has never opened and nobody has decided over it. Read while others write:
// what a transition changes meanwhile, the next look finds.
std::optional<Saved> save(const Words& words, base::Instant now);

// Differs where what save() finds does, but for what passes by itself.
std::uint64_t mark_of(const Words& words);

// Puts it into words that nobody has used. One that was open stays so for as long as it was to be,
// and at most as long as its options would have it; one whose time has passed meanwhile, or that
// was being probed, is open and due now. Epochs start anew, and the transition into this state
// counts as logged.
void restore(Words& words, const Saved& saved, const Options& options, base::Instant now);

}  // namespace kerberos::breaker
