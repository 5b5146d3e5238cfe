// SPDX-License-Identifier: MIT
//
// One of the texts that a registry is read from, and what messages call it. A file has its path;
// the value of a variable has the variable's name after "env:", which no absolute path begins with.
#pragma once

#include <string>
#include <string_view>

namespace kerberos::registry {

// The source that stands for all variables that define services.
inline constexpr std::string_view kAllVariables = "env:";

struct Source {
  std::string name;
  std::string text;

  // The value of a variable, and not a file.
  [[nodiscard]] bool is_variable() const { return name.starts_with(kAllVariables); }
};

}  // namespace kerberos::registry
