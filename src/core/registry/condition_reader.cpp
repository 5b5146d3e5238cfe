// SPDX-License-Identifier: MIT
#include "core/registry/condition_reader.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include "core/registry/wording.h"
#include "core/route/regexes.h"
#include "core/route/words.h"

namespace kerberos::registry {
namespace {

struct ConditionDraft : route::Condition {
  base::Problems* problems = nullptr;
  const Key* form_key = nullptr;
};

using ConditionKey = Known<ConditionDraft>;

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

constexpr std::array kConditionTable = {
    ConditionKey{kPresent, read_present},
    ConditionKey{text("exact", kAnyText, "", "What it must be. A text alone says the same."),
                 read_exact},
    ConditionKey{text("prefix", kAnyText, "", "What it must begin with."), read_prefix},
    ConditionKey{text("regex", kRegexText, "", "What all of it must match."), read_regex},
};
constexpr auto kConditionRows = rows_of(kConditionTable);

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

}  // namespace

std::span<const KeyRow> condition_keys() {
  return kConditionRows;
}

void check_header(const Key& key, const std::string& flaw, bool known, base::Problems& problems) {
  if (!flaw.empty()) {
    problems.push_back(problem_at(key, "invalid header " + quoted(key.text) + " (" + flaw + ")"));
  } else if (known) {
    problems.push_back(problem_at(
        key, "duplicate header " + quoted(key.text) + " (names are the same in any case)"));
  }
}

void read_headers(const Field& field, std::vector<route::Condition>& headers,
                  base::Problems& problems) {
  if (!is_mapping(kHeaders, field, route::kConditionsMax, problems)) return;
  for (std::size_t i = 0; i < field.value.keys.size(); ++i) {
    const Key& key = field.value.keys[i];
    const std::string name = route::lower(key.text);
    const bool known = std::ranges::find(headers, name, &route::Condition::name) != headers.end();
    check_header(key, route::flaw_of_header(key.text), known, problems);
    headers.push_back({name, {}, {}});
    read_condition({key, field.value.children[i]}, headers.back(), problems);
  }
}

void read_query(const Field& field, std::vector<route::Condition>& query,
                base::Problems& problems) {
  if (!is_mapping(kQuery, field, route::kConditionsMax, problems)) return;
  for (std::size_t i = 0; i < field.value.keys.size(); ++i) {
    const Key& key = field.value.keys[i];
    if (const std::string flaw = route::flaw_of_argument(key.text); !flaw.empty()) {
      problems.push_back(
          problem_at(key, "invalid argument " + quoted(key.text) + " (" + flaw + ")"));
    }
    query.push_back({key.text, {}, {}});
    read_condition({key, field.value.children[i]}, query.back(), problems);
  }
}

}  // namespace kerberos::registry
