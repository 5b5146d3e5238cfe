// SPDX-License-Identifier: MIT
//
// Names that are followed: which ones a registry has, and the registry that it is with what they
// stand for at the moment.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/answer.h"
#include "core/registry/model.h"

namespace kerberos::registry {

// What is to be asked for a peer that is followed: a host, or the name of SRV records, in small
// letters and without a dot at its end.
std::string name_of(const Peer& peer);

// Those of all peers that are followed, each once, in order.
std::vector<std::string> names_of(const Registry& registry);

// What a name stands for; null: nobody knows yet.
using Answers = std::function<const Answer*(std::string_view name)>;

// The registry with one peer for each address that a name stands for, and none where nobody knows.
// Of SRV records those of the lowest priority are asked first and all others are backups; their
// weight, of which 0 is as good as 1, multiplies that of the peer.
Registry with_answers(const Registry& registry, const Answers& answers);

}  // namespace kerberos::registry
