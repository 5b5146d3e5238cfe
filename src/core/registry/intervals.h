// SPDX-License-Identifier: MIT
//
// When a service is asked again, as a configuration says it: after a failed attempt, and by checks.
#pragma once

#include <cstdint>

#include "core/base/instant.h"

namespace kerberos::registry {

inline constexpr std::uint32_t kAttemptsMax = 32;  // as many as a request can have

struct Retry {
  std::uint32_t attempts = 1;             // all of a request, the first included
  base::Millis base = 0;                  // the wait before the second
  base::Millis max = 0;                   // no wait is longer
  std::uint32_t factor_permille = 1'000;  // what each further wait is longer by; 2000: twice

  friend bool operator==(const Retry&, const Retry&) = default;
};

struct Check {
  base::Millis interval = 0;
  base::Millis timeout = 0;
  base::Millis delay = 0;  // before the first

  friend bool operator==(const Check&, const Check&) = default;
};

}  // namespace kerberos::registry
