// SPDX-License-Identifier: MIT
#include "core/balance/roster.h"

#include <algorithm>

namespace kerberos::balance {

Lineup Roster::lineup() const {
  const std::uint64_t buffer = words_.published.load(std::memory_order_acquire) & 1U;
  const auto& contents = words_.contents[buffer];
  const std::atomic<std::uint32_t>* first = entries_ + buffer * room_.buffer();
  // Lengths are held to the room, for a torn image must not lead outside it.
  const auto length = [&](std::size_t tier) {
    return std::min(contents.lengths[tier].load(std::memory_order_relaxed),
                    room_.tiers[tier].peers);
  };
  return {{first, length(0)},
          {first + room_.tiers[0].words, length(1)},
          contents.out.load(std::memory_order_relaxed),
          contents.panic.load(std::memory_order_relaxed),
          {contents.weights[0].load(std::memory_order_relaxed),
           contents.weights[1].load(std::memory_order_relaxed)}};
}

base::Instant Roster::claim(base::Instant now) {
  base::Instant holder = words_.claim.load(std::memory_order_relaxed);
  if (holder != 0 && now < holder) return 0;
  const base::Instant mine = now + kClaim;
  if (!words_.claim.compare_exchange_strong(holder, mine, std::memory_order_acquire)) return 0;
  return mine;
}

Roster::Draft Roster::draft() const {
  const auto buffer =
      static_cast<std::uint32_t>((words_.published.load(std::memory_order_relaxed) & 1U) ^ 1U);
  std::atomic<std::uint32_t>* first = entries_ + buffer * room_.buffer();
  return {buffer, {first, first + room_.tiers[0].words}};
}

void Roster::publish(const Draft& draft, const Contents& contents, std::uint64_t version,
                     base::Instant claim) {
  if (words_.claim.load(std::memory_order_relaxed) != claim) return;
  auto& words = words_.contents[draft.buffer];
  for (std::size_t tier = 0; tier < kTiers; ++tier) {
    words.lengths[tier].store(contents.lengths[tier], std::memory_order_relaxed);
    words.weights[tier].store(contents.weights[tier], std::memory_order_relaxed);
  }
  words.out.store(contents.out, std::memory_order_relaxed);
  words.panic.store(contents.panic, std::memory_order_relaxed);
  words.until.store(contents.until, std::memory_order_relaxed);
  words_.rest.store(contents.rest, std::memory_order_relaxed);
  words_.published.store(version << 1U | draft.buffer, std::memory_order_release);
  words_.claim.compare_exchange_strong(claim, 0, std::memory_order_release);
}

}  // namespace kerberos::balance
