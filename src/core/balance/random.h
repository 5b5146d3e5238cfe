// SPDX-License-Identifier: MIT
//
// Random: of two peers drawn by weight, the one with fewer requests in flight for its weight.
#pragma once

#include <cstdint>
#include <optional>

#include "core/balance/load.h"
#include "core/balance/two_choices.h"

namespace kerberos::balance {

// `load(peer)` tells its Load.
template <class LoadOf, class Take>
std::optional<std::uint32_t> random(const Entries& peers, base::Pcg32& dice, LoadOf&& load,
                                    Take&& take) {
  return two_choices(
      peers, dice, [&](std::uint32_t peer) { return load(peer).key(); }, take);
}

}  // namespace kerberos::balance
