// SPDX-License-Identifier: MIT
#include "core/registry/telling.h"

#include <algorithm>

#include "core/registry/message.h"

namespace kerberos::registry {
namespace {

constexpr std::size_t kIdleTold = 20;

}  // namespace

std::vector<std::string> told(const base::Problems& problems, std::span<const Source> sources) {
  std::vector<std::string> lines;
  const std::size_t shown = std::min(problems.size(), kProblemsTold);
  for (const base::Problem& problem : std::span(problems).first(shown)) {
    for (std::string& line : message_of(problem, sources)) lines.push_back(std::move(line));
  }
  if (const std::size_t more = problems.size() - shown; more > 0) {
    lines.push_back("and " + std::to_string(more) +
                    (more == 1 ? " more problem" : " more problems"));
  }
  return lines;
}

std::string told_idle(std::span<const std::string> idle) {
  if (idle.empty()) return {};
  std::string line = "no effect in this version: ";
  const std::size_t shown = std::min(idle.size(), kIdleTold);
  for (std::size_t i = 0; i < shown; ++i) line.append(i == 0 ? "" : ", ").append(idle[i]);
  if (shown < idle.size()) line += " and " + std::to_string(idle.size() - shown) + " more";
  return line;
}

}  // namespace kerberos::registry
