// SPDX-License-Identifier: MIT
#include "core/registry/environment.h"

#include <algorithm>

namespace kerberos::registry {

Environment::Environment(std::span<const std::string_view> entries) {
  variables_.reserve(entries.size());
  for (const std::string_view entry : entries) {
    const std::size_t equals = entry.find('=');
    if (equals == 0 || equals == std::string_view::npos) continue;
    variables_.push_back(
        {std::string(entry.substr(0, equals)), std::string(entry.substr(equals + 1))});
  }
  std::ranges::stable_sort(variables_, {}, &Variable::name);
  const auto rest = std::ranges::unique(variables_, {}, &Variable::name);
  variables_.erase(rest.begin(), rest.end());
}

std::optional<std::string_view> Environment::find(std::string_view name) const {
  const auto at = std::ranges::lower_bound(variables_, name, {}, &Variable::name);
  if (at == variables_.end() || at->name != name) return std::nullopt;
  return at->value;
}

}  // namespace kerberos::registry
