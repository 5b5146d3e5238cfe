// SPDX-License-Identifier: MIT
//
// What the table-driven tests of this room share: comparing texts under the name of a row, and
// problems as text.
#pragma once

#include <string>
#include <string_view>

#include "../cmocka.h"
#include "core/base/problem.h"

namespace kerberos::registry {

// As every refusal of an unknown parameter lists them.
inline const std::string kParameters =
    "threshold, failure_rate, slow, slow_rate, window, min_requests, timeout, max_timeout, jitter, "
    "probes, successes, probe_timeout, probe_grace, ramp, max_open, panic, mode";

// As every refusal of an unknown key of a service, and of the defaults, lists them.
inline const std::string kDefaultsKeys = "balance, breaker, failure_on, keepalive, timeouts, tls";
inline const std::string kServiceKeys = "peers, routes, " + kDefaultsKeys;

inline void expect_text(std::string_view row, std::string_view actual, std::string_view expected) {
  if (actual == expected) return;
  fail_msg("%s\n  expected: %s\n  but was:  %s", std::string(row).c_str(),
           std::string(expected).c_str(), std::string(actual).c_str());
}

inline void expect_true(std::string_view row, bool condition) {
  if (!condition) fail_msg("%s", std::string(row).c_str());
}

// "3:5: what (hint)", one a line.
inline std::string listed(const base::Problems& problems) {
  std::string result;
  for (const base::Problem& problem : problems) {
    if (!result.empty()) result += '\n';
    result += std::to_string(problem.place.line) + ":" + std::to_string(problem.place.column) +
              ": " + problem.text;
  }
  return result;
}

}  // namespace kerberos::registry
