// SPDX-License-Identifier: MIT
#include "core/breaker/window.h"

namespace kerberos::breaker {

void Window::add(base::Instant now, bool failed, bool slow) {
  const std::uint64_t number = this->number(now);
  const std::uint64_t stamp = this->stamp(number);
  WindowWords::Bucket& bucket = words_.buckets[number % kBuckets];
  count(bucket.attempts, stamp);
  if (failed) count(bucket.failures, stamp);
  if (slow) count(bucket.slow, stamp);
}

Tally Window::tally(base::Instant now) const {
  Tally tally;
  const std::uint64_t last = number(now);
  const std::uint64_t oldest = last < kBuckets ? 0 : last - kBuckets + 1;
  for (std::uint64_t number = std::max(oldest, this->number(since_)); number <= last; ++number) {
    const WindowWords::Bucket& bucket = words_.buckets[number % kBuckets];
    const std::uint64_t stamp = this->stamp(number);
    // Attempts are counted and renewed first, so they are read last, and what they are not of this
    // round does not count: no share may exceed the whole.
    const std::uint64_t slow = counted(bucket.slow, stamp);
    const std::uint64_t failures = counted(bucket.failures, stamp);
    const std::uint64_t attempts = counted(bucket.attempts, stamp);
    if (attempts == 0) continue;
    tally.slow += slow;
    tally.failures += failures;
    tally.attempts += attempts;
  }
  return tally;
}

// What stands there counts where it is of the same round. A process whose clock has stood still for
// a whole window takes a newer bucket for an old one and empties it: a tenth of the window.
void Window::count(std::atomic<std::uint64_t>& word, std::uint64_t stamp) {
  std::uint64_t bits = word.load(std::memory_order_relaxed);
  std::uint64_t next = 0;
  do {
    const std::uint64_t before = (bits >> kCountBits) == stamp ? bits & kCountMask : 0;
    next = stamp << kCountBits | std::min(before + 1, kCountMask);
  } while (!word.compare_exchange_weak(bits, next));
}

std::uint64_t Window::counted(const std::atomic<std::uint64_t>& word, std::uint64_t stamp) {
  const std::uint64_t bits = word.load();
  return (bits >> kCountBits) == stamp ? bits & kCountMask : 0;
}

}  // namespace kerberos::breaker
