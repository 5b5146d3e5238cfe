// SPDX-License-Identifier: MIT
//
// All chance in a simulated world comes from here, and so from its seed.
#pragma once

#include <cstdint>

#include "core/base/instant.h"
#include "core/base/random.h"

namespace kerberos::sim {

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

  std::uint64_t seed() { return std::uint64_t{random_.next()} << 32U | random_.next(); }
  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }
  bool chance(std::uint32_t percent) { return below(100) < percent; }

  // From `least` to `most`, both included.
  std::uint32_t number(std::uint32_t least, std::uint32_t most) {
    return least + below(most - least + 1);
  }
  base::Millis span(base::Millis least, base::Millis most) {
    return least + random_.below(static_cast<std::uint32_t>(most - least + 1));
  }
  // The same, but as often in each power of two: short ones are frequent, long ones happen.
  base::Millis scaled(base::Millis least, base::Millis most) {
    base::Millis high = least;
    while (high < most && chance(60)) high *= 2;
    return span(least, high < most ? high : most);
  }

 private:
  base::Pcg32 random_;
};

}  // namespace kerberos::sim
