// SPDX-License-Identifier: MIT
#include "core/service/leader.h"

namespace kerberos::service {
namespace {

constexpr std::uint64_t mask(unsigned bits) {
  return (std::uint64_t{1} << bits) - 1;
}

}  // namespace

std::uint64_t Leader::pack(base::Owner owner, base::Instant until) {
  return std::uint64_t{owner.slot} << (kLifeBits + kUntilBits) |
         std::uint64_t{owner.life & kLifeMask} << kUntilBits |
         (static_cast<std::uint64_t>(until) & mask(kUntilBits));
}

base::Owner Leader::owner_of(std::uint64_t word) {
  return {static_cast<std::uint32_t>(word >> (kLifeBits + kUntilBits)),
          static_cast<std::uint32_t>(word >> kUntilBits) & kLifeMask};
}

bool Leader::is(std::uint64_t word, base::Owner self) {
  const base::Owner owner = owner_of(word);
  return word != 0 && owner.slot == self.slot && owner.life == (self.life & kLifeMask);
}

// A clock that stepped back must not keep a dead leader in office: no lease is longer than kLease.
bool Leader::lead(base::Owner self, const base::Owners& owners, base::Instant now) {
  std::uint64_t word = word_.load(std::memory_order_acquire);
  const auto until = static_cast<base::Instant>(word & mask(kUntilBits));
  const bool valid = word != 0 && now < until && until - now <= kLease;
  if (valid && !is(word, self) && owners.alive(owner_of(word), kLifeMask)) return false;
  return word_.compare_exchange_strong(word, pack(self, now + kLease));
}

bool Leader::leads(base::Owner self) const {
  return is(word_.load(std::memory_order_acquire), self);
}

void Leader::resign(base::Owner self) {
  std::uint64_t word = word_.load(std::memory_order_acquire);
  if (is(word, self)) word_.compare_exchange_strong(word, 0);
}

}  // namespace kerberos::service
