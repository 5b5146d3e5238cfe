// SPDX-License-Identifier: MIT
//
// The hash by which a table finds its keys, over as many bytes as one has so far: all beginnings
// of a path are hashed on one way along it. FNV-1a, 64 bit (Fowler, Noll, Vo), its state spread by
// SplitMix64's finalizer (G. Steele, D. Lea, C. Flood, 2014). Of our own because another build
// may read the table: std::hash promises nothing between two.
//
// Clients can find two paths with one hash. That costs a comparison, for what is found is compared
// as text.
#pragma once

#include <cstdint>
#include <string_view>

namespace kerberos::route {

class Hash {
 public:
  constexpr void add(char c) {
    state_ = (state_ ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }

  // Of what was added, in a space of its own for each salt. Never 0.
  [[nodiscard]] constexpr std::uint64_t of(std::uint64_t salt) const {
    std::uint64_t x = state_ + salt * 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return (x ^ (x >> 31U)) | 1U;
  }

 private:
  std::uint64_t state_ = 14695981039346656037ULL;
};

constexpr std::uint64_t hash_of(std::string_view text, std::uint64_t salt) {
  Hash hash;
  for (const char c : text) hash.add(c);
  return hash.of(salt);
}

}  // namespace kerberos::route
