// SPDX-License-Identifier: MIT
//
// A problem as lines for a person, the same in the log, in the status and on a terminal:
//
//   services.yaml:14:5: unknown key "tresholt" (did you mean "threshold"? allowed: ...)
//      14 |     tresholt: 5
//         |     ^~~~~~~~
//
// Columns count bytes, as most compilers and editors take them from such a line; the caret stands
// where a terminal shows them, whatever characters are before it. What is printed of a source can
// do no harm to who prints it: no control characters, no overlong lines, no passwords.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/source.h"

namespace kerberos::registry {

// Without the lines of the source where it has no such place.
std::vector<std::string> message_of(const base::Problem& problem, std::span<const Source> sources);

}  // namespace kerberos::registry
