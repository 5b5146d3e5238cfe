// SPDX-License-Identifier: MIT
#include "core/registry/reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <tuple>
#include <utility>

#include "core/registry/service_reader.h"
#include "core/registry/ties.h"
#include "core/registry/value.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

// Defaults may stand behind the services that they are for: both are only noted at first.
struct Draft {
  std::uint32_t version = 1;
  bool allow_shrink = false;
  std::optional<Field> defaults;
  std::optional<Field> services;
};

using TopKey = Known<Draft>;

constexpr KeyRow kServices =
    required(block("services", Form::kServices, service_keys, "", "The services by their names."));

constexpr std::array kTopKeys = {
    TopKey{number("version", 1, 1, "1", "Of this format."), &Draft::version},
    TopKey{truth("allow_shrink", "false",
                 "Whether this may take away more than half of the peers that are in force."),
           &Draft::allow_shrink},
    TopKey{block("defaults", Form::kMap, defaults_keys, "", "What services do not say themselves."),
           [](Draft& draft, const Field& field) { draft.defaults.emplace(field); }},
    TopKey{kServices, [](Draft& draft, const Field& field) { draft.services.emplace(field); }},
};

constexpr auto kTopRows = rows_of(kTopKeys);

bool is_full_form(const Node& root) {
  return std::ranges::any_of(root.keys, [](const Key& key) {
    return std::ranges::find(kTopRows, key.text, &KeyRow::name) != kTopRows.end();
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
  Draft draft;
  read_map(root, kTopKeys, draft, reading.problems);
  reading.registry.allow_shrink = draft.allow_shrink;
  Defaults defaults;
  if (draft.defaults) defaults = read_defaults(*draft.defaults, reading.problems);
  if (!draft.services) {
    reading.problems.push_back(problem_at(
        root.keys.front(), "no \"services\" (a file with " + quoted(root.keys.front().text) +
                               " has its services under that key)"));
  } else if (draft.services->value.kind != Kind::kMap) {
    report_wrong_type(*draft.services, allowed_by(kServices), reading.problems);
  } else {
    read_services(draft.services->value, defaults, reading);
  }
}

}  // namespace

std::span<const KeyRow> registry_keys() {
  return kTopRows;
}

Reading read(std::string_view text) {
  Reading reading = read(parse_document(text));
  check_routes(reading.registry, {}, reading.problems);
  return reading;
}

Reading read(Document document) {
  Reading reading;
  reading.problems = std::move(document.problems);
  if (document.root) {
    const Node& root = *document.root;
    if (root.kind != Kind::kMap) {
      reading.problems.push_back(
          problem_at(root, "not a registry (" + allowed_by(kServices) + ")"));
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
