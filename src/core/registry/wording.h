// SPDX-License-Identifier: MIT
//
// The words of the problems: how a name is quoted and how a hint is put, the same for every
// problem that a registry or a directive can have.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "core/base/problem.h"

namespace kerberos::registry {

// The text in double quotes, fit for one line of a log: cut where it is long, and with control
// characters, which could forge log lines, shown as "?".
std::string quoted(std::string_view text);

// "threshold, timeout, jitter"
std::string joined(std::span<const std::string_view> names);

// What to say to whoever wrote `word` where one of `names` was due:
// `did you mean "threshold"? allowed: threshold, timeout, jitter`, the question only where one
// of the names is a near miss.
std::string hint(std::string_view word, std::span<const std::string_view> names);

// "first at 4:11"
std::string first_at(base::Place place);

}  // namespace kerberos::registry
