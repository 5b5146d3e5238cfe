// SPDX-License-Identifier: MIT
//
// A list of peers, as a method reads it from a roster, and peers that say whether they serve.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <map>
#include <numeric>
#include <optional>
#include <vector>

#include "core/balance/turn.h"

namespace kerberos::balance {

using Peers = std::vector<std::uint32_t>;

inline constexpr std::uint32_t kNobody = ~0U;

struct List {
  explicit List(const Peers& order) : words(order.size()) {
    std::copy(order.begin(), order.end(), words.begin());
  }
  [[nodiscard]] Entries entries() const {
    return {words.data(), static_cast<std::uint32_t>(words.size())};
  }

  std::vector<std::atomic<std::uint32_t>> words;
};

// 0, 1, 2 and so on.
inline Peers up_to(std::uint32_t count) {
  Peers result(count);
  std::iota(result.begin(), result.end(), 0U);
  return result;
}

inline bool has(const Peers& peers, std::uint32_t peer) {
  return std::ranges::find(peers, peer) != peers.end();
}

// Takes everybody but those who refuse, and notes who was asked.
struct Doors {
  Peers refuse = {};
  Peers asked = {};

  Turn operator()(std::uint32_t peer) {
    asked.push_back(peer);
    return has(refuse, peer) ? Turn::kRefused : Turn::kTaken;
  }
};

}  // namespace kerberos::balance
