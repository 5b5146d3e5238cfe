// SPDX-License-Identifier: MIT
//
// Who does what only one process should do: watch files, write to disk. A lease on one word, which
// its holder renews: whoever leads is known to be alive, or has been until a while ago.
//
// Two may believe to lead for a moment, where one was stopped and goes on; what a leader does is
// therefore such that it does no harm twice.
#pragma once

#include <atomic>
#include <cstdint>

#include "core/base/instant.h"
#include "core/base/owner.h"

namespace kerberos::service {

class Leader {
 public:
  static constexpr base::Millis kLease = 1'500;

  explicit Leader(std::atomic<std::uint64_t>& word) : word_(word) {}

  // Whether `self` leads: it goes on, or takes over from one who is gone or late.
  bool lead(base::Owner self, const base::Owners& owners, base::Instant now);

  // Whether nobody has taken over since `self` was told last that it leads.
  [[nodiscard]] bool leads(base::Owner self) const;

  // Gives up the lead, if `self` has it.
  void resign(base::Owner self);

 private:
  // slot:10 | life:14 | until:40
  static constexpr unsigned kUntilBits = 40;
  static constexpr unsigned kLifeBits = 14;
  static constexpr std::uint32_t kLifeMask = (1U << kLifeBits) - 1;

  static std::uint64_t pack(base::Owner owner, base::Instant until);
  static base::Owner owner_of(std::uint64_t word);
  static bool is(std::uint64_t word, base::Owner self);

  std::atomic<std::uint64_t>& word_;
};

}  // namespace kerberos::service
