// SPDX-License-Identifier: MIT
#include "core/registry/expand.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/registry/raw_text.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kOpening = "${";
constexpr std::string_view kEscape = "$${";
constexpr std::string_view kWithDefault = ":-";
constexpr std::string_view kNameCharacters =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_0123456789";

constexpr std::size_t kVariablesTold = 200;  // bytes, of one value

// What stands between "${" and "}".
struct Reference {
  std::string_view name;
  std::optional<std::string_view> otherwise;  // where the variable is not set, or empty
};

std::optional<Reference> parse_reference(std::string_view text) {
  const std::size_t end = std::min(text.find_first_not_of(kNameCharacters), text.size());
  const Reference reference{text.substr(0, end), std::nullopt};
  if (reference.name.empty() || (reference.name[0] >= '0' && reference.name[0] <= '9')) return {};
  const std::string_view rest = text.substr(end);
  if (rest.empty()) return reference;
  if (!rest.starts_with(kWithDefault) || rest.find(kOpening) != std::string_view::npos) return {};
  return Reference{reference.name, rest.substr(kWithDefault.size())};
}

// A control character would end a line of the log, or start one.
bool is_line_of_text(std::string_view value) {
  return value.empty() || (!has_control(value) && !flaw_of(value));
}

auto order_of(base::Place place) {
  return std::pair(place.line, place.column);
}

void sort_by_place(base::Problems& problems) {
  std::ranges::stable_sort(problems, {},
                           [](const base::Problem& problem) { return order_of(problem.place); });
}

}  // namespace

Expansion::Expansion(Node& root, const Environment& environment)
    : environment_(environment), room_(kTextSizeMax) {
  expand(root);
}

void Expansion::expand(Node& node) {
  for (Node& child : node.children) expand(child);
  if (node.kind != Kind::kScalar || node.text.find(kOpening) == std::string::npos) return;

  Value value{node.place, node.length, {}, {}};
  std::string text = put_in(node.text, value);
  if (!value.problem.empty()) {
    values_.push_back(std::move(value));
    return;
  }
  node.text = std::move(text);
  if (value.variables.empty()) return;  // only escapes
  node.quoted = false;
  values_.push_back(std::move(value));
}

// The text with its variables put in, or a problem in `value`.
std::string Expansion::put_in(const std::string& text, Value& value) {
  std::string result;
  std::string_view rest = text;
  for (;;) {
    const std::size_t dollar = std::min(rest.find('$'), rest.size());
    result += rest.substr(0, dollar);
    rest.remove_prefix(dollar);
    if (rest.empty()) return result;
    if (rest.starts_with(kEscape)) {
      result += kOpening;
      rest.remove_prefix(kEscape.size());
      continue;
    }
    if (!rest.starts_with(kOpening)) {
      result += '$';
      rest.remove_prefix(1);
      continue;
    }

    const std::size_t close = rest.find('}');
    const auto reference = close == std::string_view::npos
                               ? std::nullopt
                               : parse_reference(rest.substr(2, close - kOpening.size()));
    if (!reference) {
      value.problem = "invalid variable " +
                      quoted(rest.substr(0, std::min(close, rest.size() - 1) + 1)) +
                      " (${NAME} or ${NAME:-DEFAULT}; for a plain \"${\" write \"$${\")";
      return {};
    }
    const std::string name(reference->name);
    const auto found = environment_.find(name);
    const bool is_default = reference->otherwise && found.value_or("").empty();
    if (!found && !is_default) {
      value.problem = "variable " + quoted(name) + " is not set (a default: ${" + name + ":-...})";
      return {};
    }
    const std::string_view put = is_default ? *reference->otherwise : *found;
    if (!is_line_of_text(put)) {
      value.problem = "the value of variable " + quoted(name) + " is not one line of UTF-8 text";
      return {};
    }
    if (put.size() > room_) {
      value.problem = "the values of variables are too long (at most 16 MiB in one file)";
      return {};
    }
    room_ -= put.size();
    names_.insert(name);
    const std::string written = "${" + name + "}";
    if (value.variables.size() < kVariablesTold &&
        value.variables.find(written) == std::string::npos) {
      value.variables.append(value.variables.empty() ? "" : " and ").append(written);
    }
    result += put;
    rest.remove_prefix(close + 1);
  }
}

void Expansion::explain(base::Problems& problems) const {
  // Values were met in the order of the file.
  const auto value_at = [&](base::Place place) -> const Value* {
    const auto at = std::ranges::lower_bound(
        values_, order_of(place), {}, [](const Value& value) { return order_of(value.place); });
    const bool met = at != values_.end() && order_of(at->place) == order_of(place);
    return met ? &*at : nullptr;
  };
  std::erase_if(problems, [&](const base::Problem& problem) {
    const Value* const value = value_at(problem.place);
    return value != nullptr && !value->problem.empty();
  });
  for (base::Problem& problem : problems) {
    const Value* const value = value_at(problem.place);
    if (value != nullptr) problem.text += ", from " + value->variables;
  }
  for (const Value& value : values_) {
    if (!value.problem.empty()) problems.push_back({value.place, value.problem, 0, value.length});
  }
  sort_by_place(problems);
}

}  // namespace kerberos::registry
