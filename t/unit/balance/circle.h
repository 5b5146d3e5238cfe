// SPDX-License-Identifier: MIT
//
// A ring with the memory that it stands on, and members to put on it.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/balance/ring.h"

namespace kerberos::balance {

using Members = std::vector<RingMember>;

// `count` members of one weight, whose numbers are their places in the list.
inline Members crowd(std::uint32_t count, std::uint32_t weight = 1) {
  Members members;
  for (std::uint32_t i = 0; i < count; ++i) {
    members.push_back({hash_of("peer-" + std::to_string(i)), i, weight});
  }
  return members;
}

struct Circle {
  std::vector<Point> points;
  std::uint32_t capacity = static_cast<std::uint32_t>(points.size());
  std::vector<std::atomic<std::uint32_t>> words =
      std::vector<std::atomic<std::uint32_t>>(ring_words(capacity));
  std::uint32_t length = 0;

  explicit Circle(std::vector<Point> on) : points(std::move(on)) {
    write([](std::uint32_t) { return true; });
  }
  explicit Circle(const Members& members) : Circle(points_of(members)) {}

  template <class IsIn>
  void write(IsIn&& is_in) {
    length = write_ring(points, is_in, words, capacity);
  }
  [[nodiscard]] std::uint32_t owner(std::uint64_t key) const {
    return Ring(words.data(), capacity, length).owner(key);
  }
  // Whose the first so many keys are.
  [[nodiscard]] std::vector<std::uint32_t> owners(std::uint32_t keys) const {
    std::vector<std::uint32_t> result;
    for (std::uint32_t key = 0; key < keys; ++key) result.push_back(owner(key));
    return result;
  }
};

}  // namespace kerberos::balance
