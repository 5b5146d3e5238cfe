// SPDX-License-Identifier: MIT
//
// The environment variables that a registry may use: a snapshot, because nginx clears the
// environment of its workers, and the core asks no system.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace kerberos::registry {

class Environment {
 public:
  using Variables = std::map<std::string, std::string, std::less<>>;

  Environment() = default;

  // Of texts "NAME=value", as a process has them. Of several of one name the first holds, as
  // getenv() has it; what has no name is passed over.
  explicit Environment(std::span<const std::string_view> entries);

  [[nodiscard]] std::optional<std::string_view> find(std::string_view name) const;

  // In the order of their names.
  [[nodiscard]] const Variables& variables() const { return variables_; }

 private:
  Variables variables_;
};

}  // namespace kerberos::registry
