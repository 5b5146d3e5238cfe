// SPDX-License-Identifier: MIT
//
// The names of the variables that define services: USER_SVC_RETRY is what is to be said of "RETRY"
// of the service "user".
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/environment.h"
#include "core/registry/source.h"

namespace kerberos::registry {

inline constexpr std::string_view kInstances = "INSTANCES";
inline constexpr std::array<std::string_view, 5> kTopics = {
    kInstances, "LOAD_BALANCE_STRATEGY", "CIRCUIT_BREAKER", "RETRY", "HEALTH_CHECK"};

// The source that stands for all instances where no variable has any.
inline constexpr std::string_view kNoVariables = "env:*_SVC_INSTANCES";

struct VariableName {
  std::string_view service;  // "USER"
  std::string_view topic;
};

// Of a variable that is ours, or was meant to be: "_SVC_INSTANCE" is not passed over in silence.
// Others of such a form ("_SVC_PORT") are somebody else's.
std::optional<VariableName> parse_variable(std::string_view variable);

// USER is "user", ORDER_ITEM is "order-item".
std::string service_name(std::string_view name);

// The sources, with those of the variables that define services in the place of kAllVariables: one
// for each, in the order of their names, or kNoVariables.
std::vector<Source> with_variables(std::vector<Source> sources, const Environment& environment);

}  // namespace kerberos::registry
