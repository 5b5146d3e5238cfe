// SPDX-License-Identifier: MIT
#include "core/balance/schedule.h"

#include <algorithm>
#include <numeric>

namespace kerberos::balance {
namespace {

// At least 1, for weights are.
std::uint32_t common_divisor(std::span<const Share> shares) {
  std::uint32_t divisor = 0;
  for (const Share& share : shares) divisor = std::gcd(divisor, share.weight);
  return std::max(divisor, 1U);
}

std::uint64_t sum_of(std::span<const Share> shares) {
  std::uint64_t sum = 0;
  for (const Share& share : shares) sum += share.weight;
  return sum;
}

// Groups the shares by weight, each group in the order of the configuration.
void classify(Workbench& bench) {
  const auto before = [](const Share& a, const Share& b) {
    return a.weight != b.weight ? a.weight < b.weight : a.peer < b.peer;
  };
  // Mostly they all weigh the same.
  if (!std::ranges::is_sorted(bench.shares, before)) std::ranges::sort(bench.shares, before);
  bench.classes.clear();
  for (std::uint32_t i = 0; i < bench.shares.size(); ++i) {
    const std::uint32_t weight = bench.shares[i].weight;
    if (bench.classes.empty() || bench.classes.back().weight != weight) {
      bench.classes.push_back({weight, i, 0, 0});
    }
    ++bench.classes.back().size;
  }
}

}  // namespace

void fit(std::span<Share> shares) {
  if (shares.empty()) return;
  const std::uint32_t divisor = common_divisor(shares);
  for (Share& share : shares) share.weight /= divisor;
  const std::uint64_t sum = sum_of(shares);
  const std::uint64_t most = period_max(shares.size());
  if (sum <= most) return;
  // Each weight may be lifted to 1, which costs at most one a peer: the sum stays within `most`.
  const std::uint64_t room = most - shares.size();
  for (Share& share : shares) {
    share.weight = std::max<std::uint32_t>(
        1, static_cast<std::uint32_t>(static_cast<std::uint64_t>(share.weight) * room / sum));
  }
}

std::size_t period(std::span<const Share> shares) {
  if (shares.empty()) return 0;
  return sum_of(shares) / common_divisor(shares);
}

void Workbench::reserve(std::size_t peers) {
  in.reserve(peers);
  members.reserve(peers);
  shares.reserve(peers);
  classes.reserve(peers);
}

std::size_t smooth_order(std::span<const Share> shares, std::span<std::atomic<std::uint32_t>> out,
                         Workbench& bench) {
  if (shares.empty()) return 0;
  const std::size_t length = period(shares);
  bench.shares.assign(shares.begin(), shares.end());
  classify(bench);
  if (bench.classes.size() == 1) {
    for (std::size_t i = 0; i < length; ++i)
      out[i].store(bench.shares[i].peer, std::memory_order_relaxed);
    return length;
  }
  // Of the peers of one weight the next is always the one that waited longest, so only the front
  // of each class can be the largest. Its current weight in nginx's terms, when pick `i` is due:
  // weight * (i + 1) - sum * (how often it was picked).
  const auto sum = static_cast<std::int64_t>(sum_of(shares));
  for (std::size_t i = 0; i < length; ++i) {
    Workbench::Class* best = nullptr;
    std::int64_t best_weight = 0;
    std::uint32_t best_peer = 0;
    for (auto& klass : bench.classes) {
      const auto picked = static_cast<std::int64_t>(klass.picks / klass.size);
      const auto current = klass.weight * static_cast<std::int64_t>(i + 1) - sum * picked;
      const std::uint32_t peer = bench.shares[klass.begin + klass.picks % klass.size].peer;
      if (best == nullptr || current > best_weight ||
          (current == best_weight && peer < best_peer)) {
        best = &klass;
        best_weight = current;
        best_peer = peer;
      }
    }
    out[i].store(best_peer, std::memory_order_relaxed);
    ++best->picks;
  }
  return length;
}

}  // namespace kerberos::balance
