// SPDX-License-Identifier: MIT
//
// Why the last change of the registry was refused, for all processes to show: a text in shared
// memory that one writes, under the zone's mutex, and any may read meanwhile, without it.
//
// The count of writings is odd while one is under way. Who reads and finds it odd, or another than
// before, looks again, and gives up soon: a writer that died in the middle leaves it odd, until the
// next one writes.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kerberos::service {

inline constexpr std::size_t kRefusalMax = 8'192;  // bytes; what is longer is cut

// All zero: nothing was refused.
struct RefusalWords {
  std::atomic<std::uint64_t> writings;
  std::atomic<std::int64_t> unix_ms;
  std::atomic<std::uint64_t> digest[2];  // of what was refused
  std::atomic<std::uint64_t> length;
  std::array<std::atomic<std::uint64_t>, kRefusalMax / 8> text;
};

struct Refusal {
  std::int64_t unix_ms = 0;
  std::array<std::uint64_t, 2> digest{};
  std::string text;
};

// An empty text takes the last refusal back.
void write_refusal(RefusalWords& words, const Refusal& refusal);

// Nothing where nothing was refused, or where it is being written.
std::optional<Refusal> read_refusal(const RefusalWords& words);

}  // namespace kerberos::service
