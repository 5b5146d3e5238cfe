// SPDX-License-Identifier: MIT
//
// A tournament with the memory that it stands on, and what is true of its peers.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "core/balance/tournament.h"

namespace kerberos::balance {

inline constexpr std::uint32_t kSizes[] = {1, 2, 31, 32, 33, 63, 1'024, 1'025, 10'000, 40'000};

// Beside the memory that is asked for, and where nobody should look within it, stands the least
// key there is: who reads it finds somebody who is nobody.
template <class Key>
struct Board {
  static constexpr std::size_t kLine = 64 / sizeof(Key);
  static constexpr Key kLeast = std::numeric_limits<Key>::min();
  struct alignas(64) Line {
    std::array<std::atomic<Key>, kLine> keys;
  };

  explicit Board(std::uint32_t count)
      : leaves(count),
        words(Tournament<Key>::keys(count)),
        lines(words / kLine + 2),
        truth(count, Tournament<Key>::kOut) {
    for (auto& line : lines) {
      for (auto& key : line.keys) key = kLeast;
    }
    rebuild();
  }
  std::uint32_t leaves;
  std::size_t words;
  std::vector<Line> lines;
  std::vector<Key> truth;

  std::atomic<Key>& word(std::size_t i) { return lines[1 + i / kLine].keys[i % kLine]; }
  Tournament<Key> tournament() { return {lines[1].keys.data(), leaves}; }
  void rebuild() {
    tournament().rebuild([&](std::uint32_t leaf) { return truth[leaf]; });
  }
  void set(std::uint32_t leaf, Key key) {
    truth[leaf] = key;
    tournament().update(leaf, [&] { return truth[leaf]; });
  }
  std::optional<std::uint32_t> next(std::uint32_t from, Key bound) {
    return tournament().next(from, bound);
  }
  std::vector<Key> image() {
    std::vector<Key> result;
    for (auto& line : lines) {
      for (auto& key : line.keys) result.push_back(key);
    }
    return result;
  }

  // What a walk over all peers finds.
  [[nodiscard]] Key least() const { return *std::min_element(truth.begin(), truth.end()); }
  [[nodiscard]] std::optional<std::uint32_t> walk(std::uint32_t from, Key bound) const {
    for (std::uint32_t i = 0; i < leaves; ++i) {
      const auto leaf = static_cast<std::uint32_t>((std::uint64_t{from} + i) % leaves);
      if (truth[leaf] <= bound) return leaf;
    }
    return std::nullopt;
  }
  [[nodiscard]] bool untouched_outside() const {
    for (std::size_t i = 0; i < kLine; ++i) {
      if (lines.front().keys[i] != kLeast || lines.back().keys[i] != kLeast) return false;
    }
    return true;
  }
};

}  // namespace kerberos::balance
