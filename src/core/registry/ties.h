// SPDX-License-Identifier: MIT
//
// Routes of which nothing says which one goes first.
#pragma once

#include <span>

#include "core/base/problem.h"
#include "core/registry/model.h"
#include "core/registry/source.h"

namespace kerberos::registry {

// Routes of all services that tie: a problem at the second of each two. The first one's file is
// named where there are sources.
void check_routes(const Registry& registry, std::span<const Source> sources,
                  base::Problems& problems);

}  // namespace kerberos::registry
