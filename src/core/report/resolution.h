// SPDX-License-Identifier: MIT
//
// The log lines of names that are followed: what they stand for now, and that they cannot be
// resolved, told where it begins and where it ends.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/service/names.h"

namespace kerberos::report {

// "3: Host not found", as nginx has it.
std::string error_text(std::uint32_t error);

struct ResolutionLine {
  std::string text;  // empty: nothing to tell
  bool warning = false;
};

// Writes for example
//   name "users.example.org" is 3 addresses: +10.0.0.4 -10.0.0.2
//   name "users.example.org" could not be resolved (2: Server failure), 3 addresses stay
//   name "users.example.org" is resolved again
ResolutionLine line_of(std::string_view name, const service::Hearing& hearing,
                       const service::Lesson& lesson);

}  // namespace kerberos::report
