// SPDX-License-Identifier: MIT
#include "core/service/refusal.h"

#include <algorithm>
#include <cstring>

namespace kerberos::service {
namespace {

constexpr int kLooks = 16;

// The text as it stands, whole or torn.
Refusal copy_of(const RefusalWords& words) {
  Refusal refusal;
  refusal.unix_ms = words.unix_ms.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < refusal.digest.size(); ++i) {
    refusal.digest[i] = words.digest[i].load(std::memory_order_relaxed);
  }
  const std::size_t length =
      std::min<std::size_t>(words.length.load(std::memory_order_relaxed), kRefusalMax);
  refusal.text.resize((length + 7) / 8 * 8);
  for (std::size_t i = 0; i * 8 < length; ++i) {
    const std::uint64_t word = words.text[i].load(std::memory_order_relaxed);
    std::memcpy(refusal.text.data() + i * 8, &word, sizeof(word));
  }
  refusal.text.resize(length);
  return refusal;
}

}  // namespace

void write_refusal(RefusalWords& words, const Refusal& refusal) {
  const std::uint64_t writings = words.writings.load() | 1U;
  words.writings.store(writings);
  std::atomic_thread_fence(std::memory_order_release);
  const std::size_t length = std::min(refusal.text.size(), kRefusalMax);
  words.unix_ms.store(refusal.unix_ms, std::memory_order_relaxed);
  for (std::size_t i = 0; i < refusal.digest.size(); ++i) {
    words.digest[i].store(refusal.digest[i], std::memory_order_relaxed);
  }
  words.length.store(length, std::memory_order_relaxed);
  for (std::size_t i = 0; i * 8 < length; ++i) {
    std::uint64_t word = 0;
    std::memcpy(&word, refusal.text.data() + i * 8, std::min<std::size_t>(8, length - i * 8));
    words.text[i].store(word, std::memory_order_relaxed);
  }
  words.writings.store(writings + 1, std::memory_order_release);
}

std::optional<Refusal> read_refusal(const RefusalWords& words) {
  for (int i = 0; i < kLooks; ++i) {
    const std::uint64_t before = words.writings.load(std::memory_order_acquire);
    if ((before & 1U) != 0) continue;
    Refusal refusal = copy_of(words);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (words.writings.load(std::memory_order_relaxed) != before) continue;
    if (refusal.text.empty()) return std::nullopt;
    return refusal;
  }
  return std::nullopt;
}

}  // namespace kerberos::service
