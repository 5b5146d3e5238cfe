// SPDX-License-Identifier: MIT
#include "core/registry/value.h"

#include <string>

#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::size_t kNameMax = 128;
std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNothing:
      return "no value";
    case Kind::kScalar:
      return "a single value";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a mapping";
  }
  return {};
}

bool is_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

// Whether such a value stands for itself only without quotes. Times and shares with a unit may
// have them.
bool is_spoilt_by_quotes(const KeyRow& row, std::string_view text) {
  return row.form == Form::kNumber || row.form == Form::kTruth || is_digits(text);
}

}  // namespace

void report_unknown(const Key& key, std::span<const std::string_view> allowed,
                    base::Problems& problems) {
  problems.push_back(
      problem_at(key, "unknown key " + quoted(key.text) + " (" + hint(key.text, allowed) + ")"));
}

void report_wrong_type(const Field& field, std::string_view allowed, base::Problems& problems) {
  problems.push_back(
      problem_at(field.value, quoted(field.key.text)
                                  .append(field.value.kind == Kind::kNothing ? " has " : " is ")
                                  .append(name_of(field.value.kind))
                                  .append(" (")
                                  .append(allowed)
                                  .append(")")));
}

void report_wrong_item(const Field& field, std::string_view allowed, base::Problems& problems) {
  const bool nothing = field.value.kind == Kind::kNothing;
  problems.push_back(
      problem_at(field.value, quoted(field.key.text)
                                  .append(" with ")
                                  .append(nothing ? "an empty item" : name_of(field.value.kind))
                                  .append(nothing ? " (" : " in it (")
                                  .append(allowed)
                                  .append(")")));
}

void report_invalid(const Field& field, std::string_view allowed, base::Problems& problems) {
  const std::string key = quoted(field.key.text);
  const bool is_text = field.value.kind == Kind::kScalar;
  problems.push_back(problem_at(
      field.value,
      (is_text ? "invalid value " + quoted(field.value.text) + " of " + key : key + " is empty") +
          " (" + std::string(allowed) + ")"));
}

bool is_good(const Field& field, const std::string& flaw, base::Problems& problems) {
  if (!flaw.empty()) report_invalid(field, flaw, problems);
  return flaw.empty();
}

bool is_first(const Key*& first, const Key& key, std::string_view keys, base::Problems& problems) {
  if (first == nullptr) {
    first = &key;
    return true;
  }
  problems.push_back(problem_at(key, quoted(key.text) + " beside " + quoted(first->text) +
                                         " (one of " + std::string(keys) + ")"));
  return false;
}

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

std::optional<std::string_view> text_of(const Field& field, std::string_view allowed,
                                        base::Problems& problems) {
  if (field.value.kind == Kind::kScalar) return field.value.text;
  report_wrong_type(field, allowed, problems);
  return std::nullopt;
}

std::optional<std::string_view> text_of(const KeyRow& row, const Field& field,
                                        base::Problems& problems) {
  const std::string allowed = allowed_by(row);
  const auto text = text_of(field, allowed, problems);
  if (!text || row.valid == nullptr || row.valid(*text)) return text;
  report_invalid(field, allowed, problems);
  return std::nullopt;
}

std::optional<std::int64_t> number_of(const KeyRow& row, const Field& field,
                                      base::Problems& problems) {
  const auto text = text_of(field, allowed_by(row), problems);
  if (!text) return std::nullopt;
  const auto number = number_of(row, *text);
  if (!number) {
    report_invalid(field, hint_of(row, *text), problems);
  } else if (field.value.quoted && is_spoilt_by_quotes(row, *text)) {
    report_invalid(field, allowed_by(row) + ", without quotes", problems);
  } else {
    return number;
  }
  return std::nullopt;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
  return !text.empty() && text.size() <= kNameMax && text != "." && text != ".." &&
         text.find_first_not_of(kCharacters) == std::string_view::npos;
}

}  // namespace kerberos::registry
