// SPDX-License-Identifier: MIT
//
// The routes of a service in a registry file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/keys.h"
#include "core/registry/value.h"
#include "core/route/model.h"

namespace kerberos::registry {

inline constexpr std::uint32_t kPriorityMax = 1'000'000;
inline constexpr std::size_t kSetHeadersMax = 32;  // of one route

std::span<const KeyRow> route_keys();

// "routes:" and what stands below it. The number of a route's service is for the caller to say.
void read_routes(const Field& field, std::vector<route::Route>& routes, base::Problems& problems);

}  // namespace kerberos::registry
