// SPDX-License-Identifier: MIT
//
// How peers behave: each machine follows a script of its own, phase after phase, whatever the
// gateway makes of it.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/instant.h"
#include "core/breaker/outcome.h"
#include "sim/dice.h"

namespace kerberos::sim {

enum class Conduct : std::uint8_t {
  kHealthy,
  kRefusing,    // nobody listens
  kMute,        // connections come about never, or not in time
  kBadTls,      // or fail in their handshake
  kErrors,      // some answers are 500
  kFlapping,    // well for a while, broken for a while
  kSlow,        // answers late
  kHanging,     // answers never
  kCutting,     // closes or resets before its response, or answers nonsense
  kTruncating,  // breaks off its bodies
  kLimiting,    // says that it has enough
  kRecovering,  // fails less and less
};
inline constexpr std::uint32_t kConducts = 12;

// A request that breaks whoever it is sent to.
enum class Poison : std::uint8_t { kNone, kClosed, kReset, kHang, kNonsense };

// How an attempt will go if nobody interferes, in milliseconds from its start.
struct Fate {
  breaker::Evidence evidence;
  base::Millis header = -1;  // the response begins; -1: never
  base::Millis end = 0;
};

class Machine {
 public:
  // One of `trouble` percent is ever in trouble; the others are always well.
  Machine(std::uint64_t seed, std::uint32_t trouble);

  Fate serve(base::Instant now, Poison poison, Dice& dice);

  // Is well from now on.
  void heal() { healed_ = true; }

 private:
  struct Phase {
    Conduct conduct = Conduct::kHealthy;
    base::Instant begin = 0;
    base::Instant end = 0;
    std::uint32_t percent = 0;  // of the answers that are bad
    base::Millis period = 1;    // of flapping
  };

  const Phase& phase(base::Instant now);

  Dice dice_;
  Phase phase_;
  bool troubled_;
  bool healed_ = false;
  base::Millis latency_;
};

}  // namespace kerberos::sim
