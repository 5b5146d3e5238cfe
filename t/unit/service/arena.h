// SPDX-License-Identifier: MIT
//
// A zone's memory for tests: nginx's slab allocator (ngx_slab.c) over a block of its own, with its
// classes, its runs of pages and its order of search, so that what fits here fits there. Beyond
// nginx it counts, fails on request, fills with garbage whatever it hands out, and under
// AddressSanitizer poisons whatever it has not.
#pragma once

#include <sanitizer/asan_interface.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include "core/service/zone.h"

namespace kerberos::service {

class Arena {
 public:
  static constexpr std::size_t kPage = 4096;

  explicit Arena(std::size_t size = std::size_t{1} << 20U) : size_(size) {
    block_.reset(static_cast<std::byte*>(std::aligned_alloc(kPage, rounded(size))));
    // A page of the block costs an entry of the page table too, and the pages start on a page.
    const std::size_t pages = (size - kHead) / (kPage + kPageEntry);
    const std::size_t start = rounded(kHead + pages * kPageEntry);
    first_ = block_.get() + start;
    std::memset(block_.get(), 0xa5, start);  // the pool's own: no offset leads there
    pages_.resize(std::min(pages, (size - start) / kPage));
    free_.push_back({0, pages_.size()});
    dispose(first_, pages_.size() * kPage);
  }
  ~Arena() { ASAN_UNPOISON_MEMORY_REGION(block_.get(), rounded(size_)); }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  Memory memory() {
    return {
        block_.get(), size_, this,
        [](void* arena, std::size_t size) { return static_cast<Arena*>(arena)->allocate(size); },
        [](void* arena, void* block) { static_cast<Arena*>(arena)->release(block); }};
  }

  // The `number`th allocation from now on fails, counted from 1, and it alone.
  void fail_at(std::size_t number) { fail_at_ = number == 0 ? 0 : asked_ + number; }
  [[nodiscard]] bool failed() const { return fail_at_ != 0 && asked_ >= fail_at_; }

  [[nodiscard]] std::size_t blocks() const { return sizes_.size(); }
  [[nodiscard]] std::size_t asked() const { return asked_; }
  // What the blocks in use have cost, in whole classes and pages.
  [[nodiscard]] std::size_t in_use() const {
    std::size_t bytes = 0;
    for (const auto& [block, size] : sizes_) bytes += cost(size);
    return bytes;
  }

  [[nodiscard]] std::size_t pages_in_use() const {
    std::size_t pages = pages_.size();
    for (const Run& run : free_) pages -= run.pages;
    return pages;
  }

  void* allocate(std::size_t size) {
    if (++asked_ == fail_at_) return nullptr;
    std::byte* block = size > kPage / 2 ? take_pages(rounded(size) / kPage) : take_chunk(size);
    if (block == nullptr) return nullptr;
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    std::memset(block, 0xa5, size);
    sizes_[block] = size;
    return block;
  }

  void release(void* given) {
    auto* block = static_cast<std::byte*>(given);
    const auto known = sizes_.find(block);
    if (known == sizes_.end()) std::abort();  // never handed out, or given back twice
    const std::size_t size = known->second;
    sizes_.erase(known);
    dispose(block, cost(size));
    const auto number = static_cast<std::size_t>(block - first_) / kPage;
    if (size > kPage / 2) return give_pages({number, rounded(size) / kPage});
    Page& page = pages_[number];
    auto& partial = partial_[page.shift];
    if (page.used == full(page.shift)) partial.push_front(number);
    page.used &=
        ~(std::uint64_t{1} << (static_cast<std::size_t>(block - first_) % kPage >> page.shift));
    if (page.used != 0) return;
    partial.remove(number);
    give_pages({number, 1});
  }

 private:
  // ngx_slab_pool_t with its nine classes and their statistics, at most.
  static constexpr std::size_t kHead = 1024;
  static constexpr std::size_t kPageEntry = 24;
  static constexpr unsigned kShiftMin = 6;  // smaller classes are of no interest here
  static constexpr unsigned kShifts = 12;

  struct Page {
    unsigned shift = 0;
    std::uint64_t used = 0;  // its chunks, a bit each
  };
  struct Run {
    std::size_t first;
    std::size_t pages;
  };
  struct Free {
    void operator()(std::byte* block) const { std::free(block); }
  };

  static std::size_t rounded(std::size_t size) { return (size + kPage - 1) / kPage * kPage; }
  static unsigned shift_of(std::size_t size) {
    return std::max(kShiftMin, static_cast<unsigned>(std::bit_width(size - 1)));
  }
  static std::size_t cost(std::size_t size) {
    return size > kPage / 2 ? rounded(size) : std::size_t{1} << shift_of(size);
  }
  static std::uint64_t full(unsigned shift) { return ~std::uint64_t{0} >> (64 - (kPage >> shift)); }

  static void dispose(std::byte* block, std::size_t size) {
    ASAN_UNPOISON_MEMORY_REGION(block, size);
    std::memset(block, 0xdd, size);
    ASAN_POISON_MEMORY_REGION(block, size);
  }

  std::byte* take_chunk(std::size_t size) {
    const unsigned shift = shift_of(size);
    auto& partial = partial_[shift];
    if (partial.empty()) {
      const std::byte* fresh = take_pages(1);
      if (fresh == nullptr) return nullptr;
      partial.push_front(static_cast<std::size_t>(fresh - first_) / kPage);
      pages_[partial.front()] = {shift, 0};
    }
    const std::size_t number = partial.front();
    Page& page = pages_[number];
    const auto chunk = static_cast<unsigned>(std::countr_one(page.used));
    page.used |= std::uint64_t{1} << chunk;
    if (page.used == full(shift)) partial.pop_front();
    return first_ + number * kPage + (std::size_t{chunk} << shift);
  }

  // The first run that is long enough, in the order in which they were given back.
  std::byte* take_pages(std::size_t pages) {
    for (auto run = free_.begin(); run != free_.end(); ++run) {
      if (run->pages < pages) continue;
      const std::size_t first = run->first;
      *run = {first + pages, run->pages - pages};
      if (run->pages == 0) free_.erase(run);
      return first_ + first * kPage;
    }
    return nullptr;
  }

  void give_pages(Run given) {
    for (auto run = free_.begin(); run != free_.end();) {
      const bool before = run->first + run->pages == given.first;
      const bool behind = given.first + given.pages == run->first;
      if (before) given.first = run->first;
      if (before || behind) given.pages += run->pages;
      run = before || behind ? free_.erase(run) : std::next(run);
    }
    free_.push_front(given);
  }

  std::size_t size_;
  std::unique_ptr<std::byte, Free> block_;
  std::byte* first_ = nullptr;
  std::vector<Page> pages_;
  std::list<Run> free_;
  std::list<std::size_t> partial_[kShifts];  // pages that have chunks left, by class
  std::map<std::byte*, std::size_t> sizes_;  // as asked for
  std::size_t asked_ = 0;
  std::size_t fail_at_ = 0;
};

}  // namespace kerberos::service
