// SPDX-License-Identifier: MIT
//
// The status document: a snapshot as JSON. Fields are only ever added.
#pragma once

#include <cstdint>
#include <string>

#include "core/service/snapshot.h"

namespace kerberos::report {

// When and by whom a document was written.
struct Stamp {
  std::int64_t unix_ms = 0;  // UTC
  std::int64_t pid = 0;
  std::uint64_t used = 0;  // bytes of the zone
};

std::string to_json(const service::Snapshot& snapshot, const Stamp& stamp);

}  // namespace kerberos::report
