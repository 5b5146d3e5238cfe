// SPDX-License-Identifier: MIT
#include "core/registry/env_variables.h"

#include <algorithm>
#include <utility>

#include "core/registry/env_values.h"
#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kInfix = "_SVC_";

}  // namespace

std::optional<VariableName> parse_variable(std::string_view variable) {
  const std::size_t at = variable.rfind(kInfix);
  if (at == std::string_view::npos) return {};
  const VariableName name{variable.substr(0, at), variable.substr(at + kInfix.size())};
  if (!hint(name.topic, kTopics).starts_with("did you mean")) return {};
  return name;
}

std::string service_name(std::string_view name) {
  std::string result = in_small_letters(name);
  std::ranges::replace(result, '_', '-');
  return result;
}

std::vector<Source> with_variables(std::vector<Source> sources, const Environment& environment) {
  std::vector<Source> result;
  for (Source& source : sources) {
    if (source.name != kAllVariables) {
      result.push_back(std::move(source));
      continue;
    }
    const std::size_t before = result.size();
    for (const auto& [name, value] : environment.variables()) {
      if (parse_variable(name)) result.push_back({std::string(kAllVariables) + name, value});
    }
    if (result.size() == before) result.push_back({std::string(kNoVariables), {}});
  }
  return result;
}

}  // namespace kerberos::registry
