// SPDX-License-Identifier: MIT
//
// Other ways of giving keys to peers, as their authors describe them, to hold ours against. Plain
// and slow; none of this is shipped.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kerberos::quality {

// Peers by number, keys hashed already.
struct Rival {
  std::string_view name;
  // The peer of each key.
  std::vector<std::uint32_t> (*owners)(std::span<const std::uint32_t> peers,
                                       std::span<const std::uint64_t> keys);
  // The share of each peer in all keys that there could be, in the order of the peers.
  std::vector<double> (*shares)(std::span<const std::uint32_t> peers);
};

std::span<const Rival> rivals();

}  // namespace kerberos::quality
