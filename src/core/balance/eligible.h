// SPDX-License-Identifier: MIT
//
// The one answer to "may this peer be picked now?". Every method asks here and nowhere else.
#pragma once

#include <cstdint>

namespace kerberos::balance {

struct Standing {
  bool admitted = false;        // by its breaker
  bool tried = false;           // by this request
  bool spared = false;          // this time, for it is coming back and gets but a part of its share
  std::uint64_t in_flight = 0;  // this request not included
  std::uint64_t limit = 0;      // of its configuration or of the method; 0: none
};

constexpr bool eligible(const Standing& standing) {
  return standing.admitted && !standing.tried && !standing.spared &&
         (standing.limit == 0 || standing.in_flight < standing.limit);
}

}  // namespace kerberos::balance
