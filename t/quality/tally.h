// SPDX-License-Identifier: MIT
//
// What is counted of a run, and what that comes to.
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "quality/backend.h"

namespace kerberos::quality {

struct Quality {
  std::uint64_t requests = 0;
  double errors = 0;                            // share of the requests that a client saw fail
  double mean = 0, p50 = 0, p99 = 0, p999 = 0;  // ms, of the responses that are no fast failure
  double share_max = 0, share_rms = 0;  // how far a peer's requests are off its weight's share
  double requests_peak = 0;             // the most requests of a peer, by the average
  double in_flight_peak = 0;            // the most in flight, by the average, at most instants
  double in_flight_most = 0;            // and at any
};

class Tally {
 public:
  explicit Tally(std::vector<std::uint32_t> weights)
      : weights_(std::move(weights)), picks_(weights_.size()) {}

  void picked(std::uint32_t peer) { ++picks_[peer]; }

  // A client has seen this status, so long after it asked.
  void ended(int status, Micros took);

  // How unequal the backends are loaded at this moment.
  void look(std::span<const std::uint32_t> in_flight);

  Quality result();

 private:
  double quantile(double q);

  std::vector<std::uint32_t> weights_;
  std::vector<std::uint64_t> picks_;
  std::vector<double> times_, peaks_;
  std::uint64_t requests_ = 0, errors_ = 0;
};

}  // namespace kerberos::quality
