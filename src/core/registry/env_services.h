// SPDX-License-Identifier: MIT
//
// Services that are defined by environment variables, as some gateways have them:
//
//   NAME_SVC_INSTANCES              ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, one or more with commas
//   NAME_SVC_LOAD_BALANCE_STRATEGY  round_robin, least_connections, ...
//   NAME_SVC_CIRCUIT_BREAKER        THRESHOLD:SUCCESSES:TIMEOUT
//   NAME_SVC_RETRY                  ATTEMPTS:BASE:MAX:FACTOR
//   NAME_SVC_HEALTH_CHECK           INTERVAL:TIMEOUT:DELAY
//
// The values become what a registry file would have said, and go through its readers, so that
// there is one judgement of what a peer or a breaker may be.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/model.h"
#include "core/registry/source.h"

namespace kerberos::registry {

// What the variables among the sources define. Problems know their source; what is read and not
// acted upon is noted in `idle`, as messages name it.
struct EnvReading {
  std::vector<Service> services;
  base::Problems problems;
  std::vector<std::string> idle;
};

EnvReading read_env_services(std::span<const Source> sources);

}  // namespace kerberos::registry
