// SPDX-License-Identifier: MIT
//
// The list of those who are in, as a service's method wants to read it: a smooth schedule, or a
// ring to hash on.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>

#include "core/balance/schedule.h"
#include "core/service/generation.h"

namespace kerberos::service {

// Writes the list of a tier's peers for whom `in` is not 0 to `out`, which has the room of the
// service's roster, and returns its length.
std::uint32_t draw_up(const GenerationView& generation, const ServiceImage& service,
                      balance::Tier tier, std::span<const std::uint8_t> in,
                      std::atomic<std::uint32_t>* out, balance::Workbench& bench);

}  // namespace kerberos::service
