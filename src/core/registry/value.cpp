// SPDX-License-Identifier: MIT
#include "core/registry/value.h"

#include <string>

#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::size_t kNameMax = 128;
constexpr std::array<std::string_view, 2> kTruths = {"true", "false"};

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kScalar:
      return "a single value";
    case Kind::kSequence:
      return "a list";
    case Kind::kMap:
      return "a mapping";
  }
  return {};
}

std::string_view truth_meant_by(std::string_view text) {
  constexpr std::array<std::string_view, 7> kYes = {"yes", "Yes", "YES", "on", "On", "ON", "1"};
  constexpr std::array<std::string_view, 7> kNo = {"no", "No", "NO", "off", "Off", "OFF", "0"};
  if (std::ranges::find(kYes, text) != kYes.end()) return "true";
  if (std::ranges::find(kNo, text) != kNo.end()) return "false";
  return text;
}

}  // namespace

void report_unknown(const Key& key, std::span<const std::string_view> allowed,
                    base::Problems& problems) {
  problems.push_back(
      {key.place, "unknown key " + quoted(key.text) + " (" + hint(key.text, allowed) + ")"});
}

void report_wrong_type(const Field& field, std::string_view allowed, base::Problems& problems) {
  problems.push_back({field.value.place, quoted(field.key.text)
                                             .append(" is ")
                                             .append(name_of(field.value.kind))
                                             .append(" (")
                                             .append(allowed)
                                             .append(")")});
}

void report_invalid(const Field& field, std::string_view allowed, base::Problems& problems) {
  problems.push_back({field.value.place, "invalid value " + quoted(field.value.text) + " of " +
                                             quoted(field.key.text) + " (" + std::string(allowed) +
                                             ")"});
}

std::optional<std::string_view> text_of(const Field& field, std::string_view allowed,
                                        base::Problems& problems) {
  if (field.value.kind == Kind::kScalar) return field.value.text;
  report_wrong_type(field, allowed, problems);
  return std::nullopt;
}

std::optional<bool> boolean_of(const Field& field, base::Problems& problems) {
  const auto text = text_of(field, "true or false", problems);
  if (!text) return std::nullopt;
  const bool truth = *text == kTruths[0];
  if (truth || *text == kTruths[1]) {
    if (!field.value.quoted) return truth;
    report_invalid(field, "true or false, without quotes", problems);
  } else if (const std::string_view meant = truth_meant_by(*text); meant != *text) {
    report_invalid(field, "did you mean " + quoted(meant) + "? allowed: " + joined(kTruths),
                   problems);
  } else {
    report_invalid(field, hint(*text, kTruths), problems);
  }
  return std::nullopt;
}

std::optional<std::uint32_t> whole_number_of(const Field& field, std::uint32_t lowest,
                                             std::uint32_t highest, base::Problems& problems) {
  std::string allowed =
      "a whole number from " + std::to_string(lowest) + " to " + std::to_string(highest);
  const auto text = text_of(field, allowed, problems);
  if (!text) return std::nullopt;
  const auto number = parse_whole_number(*text);
  if (number && !field.value.quoted && *number >= lowest && *number <= highest) {
    return static_cast<std::uint32_t>(*number);
  }
  if (number && field.value.quoted) allowed += ", without quotes";
  report_invalid(field, allowed, problems);
  return std::nullopt;
}

bool is_name(std::string_view text) {
  constexpr std::string_view kCharacters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-";
  return !text.empty() && text.size() <= kNameMax && text != "." && text != ".." &&
         text.find_first_not_of(kCharacters) == std::string_view::npos;
}

}  // namespace kerberos::registry
