// SPDX-License-Identifier: MIT
//
// Requests on their way through a gateway to its backends, in virtual time: an open loop, so that
// who is slow is not spared for it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "quality/backend.h"
#include "quality/tally.h"

namespace kerberos::quality {

// How the work of requests is distributed.
enum class Work : std::uint8_t { kExponential, kLognormal };

struct Scenario {
  std::string name;
  std::vector<Nature> peers;
  std::vector<std::uint32_t> weights;
  bool breaker = false;
  std::uint32_t gateways = 1;  // that share nothing but the peers
  Work work = Work::kLognormal;
  std::uint32_t keys = 100'000;  // that hash may meet
  double zipf = 0;               // how unequal they are
  Micros warm = 15 * kSecond;
  Micros measured = 120 * kSecond;
};

// What a request costs a peer that is well, on average.
inline constexpr Micros kWork = 10 * kMilli;
// What a peer that fails takes for it.
inline constexpr Micros kFailing = 1 * kMilli;
// How long a gateway waits for a response (proxy_read_timeout).
inline constexpr Micros kTimeout = 10 * kSecond;

// How many requests a second the peers of a scenario can serve together.
double capacity(const Scenario& scenario);

// One run: `load` is the share of the capacity that is asked for.
Quality run(const Scenario& scenario, const std::string& balance, double load, std::uint64_t seed);

}  // namespace kerberos::quality
