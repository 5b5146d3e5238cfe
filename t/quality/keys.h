// SPDX-License-Identifier: MIT
//
// Keys on their way through the real Service::pick.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "core/base/instant.h"
#include "core/registry/model.h"
#include "quality/gateway.h"

namespace kerberos::quality {

// The text of the k-th key, and what that comes to when it is hashed.
std::string key_text(std::uint64_t seed, std::uint32_t k);
std::vector<std::uint64_t> hashed_keys(std::uint64_t seed, std::uint32_t count);

// A service of these peers, by their numbers for name_of().
registry::Service hashing(std::string_view balance, const std::vector<std::uint32_t>& peers);

// Tells the peer of each of so many keys, while nothing else is in flight: `tell(key, peer)`, by
// the peer's number in the service.
void each_owner(Gateway& gateway, std::uint64_t seed, std::uint32_t keys, base::Instant now,
                const std::function<void(std::uint32_t key, std::uint32_t peer)>& tell);

}  // namespace kerberos::quality
