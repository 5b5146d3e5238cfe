// SPDX-License-Identifier: MIT
//
// One service of a registry file, and the defaults that services share.
#pragma once

#include <optional>
#include <span>

#include "core/base/problem.h"
#include "core/registry/model.h"
#include "core/registry/settings.h"
#include "core/registry/value.h"

namespace kerberos::registry {

struct Defaults {
  std::optional<Balance> balance;
  BreakerSettings breaker;
  Timeouts timeouts;
  KeepaliveSettings keepalive;
  TlsSettings tls_settings;
  base::Place balance_place = {};
  base::Place certificate_place = {};
};

// The keys of a service; the defaults have the same ones but for those of a service alone, which
// stand first.
std::span<const KeyRow> service_keys();
std::span<const KeyRow> defaults_keys();

// A breaker is "off" or a mapping of its parameters, and whoever writes a mapping wants one: it
// turns on again what was turned off further out. A max_timeout is only held against a timeout
// of the same file here; whoever knows the http block asks contradiction() again.
Defaults read_defaults(const Field& field, base::Problems& problems);

// A service is a list of peers or a mapping. What it does not say is filled from the defaults.
Service read_service(const Field& field, const Defaults& defaults, base::Problems& problems);

}  // namespace kerberos::registry
