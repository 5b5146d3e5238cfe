// SPDX-License-Identifier: MIT
//
// All chance of an experiment, from its seed.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/random.h"

namespace kerberos::quality {

class Chance {
 public:
  explicit Chance(std::uint64_t seed) : random_(seed * 0x9e3779b97f4a7c15ULL + 1) {}

  std::uint32_t below(std::uint32_t bound) { return random_.below(bound); }

  // Above 0, at most 1.
  double uniform() {
    const std::uint64_t bits = std::uint64_t{random_.next()} << 21U ^ random_.next() >> 11U;
    return static_cast<double>(bits + 1) / 9007199254740992.0;
  }
  double exponential(double mean) { return -mean * std::log(uniform()); }

  // Of that mean, its logarithm with a standard deviation of 1: one in a hundred takes longer than
  // six times the mean.
  double lognormal(double mean) {
    const double angle = 2 * 3.14159265358979323846 * uniform();
    const double normal = std::sqrt(-2 * std::log(uniform())) * std::cos(angle);
    return mean * std::exp(normal - 0.5);
  }

 private:
  base::Pcg32 random_;
};

// Keys from 0 on, the k-th as often as 1 / (k + 1)^exponent; exponent 0: all equally often.
class Keys {
 public:
  Keys(std::uint32_t count, double exponent) : sums_(count) {
    double sum = 0;
    for (std::uint32_t k = 0; k < count; ++k) sums_[k] = sum += std::pow(k + 1.0, -exponent);
  }
  std::uint32_t draw(Chance& chance) const {
    const double at = chance.uniform() * sums_.back();
    const auto found = std::lower_bound(sums_.begin(), sums_.end(), at);
    return static_cast<std::uint32_t>(std::min<std::ptrdiff_t>(
        found - sums_.begin(), static_cast<std::ptrdiff_t>(sums_.size()) - 1));
  }
  // The share of all requests that the k-th key has.
  [[nodiscard]] double share(std::uint32_t k) const {
    return (sums_[k] - (k == 0 ? 0 : sums_[k - 1])) / sums_.back();
  }

 private:
  std::vector<double> sums_;
};

}  // namespace kerberos::quality
