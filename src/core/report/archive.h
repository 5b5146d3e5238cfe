// SPDX-License-Identifier: MIT
//
// The last registry that was good, as a text to be put on disk: what its files were called and
// said, byte for byte. It goes through the reader like any other when it is needed.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/source.h"

namespace kerberos::report {

// Empty where it could not be read again: a source that is no UTF-8.
std::string to_text(std::span<const registry::Source> sources);

struct ArchiveReading {
  std::vector<registry::Source> sources;
  std::string problem;  // why there are none; empty: nothing is wrong
};

ArchiveReading read_archive(std::string_view text);

}  // namespace kerberos::report
