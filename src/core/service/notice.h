// SPDX-License-Identifier: MIT
//
// What is to be logged: a transition, and whose.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "core/breaker/breaker.h"
#include "core/service/generation.h"

namespace kerberos::service {

struct Notice {
  GenerationView generation;
  std::uint32_t peer = 0;  // its number in it
  breaker::Transition transition;

  [[nodiscard]] std::uint32_t rank() const { return generation.peers()[peer].rank; }
};

// A pick turns at most one peer half-open, but it may settle overdue probes of others on its way;
// it stops looking at them when there is no room left to tell.
class Notices {
 public:
  static constexpr std::uint32_t kMax = 2;
  void add(GenerationView generation, std::uint32_t peer, const breaker::Transition& transition) {
    notices_[count_++] = {generation, peer, transition};
  }
  [[nodiscard]] bool full() const { return count_ == kMax; }
  [[nodiscard]] std::span<const Notice> all() const { return {notices_.data(), count_}; }

 private:
  std::array<Notice, kMax> notices_{};
  std::uint32_t count_ = 0;
};

}  // namespace kerberos::service
