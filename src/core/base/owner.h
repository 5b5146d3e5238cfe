// SPDX-License-Identifier: MIT
//
// Who holds something in shared memory. A process is named by its slot and by that slot's life: a
// counter that is odd while a process has the slot and grows whenever one takes or leaves it.
// What a dead process held is thereby recognised without asking the system: its life is over.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

namespace kerberos::base {

struct Owner {
  std::uint32_t slot = 0;
  std::uint32_t life = 0;
};

class Owners {
 public:
  explicit Owners(std::span<const std::atomic<std::uint32_t>> lives) : lives_(lives) {}

  // Whether the process that took `slot` for the life whose low bits are `life` still has it.
  // `mask` tells how many of the low bits were kept.
  [[nodiscard]] bool alive(Owner owner, std::uint32_t mask = ~0U) const {
    if (owner.slot >= lives_.size()) return false;
    const std::uint32_t life = lives_[owner.slot].load(std::memory_order_acquire);
    return (life & 1U) != 0 && ((life ^ owner.life) & mask) == 0;
  }

 private:
  std::span<const std::atomic<std::uint32_t>> lives_;
};

}  // namespace kerberos::base
