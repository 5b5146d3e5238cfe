// SPDX-License-Identifier: MIT
#include "core/balance/roster.h"

#include <algorithm>

namespace kerberos::balance {

Lineup Roster::lineup() const {
  const std::uint64_t buffer = words_.published.load(std::memory_order_acquire) & 1U;
  const auto& lengths = words_.lengths[buffer];
  const std::atomic<std::uint32_t>* first = entries_ + buffer * room_.buffer();
  // Lengths are held to the room, for a torn image must not lead outside it.
  const auto length = [](const std::atomic<std::uint32_t>& said, std::uint32_t room) {
    return std::min(said.load(std::memory_order_relaxed), room);
  };
  return {{first, length(lengths.primary, room_.primary)},
          {first + room_.primary, length(lengths.backup, room_.backup)},
          {first + room_.primary + room_.backup, length(lengths.out, room_.out)},
          lengths.panic.load(std::memory_order_relaxed)};
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
  return {buffer, first, first + room_.primary, first + room_.primary + room_.backup};
}

void Roster::publish(const Draft& draft, const Contents& contents, std::uint64_t version, Due seen,
                     base::Instant claim) {
  if (words_.claim.load(std::memory_order_relaxed) != claim) return;
  auto& lengths = words_.lengths[draft.buffer];
  lengths.primary.store(contents.lengths.primary, std::memory_order_relaxed);
  lengths.backup.store(contents.lengths.backup, std::memory_order_relaxed);
  lengths.out.store(contents.lengths.out, std::memory_order_relaxed);
  lengths.panic.store(contents.panic, std::memory_order_relaxed);
  lengths.until.store(contents.until, std::memory_order_relaxed);
  words_.published.store(version << 1U | draft.buffer, std::memory_order_release);
  postpone(seen, contents.due);
  hasten(contents.due);
  words_.claim.compare_exchange_strong(claim, 0, std::memory_order_release);
}

void Roster::postpone(Due seen, base::Instant at) {
  words_.due.compare_exchange_strong(seen.bits, seen.next(at));
}

void Roster::hasten(base::Instant at) {
  Due due = this->due();
  while (!words_.due.compare_exchange_weak(due.bits, due.next(std::min(due.at(), at)))) {
  }
}

}  // namespace kerberos::balance
