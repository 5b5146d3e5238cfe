// SPDX-License-Identifier: MIT
//
// The problems of a registry as lines for a person, the same wherever they are shown.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/source.h"

namespace kerberos::registry {

inline constexpr std::size_t kProblemsTold = 100;

// All lines, in order. Of many problems the first hundred are told, and how many more there are.
std::vector<std::string> told(const base::Problems& problems, std::span<const Source> sources);

// "no effect in this version: USER_SVC_RETRY, USER_SVC_HEALTH_CHECK"; empty where nothing is idle.
std::string told_idle(std::span<const std::string> idle);

}  // namespace kerberos::registry
