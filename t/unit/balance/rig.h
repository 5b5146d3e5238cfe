// SPDX-License-Identifier: MIT
//
// A roster with the memory that it stands on.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/balance/roster.h"

namespace kerberos::balance {

using Peers = std::vector<std::uint32_t>;

inline Peers read(const Entries& entries) {
  Peers peers;
  for (std::uint32_t i = 0; i < entries.size(); ++i) peers.push_back(entries[i]);
  return peers;
}

struct Rig {
  RosterWords words{};
  RosterRoom room = {.tiers = {{.peers = 4, .words = 4}, {.peers = 3, .words = 3}}};
  std::vector<std::atomic<std::uint32_t>> entries =
      std::vector<std::atomic<std::uint32_t>>(room.entries());

  Roster roster() { return {words, room, entries.data()}; }

  // Fills the draft, and says what publish() wants to know of it.
  static Roster::Contents write(const Roster::Draft& draft, const Peers& primary,
                                const Peers& backup = {}, std::uint32_t out = 0) {
    const auto copy = [](const Peers& from, std::atomic<std::uint32_t>* to) {
      for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
      return static_cast<std::uint32_t>(from.size());
    };
    Roster::Contents contents;
    contents.lengths[0] = copy(primary, draft.tiers[0]);
    contents.lengths[1] = copy(backup, draft.tiers[1]);
    contents.out = out;
    return contents;
  }

  // A whole build, without anybody in between.
  void build(std::uint64_t version, base::Instant now, const Peers& primary,
             const Peers& backup = {}, std::uint32_t out = 0, bool panic = false,
             base::Instant rest = 0) {
    const base::Instant claim = roster().claim(now);
    const Roster::Draft draft = roster().draft();
    Roster::Contents contents = write(draft, primary, backup, out);
    contents.panic = panic;
    contents.rest = rest;
    roster().publish(draft, contents, version, claim);
  }
};

}  // namespace kerberos::balance
