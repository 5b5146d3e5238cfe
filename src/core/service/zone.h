// SPDX-License-Identifier: MIT
//
// The shared memory as a whole: opening it, its generations, who uses them, and what is freed when.
// Structures change at start, at changes of the registry and at exit, under the zone's mutex.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/owner.h"
#include "core/service/layout.h"

namespace kerberos::service {

class GenerationView;

// Where the zone's memory comes from. `allocate` answers null where there is none left; its
// blocks of 64 bytes and more start on a cache line, as those of nginx's slab do.
struct Memory {
  void* base = nullptr;  // offsets count from here
  std::size_t size = 0;  // of the whole zone
  void* context = nullptr;
  void* (*allocate)(void* context, std::size_t size) = nullptr;
  void (*release)(void* context, void* block) = nullptr;
};

// How long a record is kept that no generation names: a peer that is taken out and put back keeps
// its breaker and its counters. Where the zone is short of memory, this goes first.
inline constexpr base::Millis kHistory = 600'000;

// How long a reload may take from building a generation to putting it in force. What waits longer
// is of one that has failed.
inline constexpr base::Millis kPendingMax = 300'000;

// Whether a process still exists (not 0), which only the caller can ask the system.
using ProcessExists = int (*)(std::int64_t pid);

class Zone {
 public:
  Zone() = default;
  Zone(const Memory& memory, ZoneHeader* header) : memory_(memory), header_(header) {}

  // A zone in fresh memory; nothing where even its header does not fit.
  static std::optional<Zone> create(const Memory& memory);

  // The zone that was created at `header` before; nothing where its layout is another.
  static std::optional<Zone> reopen(const Memory& memory, void* header);

  [[nodiscard]] ZoneHeader& header() const { return *header_; }
  [[nodiscard]] base::Owners owners() const { return base::Owners(header_->lives); }

  template <class T>
  [[nodiscard]] T* at(Offset offset) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(memory_.base) + offset);
  }
  [[nodiscard]] Offset offset_of(const void* block) const {
    return static_cast<Offset>(static_cast<const std::byte*>(block) -
                               static_cast<const std::byte*>(memory_.base));
  }

  // A block of zeroes, or 0. release() takes what it returned.
  [[nodiscard]] Offset allocate(std::size_t size) const;
  void release(Offset block) const;

  // The generation of that id, or null.
  [[nodiscard]] Generation* find(std::uint64_t id) const;

  // The generation in force, or null.
  [[nodiscard]] Generation* current() const;

  // Puts the generation of that id in force; nothing where there is none.
  void publish(std::uint64_t id) const;

  // What a configuration has built and not put in force, it never will.
  void forget_pending() const { header_->pending = 0; }
  // It has been built, and waits since then.
  void await(base::Instant now) const { header_->pending_since = now; }

  // Gives back what processes held that are gone without a word; returns how many were. nginx
  // starts a killed worker anew in its slot, but not one that was leaving after a reload.
  std::uint32_t bury(ProcessExists exists) const;

  // Frees the records that no generation has ever named.
  void drop_new() const;

  // Frees the records that nobody uses, however young. Returns whether there were any.
  bool forget_history() const;

  // Frees what nobody uses any more: the generations that no process pins, the records that no
  // generation has named for kHistory.
  void sweep(base::Instant now) const;

  // The generations alone, which costs next to nothing where none is to be freed.
  void sweep_generations(base::Instant now) const;

  // Takes a slot for a process; what its former owner held is given back. Returns the slot's new
  // life, or nothing where the zone has no memory for it.
  std::optional<base::Owner> take_slot(std::uint32_t slot, std::int64_t pid,
                                       std::uint32_t ranks) const;
  void leave_slot(base::Owner owner) const;

  // Sees to it that every process can count what it uses of so many ranks; false: no memory.
  [[nodiscard]] bool make_room(std::uint32_t ranks) const;

  // What the process in that slot uses of the record of that rank.
  [[nodiscard]] Use& use(const Slot& slot, std::uint32_t rank) const {
    const Uses& uses = *at<Uses>(slot.uses.load(std::memory_order_relaxed));
    const Offset chunk = uses.chunks[rank / Uses::kChunk].load(std::memory_order_relaxed);
    return at<Use>(chunk)[rank % Uses::kChunk];
  }

  // By which that record is found again.
  [[nodiscard]] std::string_view key_of(const PeerRecord& record) const {
    return {record.key_at == 0 ? record.key : at<char>(record.key_at), record.key_length};
  }

  // How many requests all living processes have in flight to the record of that rank, and how many
  // idle connections they keep.
  [[nodiscard]] std::uint64_t in_flight(std::uint32_t rank) const;
  [[nodiscard]] std::uint64_t idle(std::uint32_t rank) const;

 private:
  [[nodiscard]] bool in_use(Offset generation) const;
  // Frees a record that no list has any more, with what belongs to it.
  void release_record(const PeerRecord& record) const;
  void release_record(const ServiceRecord& record) const { release(offset_of(&record)); }
  void release_record(const NameRecord& record) const;
  template <class Record, class Old>
  bool drop_records(Offset* link, const Old& old) const;
  template <class Old>
  bool drop_records(const Old& old) const;
  // Lets go of the records that a generation names.
  void release_records(const GenerationView& generation, base::Instant now) const;
  [[nodiscard]] bool make_room(Slot& slot, std::uint32_t ranks) const;
  [[nodiscard]] Offset allocate_or_forget(std::size_t size) const;
  [[nodiscard]] std::uint64_t sum(std::uint32_t rank, std::atomic<std::uint32_t> Use::*what) const;

  Memory memory_;
  ZoneHeader* header_ = nullptr;
};

}  // namespace kerberos::service
