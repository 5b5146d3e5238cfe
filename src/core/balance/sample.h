// SPDX-License-Identifier: MIT
//
// How a sample gets into an average that several processes share: by one compare-and-swap of its
// word.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>

namespace kerberos::balance {

// Replaces the word by next(word). A sample is finite and not negative; any other is dropped, for
// one would spoil all to come. So is one that loses very many races: that many others were counted.
template <class Next>
void add_sample(std::atomic<std::uint64_t>& word, float sample, Next&& next) {
  constexpr int kRaces = 8;
  if (!(sample >= 0.0F && sample <= std::numeric_limits<float>::max())) return;
  std::uint64_t was = word.load(std::memory_order_relaxed);
  for (int race = 0; race < kRaces; ++race) {
    if (word.compare_exchange_strong(was, next(was), std::memory_order_relaxed)) return;
  }
}

}  // namespace kerberos::balance
