// SPDX-License-Identifier: MIT
//
// Replaces the global operator new of the program that includes it (in one file of it), to count
// allocations and to let one of them fail.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <new>

namespace kerberos::service {

struct Allocations {
  std::size_t count = 0;
  std::size_t fail_at = 0;  // 0: none fails

  // Counts from zero; the `number`th allocation fails, and it alone.
  void arm(std::size_t number) {
    count = 0;
    fail_at = number;
  }
  // Whether the one that had to fail was reached. None fails from here on.
  bool disarm() {
    const bool failed = fail_at != 0 && count >= fail_at;
    fail_at = 0;
    return failed;
  }

  void* take(std::size_t size, std::size_t alignment) {
    if (++count == fail_at) return nullptr;
    if (alignment <= alignof(std::max_align_t)) return std::malloc(size == 0 ? 1 : size);
    return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
  }
};

inline constinit Allocations allocations;

inline void* take_or_throw(std::size_t size, std::size_t alignment = 1) {
  void* block = allocations.take(size, alignment);
  if (block == nullptr) throw std::bad_alloc();
  return block;
}

}  // namespace kerberos::service

// All of them: one that was left to the library would not match the others' delete.
// clang-format off
void* operator new(std::size_t size) { return kerberos::service::take_or_throw(size); }
void* operator new[](std::size_t size) { return kerberos::service::take_or_throw(size); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return kerberos::service::take_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t size, std::align_val_t alignment) {
  return kerberos::service::take_or_throw(size, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
  return kerberos::service::allocations.take(size, 1);
}
void* operator new[](std::size_t size, const std::nothrow_t&) noexcept {
  return kerberos::service::allocations.take(size, 1);
}
void operator delete(void* block) noexcept { std::free(block); }
void operator delete[](void* block) noexcept { std::free(block); }
void operator delete(void* block, std::size_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t) noexcept { std::free(block); }
void operator delete(void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete[](void* block, std::size_t, std::align_val_t) noexcept { std::free(block); }
void operator delete(void* block, const std::nothrow_t&) noexcept { std::free(block); }
void operator delete[](void* block, const std::nothrow_t&) noexcept { std::free(block); }
// clang-format on
