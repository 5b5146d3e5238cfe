// SPDX-License-Identifier: MIT
//
// Who is in: the peers of a service that may be picked, as a published image.
//
// A pick reads the image and never walks past peers that are out, and a peer's share goes to the
// others by weight, because the schedule was computed without it. The image is rebuilt when a peer
// changes sides, by the process that won the transition or, should that one die, by the next to
// notice. There are two buffers: the builder fills the one that is not in force and flips a word.
//
// The image advises, it does not decide: whoever is picked from it is checked again, so a stale
// or even torn image costs a second look, never a wrong pick. That is why readers need neither a
// lock nor a second read, and why a builder that died or slept through its deadline does no harm.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "core/base/instant.h"

namespace kerberos::balance {

// When a peer that is out should next be offered a probe: at:44 | writes:20. The count of writes
// lets whoever looked over the peers postpone the next look only if nobody had news meanwhile.
struct Due {
  static constexpr unsigned kWritesBits = 20;
  static constexpr base::Instant kNever = (1LL << 43) - 1;

  std::uint64_t bits = 0;

  [[nodiscard]] base::Instant at() const { return static_cast<base::Instant>(bits >> kWritesBits); }
  // What a writer puts in its place.
  [[nodiscard]] std::uint64_t next(base::Instant at) const {
    const std::uint64_t writes = (bits + 1) & ((1ULL << kWritesBits) - 1);
    return static_cast<std::uint64_t>(at) << kWritesBits | writes;
  }
};

// The part of a roster that has a fixed size; its entries stand in an array of their own.
struct RosterWords {
  std::atomic<std::uint64_t> published;  // version << 1 | buffer; 0: never built
  std::atomic<base::Instant> claim;      // until when somebody may be building; 0: nobody is
  std::atomic<std::uint64_t> due;        // Due
  struct Lengths {
    std::atomic<std::uint32_t> primary;  // of the primaries' schedule
    std::atomic<std::uint32_t> backup;   // of the backups' schedule
    std::atomic<std::uint32_t> out;      // peers that are out
    std::atomic<base::Instant> until;    // an order of an operator ends then
    std::atomic<bool> panic;             // some of those that are out stand in the schedules too
  };
  Lengths lengths[2];
};

// How many entries each part of a buffer has room for.
struct RosterRoom {
  std::uint32_t primary = 0;
  std::uint32_t backup = 0;
  std::uint32_t out = 0;

  [[nodiscard]] std::size_t buffer() const {
    return static_cast<std::size_t>(primary) + backup + out;
  }
  [[nodiscard]] std::size_t entries() const { return 2 * buffer(); }
};

// One part of an image, as its reader sees it.
class Entries {
 public:
  Entries(const std::atomic<std::uint32_t>* first, std::uint32_t length)
      : first_(first), length_(length) {}
  [[nodiscard]] std::uint32_t size() const { return length_; }
  [[nodiscard]] std::uint32_t operator[](std::uint32_t i) const {
    return first_[i].load(std::memory_order_relaxed);
  }

 private:
  const std::atomic<std::uint32_t>* first_;
  std::uint32_t length_;
};

struct Lineup {
  Entries primary;
  Entries backup;
  Entries out;
  bool panic = false;
};

class Roster {
 public:
  // How long a build may take before another process may take over.
  static constexpr base::Millis kClaim = 1000;

  Roster(RosterWords& words, RosterRoom room, std::atomic<std::uint32_t>* entries)
      : words_(words), room_(room), entries_(entries) {}

  // The version of the image in force; 0: none yet.
  [[nodiscard]] std::uint64_t version() const {
    return words_.published.load(std::memory_order_acquire) >> 1U;
  }

  // Whether the image in force is of that version and still right.
  [[nodiscard]] bool current(std::uint64_t version, base::Instant now) const {
    const std::uint64_t published = words_.published.load(std::memory_order_acquire);
    return published >> 1U == version &&
           now < words_.lengths[published & 1U].until.load(std::memory_order_relaxed);
  }

  [[nodiscard]] Lineup lineup() const;

  [[nodiscard]] Due due() const { return {words_.due.load(std::memory_order_acquire)}; }

  // Nobody is due before `at`, says who has looked over all peers since reading `seen`.
  void postpone(Due seen, base::Instant at);

  // Somebody is due at `at` or earlier.
  void hasten(base::Instant at);

  // The right to build, or 0 where somebody else has it.
  base::Instant claim(base::Instant now);

  // What a builder fills: the buffer that is not in force.
  struct Draft {
    std::uint32_t buffer;
    std::atomic<std::uint32_t>* primary;
    std::atomic<std::uint32_t>* backup;
    std::atomic<std::uint32_t>* out;
  };
  [[nodiscard]] Draft draft() const;

  // What a builder says of its draft.
  struct Contents {
    RosterRoom lengths = {};
    bool panic = false;
    base::Instant until = Due::kNever;  // it is right no longer
    base::Instant due = Due::kNever;    // the earliest of the peers that are out
  };

  // Puts a draft in force as `version`, unless the claim has been lost meanwhile, and gives the
  // claim back. Whoever is due was found since reading `seen`.
  void publish(const Draft& draft, const Contents& contents, std::uint64_t version, Due seen,
               base::Instant claim);

 private:
  RosterWords& words_;
  RosterRoom room_;
  std::atomic<std::uint32_t>* entries_;
};

}  // namespace kerberos::balance
