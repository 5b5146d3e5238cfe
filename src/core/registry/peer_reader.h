// SPDX-License-Identifier: MIT
//
// One peer of a registry file: a URL, or a mapping with a URL and what else there is to say.
#pragma once

#include <optional>
#include <span>

#include "core/base/problem.h"
#include "core/registry/document.h"
#include "core/registry/keys.h"
#include "core/registry/model.h"

namespace kerberos::registry {

inline constexpr std::uint32_t kMaxConnsMax = 1'000'000;

std::span<const KeyRow> peer_keys();

struct PeerReading {
  Peer peer;
  std::optional<bool> tls;  // of its URL; nothing if that could not be read
  base::Place id_place;     // of an id that was given
};

// An id has the form of a service's name. As that has no colon, no id can be mistaken for the
// address of another peer.
PeerReading read_peer(const Node& node, base::Problems& problems);

}  // namespace kerberos::registry
