// SPDX-License-Identifier: MIT
//
// An exponentially weighted average in one word of shared memory: its value (a float, 32 bit) |
// the stamp of its last sample (ms modulo 2^32). A sample weighs 1 - exp(-dt / tau), dt being the
// time since the one before, so that the average forgets by time and not by traffic.
//
// One word, because several processes add to it: each sample is one compare-and-swap, and no
// reader ever sees half of one. All zero: nothing is known.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>

#include "core/base/instant.h"

namespace kerberos::balance {

class Average {
 public:
  explicit Average(std::atomic<std::uint64_t>& word) : word_(word) {}

  // As it was at the last sample.
  [[nodiscard]] std::optional<float> value() const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return std::nullopt;
    return value_of(word);
  }

  // What is left of it when nothing has been heard since; `fallback` where nothing is known.
  [[nodiscard]] float decayed(base::Instant now, base::Millis tau, float fallback) const {
    const std::uint64_t word = word_.load(std::memory_order_relaxed);
    if (word == 0) return fallback;
    return value_of(word) * std::exp(-idle(word, now) / static_cast<float>(tau));
  }

  // A sample is finite and not negative; any other is dropped, for one would spoil all to come.
  void add(float sample, base::Instant now, base::Millis tau) { put(sample, now, tau, false); }

  // A larger sample counts at once and in full: what gets worse is believed faster than what gets
  // better (the peak EWMA of Finagle).
  void add_peak(float sample, base::Instant now, base::Millis tau) { put(sample, now, tau, true); }

 private:
  // A sample that lost so many races is dropped: that many others were counted.
  static constexpr int kRaces = 8;
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

  static std::uint64_t next(std::uint64_t word, float sample, base::Instant now, base::Millis tau,
                            bool peak) {
    const auto stamp = static_cast<std::uint32_t>(now);
    if (word == 0) return word_of(sample, stamp);
    const float value = value_of(word);
    const float since = idle(word, now);
    // The stamp does not go back, or the same time would count twice.
    const std::uint32_t last = since > 0.0F ? stamp : static_cast<std::uint32_t>(word);
    if (peak && sample > value) return word_of(sample, last);
    const float step = std::max(since, kSameMillisecond);
    const float weight = -std::expm1(-step / static_cast<float>(tau));
    return word_of(value + (sample - value) * weight, last);
  }

  void put(float sample, base::Instant now, base::Millis tau, bool peak) {
    if (!(sample >= 0.0F && sample <= std::numeric_limits<float>::max())) return;
    std::uint64_t word = word_.load(std::memory_order_relaxed);
    for (int race = 0; race < kRaces; ++race) {
      if (word_.compare_exchange_strong(word, next(word, sample, now, tau, peak),
                                        std::memory_order_relaxed)) {
        return;
      }
    }
  }

  std::atomic<std::uint64_t>& word_;
};

}  // namespace kerberos::balance
