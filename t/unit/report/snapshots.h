// SPDX-License-Identifier: MIT
//
// What the tests of the status document share: snapshots in a few words, and the document that is
// made of them, read again.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "core/report/json.h"

#include "unit/cmocka.h"

namespace kerberos::report {

using nlohmann::json;

inline service::PeerSnapshot peer(const std::string& id) {
  service::PeerSnapshot made;
  made.id = made.address = id;
  return made;
}

inline service::Snapshot with(std::vector<service::PeerSnapshot> peers) {
  service::Snapshot snapshot;
  snapshot.services.push_back({.name = "product", .peers = std::move(peers)});
  return snapshot;
}

inline json read(const service::Snapshot& snapshot, const Stamp& stamp = {}) {
  return json::parse(to_json(snapshot, stamp));
}

inline void expect(const json& actual, const json& expected) {
  if (actual == expected) return;
  fail_msg("expected: %s\nbut was:  %s", expected.dump(1).c_str(), actual.dump(1).c_str());
}

// Whatever is added later, what is here must stay as it is.
inline void expect_with(const json& actual, const json& expected) {
  for (const auto& [key, value] : expected.items()) {
    if (!actual.contains(key)) fail_msg("no \"%s\" in %s", key.c_str(), actual.dump(1).c_str());
    expect(actual[key], value);
  }
}

}  // namespace kerberos::report
