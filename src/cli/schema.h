// SPDX-License-Identifier: MIT
//
// The table of keys as a JSON Schema (draft-07), for editors that check YAML by one. Where a schema
// cannot say what the reader asks for, such as the range of a time, it lets more through: what the
// module takes, no editor complains of.
#pragma once

#include <string>

namespace kerberos::cli {

std::string schema();

}  // namespace kerberos::cli
