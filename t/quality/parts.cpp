// SPDX-License-Identifier: MIT
#include "quality/parts.h"

namespace kerberos::quality {
namespace {

constexpr Part kParts[] = {
    {"load_70", [](std::uint64_t seed) { return latencies(0.7, seed); }},
    {"load_90", [](std::uint64_t seed) { return latencies(0.9, seed); }},
    {"gateways", gateways},
    {"crowd", crowds},
    {"queues", queues},
    {"bins", bins},
    {"key_shares", key_shares},
    {"key_moves", key_moves},
};

}  // namespace

std::span<const Part> parts() {
  return kParts;
}

}  // namespace kerberos::quality
