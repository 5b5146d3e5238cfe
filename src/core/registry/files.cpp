// SPDX-License-Identifier: MIT
#include "core/registry/files.h"

#include <algorithm>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "core/registry/document.h"
#include "core/registry/env_services.h"
#include "core/registry/expand.h"
#include "core/registry/reader.h"
#include "core/registry/ties.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

// "first at /etc/kerberos/a.yaml:4:1"
std::string first_at(const Source& source, base::Place place) {
  return "first at " + source.name + ":" + std::to_string(place.line) + ":" +
         std::to_string(place.column);
}

class FilesReader {
 public:
  FilesReader(std::span<const Source> sources, const Environment& environment)
      : sources_(sources), environment_(environment) {}

  FilesReading read() && {
    bool variables_read = false;
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      const bool added = names_.insert(sources_[i].name).second;
      if (!added) {
        reading_.problems.push_back({{1, 1}, "this file is given twice", i});
      } else if (!sources_[i].is_variable()) {
        read_file(i);
      } else if (!std::exchange(variables_read, true)) {
        read_variables();
      }
    }
    check_routes(reading_.registry, sources_, reading_.problems);
    sort_problems(reading_.problems);
    return std::move(reading_);
  }

 private:
  void read_file(std::uint32_t number) {
    Document document = parse_document(sources_[number].text);
    Reading reading;
    if (document.root) {
      const Expansion expansion(*document.root, environment_);
      reading = registry::read(std::move(document));
      expansion.explain(reading.problems);
      reading_.variables.insert(expansion.names().begin(), expansion.names().end());
    } else {
      reading = registry::read(std::move(document));
    }
    for (base::Problem& problem : reading.problems) {
      problem.source = number;
      reading_.problems.push_back(std::move(problem));
    }
    reading_.registry.allow_shrink |= reading.registry.allow_shrink;
    for (Service& service : reading.registry.services) {
      service.source = number;
      take(std::move(service));
    }
  }

  // All of them where the first one stands: a service is made of several.
  void read_variables() {
    EnvReading reading = read_env_services(sources_);
    std::ranges::move(reading.problems, std::back_inserter(reading_.problems));
    for (Service& service : reading.services) take(std::move(service));
    reading_.idle = std::move(reading.idle);
    for (const Source& source : sources_) {
      if (!source.is_variable()) continue;
      reading_.variables.insert(source.name.substr(kAllVariables.size()));
    }
  }

  void take(Service service) {
    const Where here{service.source, service.place};
    const auto [first, added] = services_.emplace(service.name, here);
    if (!added) {
      const auto& [source, place] = first->second;
      reading_.problems.push_back({service.place,
                                   "service " + quoted(service.name) + " is defined twice (" +
                                       first_at(sources_[source], place) + ")",
                                   service.source});
    }
    reading_.registry.services.push_back(std::move(service));
  }

  struct Where {
    std::uint32_t source;
    base::Place place;
  };

  std::span<const Source> sources_;
  const Environment& environment_;
  FilesReading reading_;
  std::set<std::string_view> names_;  // of the sources
  std::unordered_map<std::string, Where> services_;
};

}  // namespace

FilesReading read_files(std::span<const Source> sources, const Environment& environment) {
  return FilesReader(sources, environment).read();
}

void settle(FilesReading& reading, const BreakerSettings& inherited) {
  for (Service& service : reading.registry.services) {
    service.breaker = inherit(service.breaker, inherited);
  }
  if (!reading.problems.empty()) return;
  for (const Service& service : reading.registry.services) {
    const std::string what = contradiction(service.breaker);
    if (what.empty()) continue;
    reading.problems.push_back(
        {service.place, "service " + quoted(service.name) + ": " + what, service.source});
  }
}

void sort_problems(base::Problems& problems) {
  std::ranges::stable_sort(problems, {}, [](const base::Problem& problem) {
    return std::tuple(problem.source, problem.place.line, problem.place.column);
  });
}

}  // namespace kerberos::registry
