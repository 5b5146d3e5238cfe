// SPDX-License-Identifier: MIT
//
// The average of recent samples, each of which counts the less the older it is: exp(-age / tau).
// It is the sum of so weighted samples over the sum of their weights, so samples that come in a
// burst, or close behind one another, count as much as those that come alone. Beyond 4095 samples
// the latest count a little more than their age says.
//
// It is one word of shared memory: the mean (a float, 32 bit) | the sum of weights, in sixteenths
// (16 bit) | the stamp of the last sample, in 128 ms modulo 2.3 hours (16 bit). Several processes
// add to it: each sample is one compare-and-swap, and no reader ever sees half of one. All zero:
// nothing is known.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <optional>

#include "core/balance/sample.h"
#include "core/base/instant.h"

namespace kerberos::balance {

class Average {
 public:
  explicit Average(std::atomic<std::uint64_t>& word) : word_(word) {}

  [[nodiscard]] std::optional<float> value() const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return std::nullopt;
    return mean_of(word);
  }

  // The mean as far as it is known: as if `prior` samples had said `usual` before.
  [[nodiscard]] float value(float usual, float prior) const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return usual;
    const float weight = weight_of(word);
    return (mean_of(word) * weight + usual * prior) / (weight + prior);
  }

  // A sample is finite and not negative; any other is dropped.
  void add(float sample, base::Instant now, base::Millis tau) {
    add_sample(word_, sample, [&](std::uint64_t word) { return next(word, sample, now, tau); });
  }

 private:
  static constexpr unsigned kStampBits = 16;
  static constexpr unsigned kWeightBits = 16;
  static constexpr std::uint32_t kStampMask = (1U << kStampBits) - 1;
  static constexpr float kWeightUnit = 16.0F;
  static constexpr float kWeightMax = static_cast<float>((1U << kWeightBits) - 1) / kWeightUnit;
  static constexpr base::Millis kStampUnit = 128;
  // How far the clock of one process may be behind that of another, in stamps: a minute.
  static constexpr std::uint32_t kBehind = 60'000 / kStampUnit;

  static float mean_of(std::uint64_t word) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32U));
  }
  static float weight_of(std::uint64_t word) {
    return static_cast<float>(static_cast<std::uint32_t>(word) >> kStampBits) / kWeightUnit;
  }

  static std::uint64_t next(std::uint64_t word, float sample, base::Instant now, base::Millis tau) {
    auto stamp = static_cast<std::uint32_t>(now / kStampUnit) & kStampMask;
    const auto last = static_cast<std::uint32_t>(word) & kStampMask;
    std::uint32_t since = (stamp - last) & kStampMask;
    if (word != 0 && since > kStampMask - kBehind) {
      since = 0;
      stamp = last;  // it does not go back, or the same time would count twice
    }
    const float age = static_cast<float>(since) * static_cast<float>(kStampUnit);
    const float before = weight_of(word) * std::exp(-age / static_cast<float>(tau));
    const float weight = std::min(before + 1.0F, kWeightMax);
    const float mean = word == 0 ? sample : mean_of(word) + (sample - mean_of(word)) / weight;
    const auto sixteenths = static_cast<std::uint32_t>(std::lround(weight * kWeightUnit));
    return std::uint64_t{std::bit_cast<std::uint32_t>(mean)} << 32U | sixteenths << kStampBits |
           stamp;
  }

  std::atomic<std::uint64_t>& word_;
};

}  // namespace kerberos::balance
