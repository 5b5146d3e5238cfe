// SPDX-License-Identifier: MIT
//
// What an operator can say, as rows of tables: the name of a key, the form and range of its value,
// what holds where nobody says it, and one sentence on what it means. Readers of YAML and of
// directives judge by the rows; the JSON Schema and the reference are printed from them. So no
// name, range or sentence stands anywhere else.
//
// A table stands in the file that reads it. A row of a mapping leads to the table of that mapping,
// and so the top of a registry file (reader.h) leads to all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/instant.h"

namespace kerberos::registry {

enum class Form : std::uint8_t {
  kTime,      // "500ms", "1m30s", in milliseconds
  kShare,     // "50%"
  kNumber,    // a whole one
  kTruth,     // true or false
  kWord,      // one of `words`
  kText,      // what `wording` says
  kTexts,     // a list of them, or of `words`
  kPairs,     // a mapping of name to text
  kBalance,   // the words of kerberos_balance
  kMap,       // a mapping of the keys `inside`; also one of `words`, also a number of the range
  kList,      // a list of such mappings
  kPeers,     // a list of URLs and of such mappings
  kServices,  // a mapping of name to a list of peers or to such a mapping
};

struct KeyRow {
  std::string_view name;
  Form form = Form::kText;
  std::int64_t lowest = 0;
  std::int64_t highest = 0;
  std::span<const std::string_view> words = {};
  std::string_view wording = {};             // of a text: what it is, for a person
  std::string_view pattern = {};             // of a text: for editors, never stricter than `valid`
  bool (*valid)(std::string_view) = {};      // of a text; nobody: any is
  std::span<const KeyRow> (*inside)() = {};  // of a mapping
  std::string_view standard = {};  // what holds where nobody says it, as one would write it
  std::string_view meaning = {};
  bool required = false;
};

// Longer than a day is a mistake, wherever a time is asked for.
inline constexpr base::Millis kDay = 86'400'000;

constexpr KeyRow time(std::string_view name, base::Millis lowest, base::Millis highest,
                      std::string_view standard, std::string_view meaning) {
  return {.name = name,
          .form = Form::kTime,
          .lowest = lowest,
          .highest = highest,
          .standard = standard,
          .meaning = meaning};
}

constexpr KeyRow share(std::string_view name, std::int64_t lowest, std::int64_t highest,
                       std::string_view standard, std::string_view meaning) {
  return {.name = name,
          .form = Form::kShare,
          .lowest = lowest,
          .highest = highest,
          .standard = standard,
          .meaning = meaning};
}

constexpr KeyRow number(std::string_view name, std::int64_t lowest, std::int64_t highest,
                        std::string_view standard, std::string_view meaning) {
  return {.name = name,
          .form = Form::kNumber,
          .lowest = lowest,
          .highest = highest,
          .standard = standard,
          .meaning = meaning};
}

constexpr KeyRow truth(std::string_view name, std::string_view standard, std::string_view meaning) {
  return {.name = name, .form = Form::kTruth, .standard = standard, .meaning = meaning};
}

// One of the words; a number that it is read as is a word's place among them.
constexpr KeyRow word(std::string_view name, std::span<const std::string_view> words,
                      std::string_view standard, std::string_view meaning) {
  return {.name = name,
          .form = Form::kWord,
          .highest = static_cast<std::int64_t>(words.size()) - 1,
          .words = words,
          .standard = standard,
          .meaning = meaning};
}

// What texts of one kind have in common.
struct TextForm {
  std::string_view wording;
  std::string_view pattern;
  bool (*valid)(std::string_view) = {};
};

constexpr KeyRow text(std::string_view name, const TextForm& form, std::string_view standard,
                      std::string_view meaning) {
  return {.name = name,
          .form = Form::kText,
          .wording = form.wording,
          .pattern = form.pattern,
          .valid = form.valid,
          .standard = standard,
          .meaning = meaning};
}

// Anything that has keys of its own; `form` is one of those that have.
constexpr KeyRow block(std::string_view name, Form form, std::span<const KeyRow> (*inside)(),
                       std::string_view standard, std::string_view meaning) {
  return {.name = name, .form = form, .inside = inside, .standard = standard, .meaning = meaning};
}

// A mapping of names that anybody may choose; nothing `inside`: to texts.
constexpr KeyRow pairs(std::string_view name, std::string_view wording,
                       std::span<const KeyRow> (*inside)(), std::string_view meaning) {
  return {
      .name = name, .form = Form::kPairs, .wording = wording, .inside = inside, .meaning = meaning};
}

// The same row, of a key that may not be left out.
constexpr KeyRow required(KeyRow row) {
  row.required = true;
  return row;
}

// What the value must be, for a person: "a whole number from 1 to 8".
std::string allowed_by(const KeyRow& row);

// What to say of a value that is not: where words are due, "did you mean" stands before them.
std::string hint_of(const KeyRow& row, std::string_view value);

// The value of a text in the smallest unit of the row's form, if it has that form and range.
std::optional<std::int64_t> number_of(const KeyRow& row, std::string_view text);

// The names of the rows.
std::vector<std::string_view> names_of(std::span<const KeyRow> rows);

}  // namespace kerberos::registry
