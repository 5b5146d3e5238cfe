// SPDX-License-Identifier: MIT
//
// What a restart should know of the breakers, as a text to be put on disk, and read again by a
// process that may be of another build, on a machine that has been started anew: names and not
// numbers, and times of the wall clock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/instant.h"
#include "core/report/rows.h"
#include "core/service/state.h"

namespace kerberos::report {

// The same moment on both clocks.
struct Clocks {
  base::Instant now = 0;
  std::int64_t unix_ms = 0;
};

std::string to_text(std::span<const service::SavedPeer> peers, const Clocks& clocks);

struct StateReading {
  std::vector<service::SavedPeer> peers;
  std::size_t skipped = 0;  // rows that say nothing, or nonsense
  std::string problem;      // why there is nothing; empty: nothing is wrong
  Rows rows;                // what the names of `peers` stand in
};

StateReading read_state(std::string_view text, const Clocks& clocks);

}  // namespace kerberos::report
