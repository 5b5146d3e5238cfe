// SPDX-License-Identifier: MIT
//
// The table of keys as tables of Markdown: the part of docs/registry.md that nobody writes.
#pragma once

#include <string>

namespace kerberos::cli {

std::string reference();

}  // namespace kerberos::cli
