// SPDX-License-Identifier: MIT
//
// A ring on which each key has its peer: multi-probe consistent hashing (B. Appleton, M. O'Reilly,
// "Multi-probe consistent hashing", 2015). Peers have points on it, by their weight. A key is
// looked up at several places, its probes, and belongs to the point that follows closest on one of
// them. That evens out what a peer has by chance: the gaps between points differ wildly, but it is
// the short ones that win, and everybody has those.
//
// Where the points of a peer stand depends on its name alone. So the order of peers is of no
// account, one that leaves gives away its own keys and nobody else's, and it has them again when
// it comes back: taking points away brings no other point closer to any probe.
//
// The ring of those who are in is written anew when a peer changes sides, out of points that were
// sorted once. Whoever is out costs a look-up nothing.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace kerberos::balance {

inline constexpr std::uint32_t kPointsPerWeight = 16;
inline constexpr std::uint32_t kProbes = 21;

// The finalizer of SplitMix64 (G. Steele, D. Lea, C. Flood, 2014): every bit depends on all.
constexpr std::uint64_t scatter(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

// FNV-1a, 64 bit (Fowler, Noll, Vo), scattered. Of our own, because several machines in front of
// the same peers should agree: std::hash promises nothing between two builds.
constexpr std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return scatter(hash);
}

struct RingMember {
  std::uint64_t identity = 0;  // hash_of() what it is called; no two are the same
  std::uint32_t peer = 0;
  std::uint32_t weight = 1;
};

struct Point {
  std::uint32_t position;
  std::uint32_t peer;
};

// The points of all members in the order of the ring: kPointsPerWeight for each unit of weight,
// all halved (to no less than one each) until there are at most 65536, or 16 a member. Where that
// halves them, another set of members may be halved otherwise, and more keys move than have to.
std::vector<Point> points_of(std::span<const RingMember> members);

// How many those are.
std::size_t points_count(std::span<const RingMember> members);

// The image of a ring of at most `capacity` points, as words:
//
//   peers      whose the points are; a ring of n points is a list of peers in its first n words
//   positions  where they stand, ascending
//   starts     a bucket for each value of a position's high bits: how many points precede it
class RingLayout {
 public:
  // Points of a bucket that are passed without a branch; few buckets have more. A reader may stride
  // beyond the last position before it sees that it has: as far as `starts`, which is no shorter.
  static constexpr std::uint32_t kStrides = 2;

  explicit constexpr RingLayout(std::uint32_t capacity)
      : capacity_(capacity), shift_(32U - bits(capacity)) {}

  [[nodiscard]] constexpr std::size_t positions() const { return capacity_; }
  [[nodiscard]] constexpr std::size_t starts() const { return positions() + capacity_; }
  [[nodiscard]] constexpr std::size_t buckets() const { return std::size_t{1} << (32U - shift_); }
  [[nodiscard]] constexpr std::uint32_t bucket(std::uint32_t position) const {
    return position >> shift_;
  }
  [[nodiscard]] constexpr std::size_t words() const { return starts() + buckets() + 1; }

 private:
  // About a bucket a point.
  static constexpr std::uint32_t bits(std::uint32_t capacity) {
    return static_cast<std::uint32_t>(std::bit_width(std::max(capacity, 2U) - 1));
  }

  std::uint32_t capacity_;
  std::uint32_t shift_;
};

constexpr std::size_t ring_words(std::uint32_t capacity) {
  return RingLayout(capacity).words();
}

// Writes the ring of those peers of whom is_in(peer) is true and returns how many points it has.
// is_in() is asked once a point. Allocates nothing.
// Requires: all.size() <= capacity, out.size() >= ring_words(capacity).
template <class IsIn>
std::uint32_t write_ring(std::span<const Point> all, IsIn&& is_in,
                         std::span<std::atomic<std::uint32_t>> out, std::uint32_t capacity) {
  constexpr auto kRelaxed = std::memory_order_relaxed;
  const RingLayout layout(capacity);
  const auto peers = out;
  const auto positions = out.subspan(layout.positions());
  const auto starts = out.subspan(layout.starts());
  for (std::size_t b = 0; b <= layout.buckets(); ++b) starts[b].store(0, kRelaxed);
  // Each is written, and those who are out are overwritten by the next: who is in and who is not
  // comes in no order that a processor could guess.
  std::uint32_t length = 0;
  for (const Point& point : all.first(std::min<std::size_t>(all.size(), capacity))) {
    const bool in = is_in(point.peer);
    peers[length].store(point.peer, kRelaxed);
    positions[length].store(point.position, kRelaxed);
    length += in ? 1 : 0;
    const std::uint32_t next = layout.bucket(point.position) + 1;
    starts[next].store(length, kRelaxed);
  }
  // Buckets without a point of their own.
  std::uint32_t before = 0;
  for (std::size_t b = 0; b <= layout.buckets(); ++b) {
    before = std::max(before, starts[b].load(kRelaxed));
    starts[b].store(before, kRelaxed);
  }
  return length;
}

// A ring as its reader sees it. Its image may be half written by somebody else: then the owner of
// a key is any peer that stood in it.
class Ring {
 public:
  // The first `length` points count. Requires: length > 0.
  Ring(const std::atomic<std::uint32_t>* words, std::uint32_t capacity, std::uint32_t length)
      : layout_(capacity), words_(words), length_(std::min(length, capacity)) {}

  // Whose key that is, in constant time. Any 64 bits do, they need not be a hash.
  [[nodiscard]] std::uint32_t owner(std::uint64_t key) const;

 private:
  RingLayout layout_;
  const std::atomic<std::uint32_t>* words_;
  std::uint32_t length_;
};

}  // namespace kerberos::balance
