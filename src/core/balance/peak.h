// SPDX-License-Identifier: MIT
//
// An average that believes what gets worse faster than what gets better: it jumps up to a larger
// sample at once, and comes down by a share of 1 - exp(-dt / tau) of the way with each smaller one,
// dt being the time since the sample before (the peak EWMA of Twitter's Finagle).
//
// It is one word of shared memory: the value (a float, 32 bit) | the stamp of the last sample (ms
// modulo 2^32). Several processes add to it: each sample is one compare-and-swap, and no reader
// ever sees half of one. All zero: nothing is known.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>

#include "core/balance/sample.h"
#include "core/base/instant.h"

namespace kerberos::balance {

class Peak {
 public:
  explicit Peak(std::atomic<std::uint64_t>& word) : word_(word) {}

  // What is left of it when nothing has been heard since; `fallback` where nothing is known.
  [[nodiscard]] float decayed(base::Instant now, base::Millis tau, float fallback) const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return fallback;
    return value_of(word) * std::exp(-idle(word, now) / static_cast<float>(tau));
  }

  // A sample is finite and not negative; any other is dropped.
  void add(float sample, base::Instant now, base::Millis tau) {
    add_sample(word_, sample, [&](std::uint64_t word) { return next(word, sample, now, tau); });
  }

 private:
  // Samples within one millisecond count as if they stood so far apart.
  static constexpr float kSameMillisecond = 0.25F;
  // How far the clock of one process may be behind that of another.
  static constexpr std::uint32_t kBehind = 60'000;

  static float value_of(std::uint64_t word) {
    return std::bit_cast<float>(static_cast<std::uint32_t>(word >> 32U));
  }

  // Milliseconds since the last sample; true up to 49 days.
  static float idle(std::uint64_t word, base::Instant now) {
    const std::uint32_t since = static_cast<std::uint32_t>(now) - static_cast<std::uint32_t>(word);
    return since > ~0U - kBehind ? 0.0F : static_cast<float>(since);
  }

  static std::uint64_t word_of(float value, std::uint32_t stamp) {
    return std::uint64_t{std::bit_cast<std::uint32_t>(value)} << 32U | std::max(stamp, 1U);
  }

  static std::uint64_t next(std::uint64_t word, float sample, base::Instant now, base::Millis tau) {
    const auto stamp = static_cast<std::uint32_t>(now);
    if (word == 0) return word_of(sample, stamp);
    const float value = value_of(word);
    const float since = idle(word, now);
    // The stamp does not go back, or the same time would count twice.
    const std::uint32_t last = since > 0.0F ? stamp : static_cast<std::uint32_t>(word);
    if (sample > value) return word_of(sample, last);
    const float step = std::max(since, kSameMillisecond);
    const float weight = -std::expm1(-step / static_cast<float>(tau));
    return word_of(value + (sample - value) * weight, last);
  }

  std::atomic<std::uint64_t>& word_;
};

}  // namespace kerberos::balance
