// SPDX-License-Identifier: MIT
//
// What a restart should still know of the breakers of a generation, and how a zone that is new
// learns it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/instant.h"
#include "core/breaker/saved.h"
#include "core/service/generation.h"
#include "core/service/zone.h"

namespace kerberos::service {

// A peer by the same three names as its record.
struct SavedPeer {
  std::string_view service;
  std::string_view id;
  std::string_view address;
  breaker::Saved breaker;
};

// The peers whose breakers have something to remember. The names live as long as the generation.
std::vector<SavedPeer> save_state(const Zone& zone, const GenerationView& generation,
                                  base::Instant now);

// Two marks differ where save_state() has something else to say, but for what passes by itself.
// Costs a look at one line of memory for each peer.
std::uint64_t mark_of(const Zone& zone, const GenerationView& generation);

struct Restored {
  std::size_t peers = 0;
  std::size_t open = 0;     // of these
  std::size_t unknown = 0;  // peers that the generation does not have
};

// Tells a generation, the first of a zone that nobody works with yet, what was saved of its peers.
Restored restore_state(const Zone& zone, const GenerationView& generation,
                       std::span<const SavedPeer> saved, base::Instant now);

}  // namespace kerberos::service
