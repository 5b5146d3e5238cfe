// SPDX-License-Identifier: MIT
//
// Exact counts of the attempts of the last while: ten buckets, each a tenth of the window long.
//
// A bucket is three words, each of them stamped with the round in which it is filled and the epoch
// of its breaker. Whoever comes first in a new tenth finds the old stamp and begins anew with the
// same compare-and-swap that counts: there is no sweep, no reset to race with, and no count of an
// epoch that is over. Exact counts and no moving average, because an average gives a burst of
// failures so little weight that it can hide an outage.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::breaker {

inline constexpr unsigned kBuckets = 10;

// All zero is an empty window.
struct WindowWords {
  struct Bucket {
    // stamp:28 | count:36
    std::atomic<std::uint64_t> attempts;
    std::atomic<std::uint64_t> failures;
    std::atomic<std::uint64_t> slow;
  };
  Bucket buckets[kBuckets];
};

// What a window holds.
struct Tally {
  std::uint64_t attempts = 0;
  std::uint64_t failures = 0;
  std::uint64_t slow = 0;
};

// The window of one breaker in the epoch that began `since`. `length` is at least kBuckets
// milliseconds.
class Window {
 public:
  Window(WindowWords& words, base::Millis length, std::uint32_t epoch, base::Instant since = 0)
      : words_(words),
        span_(std::max<base::Millis>(1, length / kBuckets)),
        epoch_(epoch),
        since_(since) {}

  // Counts an attempt that ended now.
  void add(base::Instant now, bool failed, bool slow);

  // The attempts of the bucket that is filling and of the nine before it.
  [[nodiscard]] Tally tally(base::Instant now) const;

 private:
  static void count(std::atomic<std::uint64_t>& word, std::uint64_t stamp);
  static std::uint64_t counted(const std::atomic<std::uint64_t>& word, std::uint64_t stamp);

  // A stamp comes again after 2^16 windows in which its cell was never filled. Epochs come again
  // sooner, but what is older than this one is not looked at.
  static constexpr unsigned kRoundBits = 16;
  static constexpr unsigned kEpochBits = 12;
  static constexpr unsigned kCountBits = 64 - kRoundBits - kEpochBits;
  static constexpr std::uint64_t kCountMask = (1ULL << kCountBits) - 1;

  // Of the tenth that an instant is in.
  [[nodiscard]] std::uint64_t number(base::Instant at) const {
    return static_cast<std::uint64_t>(at / span_);
  }
  [[nodiscard]] std::uint64_t stamp(std::uint64_t number) const {
    const std::uint64_t round = number / kBuckets;
    return ((round & ((1ULL << kRoundBits) - 1)) << kEpochBits) |
           (epoch_ & ((1U << kEpochBits) - 1));
  }

  WindowWords& words_;
  base::Millis span_;
  std::uint32_t epoch_;
  base::Instant since_;
};

}  // namespace kerberos::breaker
