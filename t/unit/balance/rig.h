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
  RosterRoom room = {.primary = 4, .backup = 3, .out = 2};
  std::vector<std::atomic<std::uint32_t>> entries =
      std::vector<std::atomic<std::uint32_t>>(room.entries());

  Roster roster() { return {words, room, entries.data()}; }

  // Fills the draft; what publish() wants to know are the lengths.
  static RosterRoom write(const Roster::Draft& draft, const Peers& primary,
                          const Peers& backup = {}, const Peers& out = {}) {
    const auto copy = [](const Peers& from, std::atomic<std::uint32_t>* to) {
      for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
      return static_cast<std::uint32_t>(from.size());
    };
    return {copy(primary, draft.primary), copy(backup, draft.backup), copy(out, draft.out)};
  }

  // A whole build, without anybody in between.
  void build(std::uint64_t version, base::Instant now, const Peers& primary,
             const Peers& backup = {}, const Peers& out = {}, base::Instant due = Due::kNever,
             bool panic = false) {
    const base::Instant claim = roster().claim(now);
    const Due seen = roster().due();
    const Roster::Draft draft = roster().draft();
    const Roster::Contents contents{
        .lengths = write(draft, primary, backup, out), .panic = panic, .due = due};
    roster().publish(draft, contents, version, seen, claim);
  }
};

}  // namespace kerberos::balance
