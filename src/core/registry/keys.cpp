// SPDX-License-Identifier: MIT
#include "core/registry/keys.h"

#include <algorithm>

#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::array<std::string_view, 2> kTruths = {"true", "false"};

std::string digits(std::int64_t value) {
  return std::to_string(value);
}

std::string percent(std::int64_t value) {
  return digits(value) + "%";
}

std::string range(const KeyRow& row, std::string (*text)(std::int64_t)) {
  return "from " + text(row.lowest) + " to " + text(row.highest);
}

// "off, a whole number from 1 to 8, or a mapping of a, b"
std::string allowed_by_map(const KeyRow& row) {
  std::string allowed = joined(row.words);
  if (!allowed.empty()) allowed += ", ";
  if (row.highest > 0) allowed += "a whole number " + range(row, digits) + ", ";
  if (!allowed.empty()) allowed += "or ";
  return allowed + "a mapping of " + joined(names_of(row.inside()));
}

std::optional<std::int64_t> place_among(std::span<const std::string_view> words,
                                        std::string_view text) {
  const auto found = std::ranges::find(words, text);
  if (found == words.end()) return std::nullopt;
  return found - words.begin();
}

std::optional<std::int64_t> parse(const KeyRow& row, std::string_view text) {
  switch (row.form) {
    case Form::kTime:
      return parse_time(text);
    case Form::kShare:
      return parse_percent(text);
    case Form::kTruth:
      if (text == kTruths[0]) return 1;
      if (text == kTruths[1]) return 0;
      return std::nullopt;
    case Form::kWord:
      return place_among(row.words, text);
    default:
      break;
  }
  const auto number = parse_whole_number(text);
  if (!number || *number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

// What YAML 1.1 took for a truth value.
std::string_view truth_meant_by(std::string_view text) {
  constexpr std::array<std::string_view, 7> kYes = {"yes", "Yes", "YES", "on", "On", "ON", "1"};
  constexpr std::array<std::string_view, 7> kNo = {"no", "No", "NO", "off", "Off", "OFF", "0"};
  if (std::ranges::find(kYes, text) != kYes.end()) return "true";
  if (std::ranges::find(kNo, text) != kNo.end()) return "false";
  return text;
}

}  // namespace

std::string allowed_by(const KeyRow& row) {
  switch (row.form) {
    case Form::kTime:
      return "a time such as 500ms, 30s or 5m, " + range(row, time_text);
    case Form::kShare:
      return "a share " + range(row, percent);
    case Form::kNumber:
      if (row.lowest == row.highest) return "allowed: " + digits(row.lowest);
      return "a whole number " + range(row, digits);
    case Form::kTruth:
      return "true or false";
    case Form::kWord:
      return "allowed: " + joined(row.words);
    case Form::kText:
    case Form::kTexts:
    case Form::kPairs:
      return std::string(row.wording);
    case Form::kBalance:
      return "a method, such as least_conn or hash $cookie_x";
    case Form::kMap:
      return allowed_by_map(row);
    case Form::kList:
      return "a list of mappings of " + joined(names_of(row.inside()));
    case Form::kPeers:
      return "a list of peers, each a URL or a mapping";
    case Form::kServices:
      return "a mapping of service to peers";
  }
  return {};
}

std::string hint_of(const KeyRow& row, std::string_view value) {
  if (row.form == Form::kWord) return hint(value, row.words);
  if (row.form != Form::kTruth) return allowed_by(row);
  const std::string_view meant = truth_meant_by(value);
  if (meant == value) return hint(value, kTruths);
  return "did you mean " + quoted(meant) + "? allowed: " + joined(kTruths);
}

std::optional<std::int64_t> number_of(const KeyRow& row, std::string_view text) {
  const auto number = parse(row, text);
  if (row.form == Form::kTruth || !number) return number;
  return *number >= row.lowest && *number <= row.highest ? number : std::nullopt;
}

std::vector<std::string_view> names_of(std::span<const KeyRow> rows) {
  std::vector<std::string_view> names(rows.size());
  std::ranges::transform(rows, names.begin(), &KeyRow::name);
  return names;
}

}  // namespace kerberos::registry
