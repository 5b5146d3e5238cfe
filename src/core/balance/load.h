// SPDX-License-Identifier: MIT
//
// How loaded a peer is: its requests in flight, for its weight.
#pragma once

#include <bit>
#include <cstdint>

namespace kerberos::balance {

struct Load {
  std::uint64_t in_flight = 0;
  std::uint32_t weight = 1;

  // In flight / weight.
  [[nodiscard]] float ratio() const {
    return static_cast<float>(in_flight) / static_cast<float>(weight);
  }

  // The same as a number that compares alike: the bits of a float that is not negative. Two loads
  // differ in it as long as in flight * weight stays below 2^23.
  [[nodiscard]] std::uint32_t key() const { return std::bit_cast<std::uint32_t>(ratio()); }
};

}  // namespace kerberos::balance
