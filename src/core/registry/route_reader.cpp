// SPDX-License-Identifier: MIT
#include "core/registry/route_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/registry/wording.h"
#include "core/route/precedence.h"
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

struct ConditionDraft : route::Condition {
  base::Problems* problems = nullptr;
  const Key* form_key = nullptr;
};

using RouteKey = Known<Draft>;
using ConditionKey = Known<ConditionDraft>;

// Reports where there is a flaw. Returns whether the text is good.
bool is_good(const Field& field, const std::string& flaw, base::Problems& problems) {
  if (!flaw.empty()) report_invalid(field, flaw, problems);
  return flaw.empty();
}

// Whether this is the first of keys of which there may be one.
bool is_first(const Key*& first, const Key& key, std::string_view keys, base::Problems& problems) {
  if (first == nullptr) {
    first = &key;
    return true;
  }
  problems.push_back(problem_at(key, quoted(key.text) + " beside " + quoted(first->text) +
                                         " (one of " + std::string(keys) + ")"));
  return false;
}

// What an unquoted "true" stands for is anybody's guess.
bool is_truth(const Node& node) {
  return !node.quoted && (node.text == "true" || node.text == "false");
}

constexpr std::string_view kConditionKeys = "present, exact, prefix, regex";

// The text of a form, if it may stand there.
std::optional<std::string_view> form_of(ConditionDraft& draft, const Field& field,
                                        route::Form form) {
  if (!is_first(draft.form_key, field.key, kConditionKeys, *draft.problems)) return std::nullopt;
  draft.form = form;
  return text_of(field, "a text", *draft.problems);
}

constexpr KeyRow kPresent =
    truth("present", "", "Whether it must be there at all, whatever it is, or must not.");

void read_present(ConditionDraft& draft, const Field& field) {
  if (!is_first(draft.form_key, field.key, kConditionKeys, *draft.problems)) return;
  const auto present = number_of(kPresent, field, *draft.problems);
  draft.form = present == 0 ? route::Form::kAbsent : route::Form::kPresent;
}

void read_exact(ConditionDraft& draft, const Field& field) {
  if (const auto value = form_of(draft, field, route::Form::kExact)) draft.text = *value;
}

void read_prefix(ConditionDraft& draft, const Field& field) {
  const auto value = form_of(draft, field, route::Form::kPrefix);
  if (!value) return;
  draft.text = *value;
  is_good(field, value->empty() ? "at least one byte; {present: true} takes any" : "",
          *draft.problems);
}

void read_regex(ConditionDraft& draft, const Field& field) {
  const auto value = form_of(draft, field, route::Form::kRegex);
  if (!value) return;
  draft.text = *value;
  is_good(field, route::judge(*value).refusal, *draft.problems);
}

constexpr TextForm kAnyText = {"a text", "^"};
constexpr TextForm kRegexText = {"an expression of RE2, which matches the whole text", "^"};

constexpr std::array kConditionTable = {
    ConditionKey{kPresent, read_present},
    ConditionKey{text("exact", kAnyText, "", "What it must be. A text alone says the same."),
                 read_exact},
    ConditionKey{text("prefix", kAnyText, "", "What it must begin with."), read_prefix},
    ConditionKey{text("regex", kRegexText, "", "What all of it must match."), read_regex},
};
constexpr auto kConditionRows = rows_of(kConditionTable);

std::span<const KeyRow> condition_keys() {
  return kConditionRows;
}

constexpr KeyRow pairs(std::string_view name, std::string_view wording,
                       std::span<const KeyRow> (*inside)(), std::string_view meaning) {
  return {
      .name = name, .form = Form::kPairs, .wording = wording, .inside = inside, .meaning = meaning};
}

constexpr KeyRow kHeaders =
    pairs("headers", "a mapping of header to what it must be, such as {X-Tenant: blue}",
          condition_keys, "Only requests with such headers: a text, or a mapping.");
constexpr KeyRow kQuery =
    pairs("query", "a mapping of argument to what it must be, such as {version: 2}", condition_keys,
          "Only requests with such arguments: a text, or a mapping.");
constexpr KeyRow kSetHeaders =
    pairs("set_headers", "a mapping of header to text, such as {X-From: gate}", nullptr,
          "Headers of the request to the peer; an empty text takes one away.");
constexpr KeyRow kMethods = {.name = "methods",
                             .form = Form::kTexts,
                             .words = route::kMethods,
                             .wording = "a list of methods, such as [GET, HEAD]",
                             .standard = "any",
                             .meaning = "Only requests with one of these methods."};

void read_condition(const Field& field, route::Condition& condition, base::Problems& problems) {
  constexpr std::string_view kForm =
      "a text that it must be, or a mapping of one of present, exact, prefix, regex";
  const Node& value = field.value;
  if (value.kind == Kind::kScalar) {
    condition.form = route::Form::kExact;
    condition.text = value.text;
    if (is_truth(value)) {
      report_invalid(field, "a text in quotes, or {present: " + value.text + "}", problems);
    }
    return;
  }
  if (value.kind != Kind::kMap) return report_wrong_type(field, kForm, problems);
  if (value.keys.empty()) return report_invalid(field, kForm, problems);
  ConditionDraft draft;
  draft.name = condition.name;
  draft.problems = &problems;
  read_map(value, kConditionTable, draft, problems);
  condition = draft;
}

// Whether there is a mapping of so many at most.
bool is_mapping(const KeyRow& row, const Field& field, std::size_t most, base::Problems& problems) {
  if (field.value.kind != Kind::kMap) {
    report_wrong_type(field, allowed_by(row), problems);
    return false;
  }
  if (field.value.keys.size() > most) {
    problems.push_back(problem_at(
        field.key, quoted(field.key.text) + " has more than " + std::to_string(most) + " entries"));
  }
  return true;
}

// Names of headers are the same in any case, so that two keys may be one.
bool is_new_header(const Key& key, const std::string& flaw, bool known, base::Problems& problems) {
  if (!flaw.empty()) {
    problems.push_back(problem_at(key, "invalid header " + quoted(key.text) + " (" + flaw + ")"));
  } else if (known) {
    problems.push_back(problem_at(
        key, "duplicate header " + quoted(key.text) + " (names are the same in any case)"));
  }
  return flaw.empty() && !known;
}

void read_headers(Draft& draft, const Field& field) {
  base::Problems& problems = *draft.problems;
  if (!is_mapping(kHeaders, field, route::kConditionsMax, problems)) return;
  for (std::size_t i = 0; i < field.value.keys.size(); ++i) {
    const Key& key = field.value.keys[i];
    const std::string name = route::lower(key.text);
    const bool known =
        std::ranges::find(draft.headers, name, &route::Condition::name) != draft.headers.end();
    is_new_header(key, route::flaw_of_header(key.text), known, problems);
    draft.headers.push_back({name, {}, {}});
    read_condition({key, field.value.children[i]}, draft.headers.back(), problems);
  }
}

void read_query(Draft& draft, const Field& field) {
  base::Problems& problems = *draft.problems;
  if (!is_mapping(kQuery, field, route::kConditionsMax, problems)) return;
  for (std::size_t i = 0; i < field.value.keys.size(); ++i) {
    const Key& key = field.value.keys[i];
    if (const std::string flaw = route::flaw_of_argument(key.text); !flaw.empty()) {
      problems.push_back(
          problem_at(key, "invalid argument " + quoted(key.text) + " (" + flaw + ")"));
    }
    draft.query.push_back({key.text, {}, {}});
    read_condition({key, field.value.children[i]}, draft.query.back(), problems);
  }
}

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
    RouteKey{kHeaders, read_headers},
    RouteKey{kQuery, read_query},
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
    is_new_header(field.key, route::flaw_of_set_header(name), known, problems);
    const auto value = text_of(field, "a text, empty to take the header away", problems);
    if (!value) continue;
    route::PiecesReading reading = route::parse_pieces(*value, draft.groups, true);
    is_good(field, reading.refusal, problems);
    draft.set_headers.push_back({name, std::move(reading.pieces)});
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

std::string place_of(const route::Route& route, const Service& service,
                     std::span<const Source> sources) {
  const std::string place =
      std::to_string(route.place.line) + ":" + std::to_string(route.place.column);
  return service.source < sources.size() ? sources[service.source].name + ":" + place : place;
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
