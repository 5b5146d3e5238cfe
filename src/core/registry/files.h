// SPDX-License-Identifier: MIT
//
// A registry of several files and of variables: one name space, read as a whole or not at all.
#pragma once

#include <set>
#include <span>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/environment.h"
#include "core/registry/model.h"
#include "core/registry/source.h"

namespace kerberos::registry {

struct FilesReading {
  Registry registry;                // of use only if there are no problems
  base::Problems problems;          // of all sources, in their order and that of places
  std::vector<std::string> idle;    // what is read and has no effect yet, as messages name it
  std::set<std::string> variables;  // those that were asked for by name
};

// A file's defaults are for its own services. Of two services of one name the second is the
// problem, and says where the first is. Services know their source, by its number among
// `sources`; what stands for all variables is to be replaced before, by with_variables().
FilesReading read_files(std::span<const Source> sources, const Environment& environment);

// Lets the services inherit what they do not say from the http block. What contradicts itself then
// is a problem, where there is no other: what was read in part says nothing.
void settle(FilesReading& reading, const BreakerSettings& inherited);

// By source and place.
void sort_problems(base::Problems& problems);

}  // namespace kerberos::registry
