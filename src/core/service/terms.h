// SPDX-License-Identifier: MIT
//
// On which terms connections to a service's peers are made, waited for and kept, as far as the
// service says so itself: who makes them has terms of his own for the rest.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/instant.h"
#include "core/registry/model.h"
#include "core/service/offset.h"

namespace kerberos::service {

// In a generation, which has each that differs from the one before once.
struct Terms {
  static constexpr std::int64_t kUnsaid = -1;

  base::Millis connect = kUnsaid;
  base::Millis send = kUnsaid;
  base::Millis read = kUnsaid;
  std::int64_t connections = kUnsaid;  // 0: none is kept
  base::Millis idle = kUnsaid;
  std::int64_t requests = kUnsaid;
  std::int64_t total = kUnsaid;
  bool tls = false;               // its peers speak TLS
  std::int32_t verify = kUnsaid;  // or 0, or 1
  Text name;                      // the server name; empty: unsaid
  Text trusted;                   // certificates in PEM; empty: unsaid
  std::uint64_t trusted_digest[2] = {};
};

// What they follow from. Refers to the registry.
struct TermsPlan {
  bool tls = false;
  registry::Timeouts timeouts;
  registry::KeepaliveSettings keepalive;
  registry::TlsSettings tls_settings;

  friend bool operator==(const TermsPlan&, const TermsPlan&) = default;
};

TermsPlan plan_terms(const registry::Service& service);

// All but the texts.
Terms terms_of(const TermsPlan& plan);

}  // namespace kerberos::service
