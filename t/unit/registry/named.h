// SPDX-License-Identifier: MIT
//
// Addresses that names stand for, in a word.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <string>

#include "core/registry/answer.h"

namespace kerberos::registry {

inline NamedAddress named(const std::string& ip, std::uint16_t port = 0, std::uint16_t priority = 0,
                          std::uint16_t weight = 0) {
  NamedAddress made;
  made.v6 = ip.find(':') == std::string::npos ? 0 : 1;
  inet_pton(made.v6 != 0 ? AF_INET6 : AF_INET, ip.c_str(), made.ip.data());
  made.port = port;
  made.priority = priority;
  made.weight = weight;
  return made;
}

// A peer that is followed.
inline Peer followed(const std::string& target, TargetKind kind = TargetKind::kName) {
  Peer made;
  made.target = target;
  made.kind = kind;
  made.followed = true;
  return made;
}

}  // namespace kerberos::registry
