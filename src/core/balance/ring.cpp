// SPDX-License-Identifier: MIT
#include "core/balance/ring.h"

namespace kerberos::balance {
namespace {

// The golden ratio's fraction in 64 bits, which SplitMix64 steps by.
constexpr std::uint64_t kGolden = 0x9e3779b97f4a7c15ULL;

// Points in one bucket that a reader looks at: far more than chance puts there, and few enough for
// one that a torn image leads astray.
constexpr std::uint32_t kBucketMax = 64;

constexpr std::uint32_t position_of(std::uint64_t identity, std::uint64_t point) {
  return static_cast<std::uint32_t>(scatter(identity + (point + 1) * kGolden) >> 32U);
}

std::uint64_t points_of_weight(std::uint32_t weight, unsigned halvings) {
  return std::max<std::uint64_t>(std::uint64_t{weight} * kPointsPerWeight >> halvings, 1);
}

// How the members' points are scaled down, and how many that leaves.
struct Scale {
  unsigned halvings = 0;
  std::size_t points = 0;
};

Scale scale_of(std::span<const RingMember> members) {
  const std::size_t most = std::max<std::size_t>(65'536, 16 * members.size());
  for (Scale scale;; ++scale.halvings) {
    scale.points = 0;
    for (const auto& member : members) {
      scale.points += points_of_weight(member.weight, scale.halvings);
    }
    if (scale.points <= most) return scale;
  }
}

}  // namespace

std::size_t points_count(std::span<const RingMember> members) {
  return scale_of(members).points;
}

std::vector<Point> points_of(std::span<const RingMember> members) {
  const Scale scale = scale_of(members);
  struct Placed {
    std::uint32_t position;
    std::uint32_t member;
  };
  std::vector<Placed> placed;
  placed.reserve(scale.points);
  for (std::uint32_t m = 0; m < members.size(); ++m) {
    const std::uint64_t points = points_of_weight(members[m].weight, scale.halvings);
    for (std::uint64_t j = 0; j < points; ++j) {
      placed.push_back({position_of(members[m].identity, j), m});
    }
  }
  // Where two stand on one place, their names decide, not their numbers.
  std::sort(placed.begin(), placed.end(), [&](const Placed& a, const Placed& b) {
    if (a.position != b.position) return a.position < b.position;
    return members[a.member].identity < members[b.member].identity;
  });
  std::vector<Point> points;
  points.reserve(placed.size());
  for (const Placed& p : placed) points.push_back({p.position, members[p.member].peer});
  return points;
}

std::uint32_t Ring::owner(std::uint64_t key) const {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const std::atomic<std::uint32_t>* positions = words_ + layout_.positions();
  const std::atomic<std::uint32_t>* starts = words_ + layout_.starts();
  const std::size_t length = length_;
  // The probes are as many steps of one length: as good as independent ones, and an addition each.
  std::uint64_t probe = scatter(key ^ kGolden);
  const std::uint64_t step = scatter(probe + kGolden);
  // Next to no branch depends on what is found here: no processor could guess it, and a wrong
  // guess costs more than a probe.
  std::uint64_t best = ~0ULL;  // distance:32 | point:32
  for (std::uint32_t k = 0; k < kProbes; ++k, probe += step) {
    const auto at = static_cast<std::uint32_t>(probe >> 32U);
    // The first point that does not stand before the probe.
    std::size_t point = std::min<std::size_t>(starts[layout_.bucket(at)].load(kRelaxed), length);
    for (std::uint32_t s = 0; s < RingLayout::kStrides; ++s) {
      point += positions[point].load(kRelaxed) < at ? 1 : 0;
    }
    if (positions[point].load(kRelaxed) < at) [[unlikely]] {
      const std::size_t last = std::min(length, point + kBucketMax);
      while (point < last && positions[point].load(kRelaxed) < at) ++point;
    }
    point &= -static_cast<std::size_t>(point < length);  // behind the last comes the first
    const std::uint32_t distance = positions[point].load(kRelaxed) - at;
    best = std::min(best, std::uint64_t{distance} << 32U | point);
  }
  return words_[static_cast<std::uint32_t>(best)].load(kRelaxed);
}

}  // namespace kerberos::balance
