// SPDX-License-Identifier: MIT
//
// What must hold of any bytes that are read as a registry: reading ends, each problem has its place
// in its text, messages are lines that a terminal can show, and routes that were taken are found.
// Called by the fuzzer, and by the test that replays what the fuzzer has found.
//
// One to three files, and variables of the environment:
//
//   FILE (0xFF FILE)* (0xFE NAME=VALUE)*
//
// These two bytes are in no UTF-8, so that a file is a seed as it is.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/env_variables.h"
#include "core/registry/environment.h"
#include "core/registry/files.h"
#include "core/registry/raw_text.h"
#include "core/registry/telling.h"
#include "core/route/compile.h"
#include "core/route/precedence.h"
#include "core/route/regexes.h"
#include "core/route/table.h"

namespace kerberos::fuzz {

inline void require(bool holds, const char* what, std::string_view about = {}) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s: %.*s\n", what, static_cast<int>(about.size()),
               about.data());
  std::abort();
}

struct Input {
  std::vector<registry::Source> sources;
  registry::Environment environment;
};

inline Input input_of(std::string_view bytes) {
  constexpr std::string_view kMarks = "\xFF\xFE";
  constexpr std::size_t kFilesMax = 3;
  Input input;
  std::vector<std::string_view> variables;
  for (char mark = '\xFF';;) {
    const std::size_t end = std::min(bytes.find_first_of(kMarks), bytes.size());
    if (mark == '\xFE') {
      variables.push_back(bytes.substr(0, end));
    } else if (input.sources.size() < kFilesMax) {
      const std::string name = "f" + std::to_string(input.sources.size()) + ".yaml";
      input.sources.push_back({name, std::string(bytes.substr(0, end))});
    }
    if (end == bytes.size()) break;
    mark = bytes[end];
    bytes.remove_prefix(end + 1);
  }
  input.environment = registry::Environment(variables);
  if (std::ranges::any_of(variables, [](std::string_view variable) {
        return variable.find("_SVC_") != std::string_view::npos;
      })) {
    if (input.sources.size() == 1 && input.sources[0].text.empty()) input.sources.clear();
    input.sources.push_back({std::string(registry::kAllVariables), {}});
    input.sources = registry::with_variables(std::move(input.sources), input.environment);
  }
  return input;
}

inline void try_problem(const base::Problem& problem,
                        const std::vector<registry::Source>& sources) {
  require(problem.source < sources.size(), "a problem is in a source", problem.text);
  require(!problem.text.empty() && problem.length > 0, "a problem says what is wrong, and where");
  const registry::Source& source = sources[problem.source];
  std::string_view text = source.text;
  if (!source.is_variable() && text.starts_with(registry::kByteOrderMark)) {
    text.remove_prefix(registry::kByteOrderMark.size());
  }
  const auto [line, column] = problem.place;
  const bool whole = line == 0 && column == 0;  // of a file that is too long
  require(whole || (line > 0 && column > 0), "a place counts from 1", problem.text);
  // A file that ends too early is told of behind its last line.
  const auto lines = std::ranges::count(text, '\n') + 1;
  require(line <= lines + 1, "a line is one of the text", problem.text);
  for (int i = 1; i < line && !text.empty(); ++i) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
  }
  text = text.substr(0, text.find('\n'));
  require(whole || static_cast<std::size_t>(column) <= text.size() + 1,
          "a column is one of its line", problem.text);
}

inline void try_messages(const base::Problems& problems,
                         const std::vector<registry::Source>& sources) {
  constexpr std::size_t kLineMax = 4096;
  for (const base::Problem& problem : problems) try_problem(problem, sources);
  const auto lines = registry::told(problems, sources);
  require(lines.size() <= 3 * registry::kProblemsTold + 1, "a hundred problems are told");
  for (const std::string& line : lines) {
    require(!registry::has_control(line) && line.find('\t') == std::string::npos,
            "a message has no control characters", line);
    require(!registry::flaw_of(line), "a message is UTF-8", line);
    require(line.size() < kLineMax, "a message is one that can be read", line);
  }
}

// The path and the host of a route lead to it, or to one that goes before it.
inline void try_route(const route::Table& table, const route::Regexes& regexes,
                      std::span<const route::Route> ordered, const route::Route& route) {
  std::string host = route.host;
  if (host.starts_with('*')) host.replace(0, 1, "any");
  route::Request request;
  request.method = "GET";
  request.host = host;
  request.path = route.path;
  request.header = [](void*, std::string_view) -> std::optional<std::string_view> { return {}; };
  request.argument = request.header;
  const auto match = table.match(request, regexes);
  if (match) {
    require(match->route < ordered.size(), "a match is a route");
    require(match->service == ordered[match->route].service, "and is of its service");
    std::string path(table.path_size(*match, route.path), '\0');
    table.write_path(*match, route.path, path.data());
  }
  if (route.form == route::PathForm::kRegex || route.methods != 0) return;
  if (!route.headers.empty() || !route.query.empty()) return;
  require(match.has_value(), "a route is found", route.name);
  require(precedence(ordered[match->route], route) <= 0, "none goes before one that is first",
          route.name);
}

inline void try_routes(const registry::Registry& registry) {
  std::vector<route::Route> routes;
  for (std::uint32_t i = 0; i < registry.services.size(); ++i) {
    for (const route::Route& route : registry.services[i].routes) {
      routes.push_back(route);
      routes.back().service = i;
    }
  }
  const route::Compiled compiled(routes);
  std::vector<std::uint64_t> memory((compiled.size() + 7) / 8);
  compiled.write(std::as_writable_bytes(std::span(memory)));
  const route::Table table(reinterpret_cast<const std::byte*>(memory.data()));
  route::Regexes regexes;
  regexes.adopt(table.expressions());
  std::vector<route::Route> ordered;  // as the table numbers them
  for (const std::uint32_t number : route::in_order(routes)) ordered.push_back(routes[number]);
  for (const route::Route& route : ordered) try_route(table, regexes, ordered, route);
}

inline void try_registry(std::string_view bytes) {
  const Input input = input_of(bytes);
  registry::FilesReading reading = registry::read_files(input.sources, input.environment);
  registry::settle(reading, {});
  registry::sort_problems(reading.problems);
  try_messages(reading.problems, input.sources);
  (void)registry::told_idle(reading.idle);
  if (!reading.problems.empty()) return;
  for (const registry::Service& service : reading.registry.services) {
    require(!service.peers.empty(), "a service has peers", service.name);
  }
  try_routes(reading.registry);
}

}  // namespace kerberos::fuzz
