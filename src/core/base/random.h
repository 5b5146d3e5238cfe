// SPDX-License-Identifier: MIT
//
// A small random generator that is passed by reference to whatever draws, so that a simulation
// can replay it from its seed. PCG-XSH-RR 64/32 (M. O'Neill, "PCG: A Family of Simple Fast
// Space-Efficient Statistically Good Algorithms for Random Number Generation", 2014).
#pragma once

#include <cstdint>

namespace kerberos::base {

class Pcg32 {
 public:
  explicit Pcg32(std::uint64_t seed) : state_(seed + kIncrement) { next(); }

  // A uniform 32-bit number.
  std::uint32_t next() {
    const std::uint64_t old = state_;
    state_ = old * 6364136223846793005ULL + kIncrement;
    const auto shifted = static_cast<std::uint32_t>(((old >> 18U) ^ old) >> 27U);
    const auto turn = static_cast<std::uint32_t>(old >> 59U);
    return (shifted >> turn) | (shifted << ((32U - turn) & 31U));
  }

  // A number from 0 to bound - 1; 0 for a bound of 0. Its bias, bound / 2^32, is of no
  // consequence for jitter and choices among peers.
  std::uint32_t below(std::uint32_t bound) {
    return static_cast<std::uint32_t>((static_cast<std::uint64_t>(next()) * bound) >> 32U);
  }

 private:
  static constexpr std::uint64_t kIncrement = 1442695040888963407ULL;
  std::uint64_t state_;
};

}  // namespace kerberos::base
