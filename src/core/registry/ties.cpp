// SPDX-License-Identifier: MIT
#include "core/registry/ties.h"

#include <cstdint>
#include <string>
#include <vector>

#include "core/registry/wording.h"
#include "core/route/precedence.h"

namespace kerberos::registry {
namespace {

std::string place_of(const route::Route& route, const Service& service,
                     std::span<const Source> sources) {
  const std::string place =
      std::to_string(route.place.line) + ":" + std::to_string(route.place.column);
  return service.source < sources.size() ? sources[service.source].name + ":" + place : place;
}

}  // namespace

void check_routes(const Registry& registry, std::span<const Source> sources,
                  base::Problems& problems) {
  std::vector<route::Route> routes;
  for (std::uint32_t number = 0; number < registry.services.size(); ++number) {
    for (const route::Route& route : registry.services[number].routes) {
      routes.push_back(route);
      routes.back().service = number;
    }
  }
  for (const route::Tie& tie : route::ties(routes)) {
    const route::Route& first = routes[tie.first];
    const route::Route& second = routes[tie.second];
    const Service& ours = registry.services[second.service];
    const Service& theirs = registry.services[first.service];
    problems.push_back({second.place,
                        "route " + quoted(second.name) + " of service " + quoted(ours.name) +
                            " ties with that of " + quoted(theirs.name) + " at " +
                            place_of(first, theirs, sources) + " (give one of them a \"priority\")",
                        ours.source});
  }
}

}  // namespace kerberos::registry
