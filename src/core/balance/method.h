// SPDX-License-Identifier: MIT
//
// The methods of balancing in one table: what each is called and which parameters it has. Each has
// a file of its own name, and all of them ask the one eligible().
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace kerberos::balance {

enum class Method : std::uint8_t { kRoundRobin, kLeastConn, kRandom, kEwma, kHash };

struct MethodRow {
  Method method;
  std::string_view name;
  bool key = false;       // wants one
  bool adaptive = false;  // may be told to
  bool bounded = false;   // may be told a limit
};

inline constexpr std::array kMethods = {
    MethodRow{.method = Method::kRoundRobin, .name = "round_robin", .adaptive = true},
    MethodRow{.method = Method::kLeastConn, .name = "least_conn"},
    MethodRow{.method = Method::kRandom, .name = "random"},
    MethodRow{.method = Method::kEwma, .name = "ewma"},
    MethodRow{.method = Method::kHash, .name = "hash", .key = true, .bounded = true},
};

constexpr const MethodRow& row_of(Method method) {
  return kMethods[static_cast<std::size_t>(method)];
}

// How a service balances.
struct Options {
  Method method = Method::kRoundRobin;
  bool adaptive = false;              // weights follow what each peer achieves
  std::uint32_t bounded_percent = 0;  // of the average load, at most so much a peer; 0: no limit

  // Whether it wants to know how long attempts take.
  [[nodiscard]] bool learns() const { return adaptive || method == Method::kEwma; }
  // Whether it keeps the peers in order of their load.
  [[nodiscard]] bool ranks() const { return method == Method::kLeastConn; }

  friend bool operator==(const Options&, const Options&) = default;
};

}  // namespace kerberos::balance
