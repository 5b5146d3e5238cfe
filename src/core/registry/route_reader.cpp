// SPDX-License-Identifier: MIT
#include "core/registry/route_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/registry/condition_reader.h"
#include "core/registry/wording.h"
#include "core/route/regexes.h"
#include "core/route/words.h"

namespace kerberos::registry {
namespace {

// A route while it is read. Which groups its expression has shows only in the end, and so what
// needs to know that waits.
struct Draft : route::Route {
  base::Problems* problems = nullptr;
  route::Groups groups;
  const Key* path_key = nullptr;
  std::optional<Field> rewriting;
  std::optional<Field> setting;
};

using RouteKey = Known<Draft>;

constexpr KeyRow kSetHeaders =
    pairs("set_headers", "a mapping of header to text, such as {X-From: gate}", nullptr,
          "Headers of the request to the peer; an empty text takes one away.");
constexpr KeyRow kMethods = {.name = "methods",
                             .form = Form::kTexts,
                             .words = route::kMethods,
                             .wording = "a list of methods, such as [GET, HEAD]",
                             .standard = "any",
                             .meaning = "Only requests with one of these methods."};

// The text of a path in one of its forms, if it may stand there.
std::optional<std::string_view> path_of(Draft& draft, const Field& field, route::PathForm form,
                                        std::string_view allowed) {
  if (!is_first(draft.path_key, field.key, "path, exact, regex", *draft.problems)) {
    return std::nullopt;
  }
  const auto value = text_of(field, allowed, *draft.problems);
  if (!value) return value;
  draft.form = form;
  draft.path = *value;
  return value;
}

void read_path(Draft& draft, const Field& field) {
  const auto value = path_of(draft, field, route::PathForm::kPrefix, "a path such as /api");
  if (value) is_good(field, route::flaw_of_prefix(*value), *draft.problems);
}

void read_exact_path(Draft& draft, const Field& field) {
  const auto value = path_of(draft, field, route::PathForm::kExact, "a path such as /login");
  if (value) is_good(field, route::flaw_of_path(*value), *draft.problems);
}

void read_path_regex(Draft& draft, const Field& field) {
  const auto value =
      path_of(draft, field, route::PathForm::kRegex, "an expression such as /users/[0-9]+");
  if (!value) return;
  route::Judgement judgement = route::judge(*value);
  is_good(field, judgement.refusal, *draft.problems);
  draft.fixed = std::move(judgement.fixed);
  draft.within = std::move(judgement.within);
  draft.groups = std::move(judgement.groups);
}

void read_host(Draft& draft, const Field& field) {
  const auto value = text_of(field, "a name such as example.org or *.example.org", *draft.problems);
  if (!value || !is_good(field, route::flaw_of_host(*value), *draft.problems)) return;
  draft.host = route::lower(*value);
  if (draft.host.ends_with('.')) draft.host.pop_back();
}

void read_methods(Draft& draft, const Field& field) {
  const std::string allowed = allowed_by(kMethods);
  if (field.value.kind != Kind::kSequence) {
    return report_wrong_type(field, allowed, *draft.problems);
  }
  if (field.value.children.empty()) return report_invalid(field, allowed, *draft.problems);
  for (const Node& node : field.value.children) {
    const Field item{field.key, node};
    if (node.kind != Kind::kScalar) {
      report_wrong_item(item, allowed, *draft.problems);
      continue;
    }
    const std::uint32_t bit = route::method_bit(node.text);
    if (bit == 0) {
      report_invalid(item, hint(node.text, route::kMethods), *draft.problems);
    } else if ((draft.methods & bit) != 0) {
      report_invalid(item, "each method once", *draft.problems);
    }
    draft.methods |= bit;
  }
}

void take_headers(Draft& draft, const Field& field) {
  read_headers(field, draft.headers, *draft.problems);
}

void take_query(Draft& draft, const Field& field) {
  read_query(field, draft.query, *draft.problems);
}

constexpr TextForm kPrefixText = {"a path such as /api", "^(/[^?#*]*|[^/]*\\$\\{.*)$"};
constexpr TextForm kPathText = {"a path such as /login", "^(/[^?#]*|[^/]*\\$\\{.*)$"};
constexpr TextForm kHostText = {"a name such as example.org, or *.example.org for all below it",
                                "^((\\*\\.)?[A-Za-z0-9_.-]+|\\[[0-9A-Fa-f:.]+\\]|.*\\$\\{.*)$"};

constexpr std::array kRouteTable = {
    RouteKey{text("path", kPrefixText, "/",
                  "The path and all that is below it. The longest goes first."),
             read_path},
    RouteKey{text("exact", kPathText, "", "The path and nothing else."), read_exact_path},
    RouteKey{text("regex", kRegexText, "", "An expression that matches the whole path."),
             read_path_regex},
    RouteKey{text("host", kHostText, "any", "The host, in any case and without its port."),
             read_host},
    RouteKey{kMethods, read_methods},
    RouteKey{kHeaders, take_headers},
    RouteKey{kQuery, take_query},
    RouteKey{number("priority", 0, kPriorityMax, "0",
                    "Of routes for one host, the higher goes first, whatever their paths."),
             &Draft::priority},
    RouteKey{truth("strip", "false", "Whether the matched prefix is taken off the path."),
             &Draft::strip},
    RouteKey{text("rewrite", kPathText, "the path",
                  "What stands in place of the prefix, or of the whole path; $1 and $name are "
                  "groups of the regex."),
             [](Draft& draft, const Field& field) { draft.rewriting.emplace(field); }},
    RouteKey{kSetHeaders, [](Draft& draft, const Field& field) { draft.setting.emplace(field); }},
    RouteKey{text("name", kNameText, "its host and path", "What $kerberos_route says."),
             &Draft::name},
};
constexpr auto kRouteRows = rows_of(kRouteTable);

void finish_rewrite(Draft& draft, const Node& node) {
  const bool regex = draft.form == route::PathForm::kRegex;
  if (draft.strip && (regex || draft.rewriting)) {
    const auto key = std::ranges::find(node.keys, "strip", &Key::text);
    draft.problems->push_back(
        problem_at(*key, regex ? "\"strip\" beside \"regex\" (\"rewrite\" says what is left)"
                               : "\"strip\" beside \"rewrite\" (one of them)"));
  }
  if (!draft.rewriting) return;
  const auto value = text_of(*draft.rewriting, kPathText.wording, *draft.problems);
  if (!value || !is_good(*draft.rewriting, route::flaw_of_path(*value), *draft.problems)) return;
  route::PiecesReading reading = route::parse_pieces(*value, draft.groups, false);
  is_good(*draft.rewriting, reading.refusal, *draft.problems);
  draft.rewrite = std::move(reading.pieces);
}

void finish_set_headers(Draft& draft) {
  base::Problems& problems = *draft.problems;
  if (!draft.setting || !is_mapping(kSetHeaders, *draft.setting, kSetHeadersMax, problems)) return;
  const Node& map = draft.setting->value;
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const Field field{map.keys[i], map.children[i]};
    const std::string& name = field.key.text;
    const bool known = std::ranges::any_of(draft.set_headers, [&](const route::Header& header) {
      return route::lower(header.name) == route::lower(name);
    });
    check_header(field.key, route::flaw_of_set_header(name), known, problems);
    const auto value = text_of(field, "a text, empty to take the header away", problems);
    if (!value) continue;
    route::PiecesReading reading = route::parse_pieces(*value, draft.groups, true);
    is_good(field, reading.refusal, problems);
    draft.set_headers.push_back({name, std::move(reading.pieces), field.value.place});
  }
}

// What a route without a name is called: "example.org/api", "=/login", "~/users/[0-9]+".
std::string usual_name(const route::Route& route) {
  constexpr std::array<std::string_view, 3> kMarks = {"=", "~", ""};
  return route.host + std::string(kMarks[static_cast<std::size_t>(route.form)]) + route.path;
}

route::Route read_route(const Node& node, base::Problems& problems) {
  Draft draft;
  draft.problems = &problems;
  draft.place = node.place;
  read_map(node, kRouteTable, draft, problems);
  finish_rewrite(draft, node);
  finish_set_headers(draft);
  const bool has_host = std::ranges::find(node.keys, "host", &Key::text) != node.keys.end();
  if (draft.path_key == nullptr && !has_host) {
    problems.push_back(
        problem_at(node, "route without a path (at least one of path, exact, regex, host)"));
  }
  if (draft.name.empty()) draft.name = usual_name(draft);
  return draft;
}

}  // namespace

std::span<const KeyRow> route_keys() {
  return kRouteRows;
}

void read_routes(const Field& field, std::vector<route::Route>& routes, base::Problems& problems) {
  constexpr std::string_view kForm = "a list of routes, each a mapping such as {path: /api}";
  if (field.value.kind != Kind::kSequence) return report_wrong_type(field, kForm, problems);
  for (const Node& node : field.value.children) {
    if (node.kind == Kind::kMap) {
      routes.push_back(read_route(node, problems));
    } else {
      report_wrong_item({field.key, node}, kForm, problems);
    }
  }
}

}  // namespace kerberos::registry
