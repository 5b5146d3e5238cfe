// SPDX-License-Identifier: MIT
//
// What stands for pointers in the zone, whose memory outlives whoever wrote them.
#pragma once

#include <cstdint>

namespace kerberos::service {

using Offset = std::uint64_t;  // from the start of the zone, or of the block where it says so
using Inside = std::uint32_t;  // from the start of a generation's block, which is no larger

struct Text {
  Inside at = 0;
  std::uint32_t length = 0;
};

}  // namespace kerberos::service
