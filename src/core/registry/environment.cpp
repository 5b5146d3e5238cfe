// SPDX-License-Identifier: MIT
#include "core/registry/environment.h"

namespace kerberos::registry {

Environment::Environment(std::span<const std::string_view> entries) {
  for (const std::string_view entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    variables_.emplace(entry.substr(0, equals), entry.substr(equals + 1));
  }
}

std::optional<std::string_view> Environment::find(std::string_view name) const {
  const auto at = variables_.find(name);
  if (at == variables_.end()) return std::nullopt;
  return at->second;
}

}  // namespace kerberos::registry
