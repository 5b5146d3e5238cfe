// SPDX-License-Identifier: MIT
//
// The log line of a transition. Written into the caller's memory: lines are logged from within
// requests, where nothing is allocated.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/breaker/breaker.h"

namespace kerberos::report {

// Writes for example
//   circuit OPEN service "product" peer 10.0.0.1:80: 5 consecutive failures (last: connect
//   refused), probe in 30.4s
// and returns what was written, cut short where `room` ends.
std::string_view transition_line(const breaker::Transition& transition, std::string_view service,
                                 std::string_view peer, std::span<char> room);

}  // namespace kerberos::report
