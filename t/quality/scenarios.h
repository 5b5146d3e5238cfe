// SPDX-License-Identifier: MIT
//
// What the methods are put through.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "quality/traffic.h"

namespace kerberos::quality {

// The methods in the words of kerberos_balance.
std::span<const std::string_view> methods();

// Ten peers, one of which may be special.
std::vector<Scenario> small_scenarios();

// A thousand equal peers, each of so many slots.
Scenario crowd(std::uint32_t slots, Work work);

}  // namespace kerberos::quality
