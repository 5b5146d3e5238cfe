// SPDX-License-Identifier: MIT
//
// How a service balances, from the words of kerberos_balance or of "balance:" in a registry.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/balance/method.h"

namespace kerberos::registry {

// The least and most of bounded=.
inline constexpr std::uint32_t kBoundedMin = 100;
inline constexpr std::uint32_t kBoundedMax = 1'000;

struct Balance {
  balance::Options options;
  std::string key;  // of hash, with its variables

  friend bool operator==(const Balance&, const Balance&) = default;
};

struct BalanceReading {
  Balance balance;
  std::string problem;  // what is wrong and what is allowed; empty: nothing
};

// "hash", "$cookie_x", "bounded=125%"
BalanceReading balance_of(std::span<const std::string_view> words);

// The words of a text, where blanks stand between them.
std::vector<std::string_view> words_of(std::string_view text);

}  // namespace kerberos::registry
