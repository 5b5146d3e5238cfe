// SPDX-License-Identifier: MIT
//
// The strict reader of a registry file: all of the file or nothing, and every problem that it
// has, not only the first.
//
// A file in short form is a mapping of service to peers. A file that has one of the keys
// version, allow_shrink, defaults and services at its top is in full form, so only the full form
// can have services of these names.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include "core/base/problem.h"
#include "core/registry/document.h"
#include "core/registry/keys.h"
#include "core/registry/model.h"

namespace kerberos::registry {

inline constexpr std::size_t kPeersMax = 100'000;  // in one file

struct Reading {
  Registry registry;        // of use only if there are no problems
  base::Problems problems;  // in the order of their places
};

// The file's defaults are already in each service.
Reading read(std::string_view text);

// The keys of a file in full form, from which those of everything in it are reached.
std::span<const KeyRow> registry_keys();

// The same of a file that is parsed already.
Reading read(Document document);

}  // namespace kerberos::registry
