// SPDX-License-Identifier: MIT
//
// nginx's smooth weighted round robin as a table: the order of one whole period, computed once, so
// that a pick is one look-up.
//
// nginx computes its order anew on every request, by a scan over all peers: each one's current
// weight grows by its weight, the largest (the first of equals) is picked and pays the sum of all
// weights. That order repeats after sum / gcd picks, and the table holds exactly those.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace kerberos::balance {

struct Share {
  std::uint32_t peer = 0;
  std::uint32_t weight = 1;
};

// How long a table may get for so many peers. Weights whose period is longer are scaled down by
// fit(): exact up to here, within one part in this many beyond.
constexpr std::size_t period_max(std::size_t peers) {
  return peers * 4 > 16'384 ? peers * 4 : 16'384;
}

// Divides the weights by their greatest common divisor and, where their sum still exceeds
// period_max(), scales them down, each to at least 1.
void fit(std::span<Share> shares);

// The period of these weights: sum / gcd. Never more than the sum of fitted weights, whichever of
// them are left out.
std::size_t period(std::span<const Share> shares);

// What whoever draws up a list of peers works in. It belongs to the caller so that nothing is
// allocated once it has grown to the largest service.
struct Workbench {
  struct Class {  // peers of one weight take turns among themselves
    std::uint32_t weight;
    std::uint32_t begin;
    std::uint32_t size;
    std::uint64_t picks;
  };
  std::vector<std::uint8_t> in;  // by peer: whether it is
  std::vector<Share> members;    // of the tier that is drawn up
  std::vector<Share> shares;     // the same by weight
  std::vector<Class> classes;

  void reserve(std::size_t peers);
};

// Writes one period of the smooth order of `shares`, which stand in the order of the
// configuration, to `out` and returns its length; 0 where there are no shares. Takes
// O(period * different weights). Requires: out.size() >= period(shares), a reserved bench.
std::size_t smooth_order(std::span<const Share> shares, std::span<std::atomic<std::uint32_t>> out,
                         Workbench& bench);

}  // namespace kerberos::balance
