// SPDX-License-Identifier: MIT
#include "core/registry/reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "core/registry/service_reader.h"
#include "core/registry/value.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kServicesForm = "a mapping of service to peers";

struct Draft {
  Reading& reading;
  std::optional<Field> defaults;
  std::optional<Field> services;
};

void check_version(Draft& draft, const Field& field) {
  whole_number_of(field, 1, 1, draft.reading.problems);
}

// Defaults may stand behind the services that they are for: both are only noted here.
constexpr std::array kTopKeys = {
    Known<Draft>{"version", check_version},
    Known<Draft>{"defaults",
                 [](Draft& draft, const Field& field) { draft.defaults.emplace(field); }},
    Known<Draft>{"services",
                 [](Draft& draft, const Field& field) { draft.services.emplace(field); }},
};

bool is_full_form(const Node& root) {
  return std::ranges::any_of(root.keys, [](const Key& key) {
    return std::ranges::find(kTopKeys, key.text, &Known<Draft>::name) != kTopKeys.end();
  });
}

void read_services(const Node& map, const Defaults& defaults, Reading& reading) {
  std::size_t room = kPeersMax;
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    Service service = read_service({map.keys[i], map.children[i]}, defaults, reading.problems);
    if (service.peers.size() > room) {
      reading.problems.push_back(
          {service.peers[room].place,
           "too many peers (at most " + std::to_string(kPeersMax) + " in one file)"});
      return;
    }
    room -= service.peers.size();
    reading.registry.services.push_back(std::move(service));
  }
}

void read_full_form(const Node& root, Reading& reading) {
  Draft draft{reading, std::nullopt, std::nullopt};
  read_map(root, kTopKeys, draft, reading.problems);
  Defaults defaults;
  if (draft.defaults) defaults = read_defaults(*draft.defaults, reading.problems);
  if (!draft.services) {
    reading.problems.push_back(
        {root.place, "no \"services\" (" + std::string(kServicesForm) + ")"});
  } else if (draft.services->value.kind != Kind::kMap) {
    report_wrong_type(*draft.services, kServicesForm, reading.problems);
  } else {
    read_services(draft.services->value, defaults, reading);
  }
}

}  // namespace

Reading read(std::string_view text) {
  return read(parse_document(text));
}

Reading read(Document document) {
  Reading reading;
  reading.problems = std::move(document.problems);
  if (document.root) {
    const Node& root = *document.root;
    if (root.kind != Kind::kMap) {
      reading.problems.push_back(
          {root.place, "not a registry (" + std::string(kServicesForm) + ")"});
    } else if (is_full_form(root)) {
      read_full_form(root, reading);
    } else {
      read_services(root, {}, reading);
    }
  }
  std::ranges::stable_sort(reading.problems, {}, [](const base::Problem& problem) {
    return std::tuple(problem.place.line, problem.place.column);
  });
  return reading;
}

}  // namespace kerberos::registry
