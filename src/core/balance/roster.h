// SPDX-License-Identifier: MIT
//
// Who is in: the peers of a service that may be picked, as a published image.
//
// A pick reads the image and never walks past peers that are out, and a peer's share goes to the
// others by weight, because what a method needs was computed without it. The image is rebuilt when
// a peer changes sides, by the process that won the transition or, should that one die, by the
// next to notice. There are two buffers: the builder fills the one that is not in force and flips
// a word.
//
// The image advises, it does not decide: whoever is picked from it is checked again, so a stale
// or even torn image costs a second look, never a wrong pick. That is why readers need neither a
// lock nor a second read, and why a builder that died or slept through its deadline does no harm.
//
// A build takes time in proportion to the peers, so the larger a service, the longer it rests
// between two builds: where thousands of peers change sides one after another, keeping up costs
// no more than a small share of one processor.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::balance {

// Backups are asked where no primary can be had.
enum class Tier : std::uint8_t { kPrimary, kBackup };
inline constexpr std::size_t kTiers = 2;
inline constexpr std::array<Tier, kTiers> kAllTiers = {Tier::kPrimary, Tier::kBackup};

// The part of a roster that has a fixed size; its entries stand in an array of their own.
struct RosterWords {
  std::atomic<std::uint64_t> published;  // version << 1 | buffer; 0: never built
  std::atomic<base::Instant> claim;      // until when somebody may be building; 0: nobody is
  std::atomic<base::Instant> rest;       // no build before, unless nobody can be had otherwise
  struct Contents {
    std::atomic<std::uint32_t> lengths[kTiers];  // of the lists of peers
    std::atomic<std::uint32_t> out;              // how many peers are
    std::atomic<bool> panic;                     // some of those stand in the lists too
    std::atomic<std::uint64_t> weights[kTiers];  // of the peers that are in, together
    std::atomic<base::Instant> until;            // an order of an operator ends then
  };
  Contents contents[2];
};

// How much each tier has room for in a buffer: so many peers in its list, each as often as its
// method wants, and so many words of whatever else the method needs behind it.
struct RosterRoom {
  struct {
    std::uint32_t peers = 0;
    std::uint32_t words = 0;  // of the list and what stands behind it
  } tiers[kTiers];

  [[nodiscard]] std::size_t buffer() const { return std::size_t{tiers[0].words} + tiers[1].words; }
  [[nodiscard]] std::size_t entries() const { return 2 * buffer(); }
};

// A list of peers, as its reader sees it.
class Entries {
 public:
  Entries(const std::atomic<std::uint32_t>* first, std::uint32_t length)
      : first_(first), length_(length) {}
  [[nodiscard]] std::uint32_t size() const { return length_; }
  [[nodiscard]] std::uint32_t operator[](std::uint32_t i) const {
    return first_[i].load(std::memory_order_relaxed);
  }
  [[nodiscard]] const std::atomic<std::uint32_t>* data() const { return first_; }

 private:
  const std::atomic<std::uint32_t>* first_;
  std::uint32_t length_;
};

struct Lineup {
  Entries primary;
  Entries backup;
  std::uint32_t out = 0;
  bool panic = false;
  std::uint64_t weights[kTiers] = {};

  [[nodiscard]] const Entries& of(Tier tier) const {
    return tier == Tier::kPrimary ? primary : backup;
  }
  [[nodiscard]] bool empty() const { return primary.size() + backup.size() == 0; }
};

class Roster {
 public:
  // How long a build may take before another process may take over.
  static constexpr base::Millis kClaim = 1000;
  // A service with so many peers more rests a millisecond longer between two builds.
  static constexpr std::size_t kRestPeers = 256;

  Roster(RosterWords& words, const RosterRoom& room, std::atomic<std::uint32_t>* entries)
      : words_(words), room_(room), entries_(entries) {}

  // The version of the image in force; 0: none yet.
  [[nodiscard]] std::uint64_t version() const {
    return words_.published.load(std::memory_order_acquire) >> 1U;
  }

  // Whether the image in force is of that version and still right.
  [[nodiscard]] bool current(std::uint64_t version, base::Instant now) const {
    const std::uint64_t published = words_.published.load(std::memory_order_acquire);
    return published >> 1U == version &&
           now < words_.contents[published & 1U].until.load(std::memory_order_relaxed);
  }

  [[nodiscard]] bool resting(base::Instant now) const {
    return now < words_.rest.load(std::memory_order_relaxed);
  }

  [[nodiscard]] Lineup lineup() const;

  // The right to build, or 0 where somebody else has it.
  base::Instant claim(base::Instant now);

  // What a builder fills: the buffer that is not in force.
  struct Draft {
    std::uint32_t buffer;
    std::atomic<std::uint32_t>* tiers[kTiers];
  };
  [[nodiscard]] Draft draft() const;

  // What a builder says of its draft.
  struct Contents {
    std::uint32_t lengths[kTiers] = {};
    std::uint64_t weights[kTiers] = {};
    std::uint32_t out = 0;
    bool panic = false;
    base::Instant until = kForever;  // it is right no longer
    base::Instant rest = 0;          // no other build before
  };
  static constexpr base::Instant kForever = (1LL << 43) - 1;

  // Puts a draft in force as `version`, unless the claim has been lost meanwhile, and gives the
  // claim back.
  void publish(const Draft& draft, const Contents& contents, std::uint64_t version,
               base::Instant claim);

 private:
  RosterWords& words_;
  const RosterRoom& room_;
  std::atomic<std::uint32_t>* entries_;
};

}  // namespace kerberos::balance
