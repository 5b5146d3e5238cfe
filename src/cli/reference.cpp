// SPDX-License-Identifier: MIT
#include "cli/reference.h"

#include <algorithm>
#include <span>
#include <string_view>
#include <vector>

#include "core/balance/method.h"
#include "core/registry/keys.h"
#include "core/registry/reader.h"
#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::cli {
namespace {

using registry::Form;
using registry::KeyRow;

std::string code(std::string_view text) {
  return "`" + std::string(text) + "`";
}

std::string codes(std::span<const std::string_view> words) {
  std::string result;
  for (const std::string_view word : words) result += (result.empty() ? "" : ", ") + code(word);
  return result;
}

// "[breaker](#breaker)"
std::string link(std::string_view name) {
  return "[" + std::string(name) + "](#" + std::string(name) + ")";
}

std::string range(const KeyRow& row) {
  const auto text = [&](std::int64_t value) {
    if (row.form == Form::kTime) return registry::time_text(value);
    return std::to_string(value) + (row.form == Form::kShare ? "%" : "");
  };
  return text(row.lowest) + " to " + text(row.highest);
}

std::string methods() {
  std::string result;
  for (const auto& method : balance::kMethods) {
    std::string words(method.name);
    if (method.key) words += " KEY";
    if (method.adaptive) words += " [adaptive]";
    if (method.bounded) words += " [bounded=125%]";
    result += (result.empty() ? "" : ", ") + code(words);
  }
  return result;
}

std::string map_or_less(const KeyRow& row) {
  std::string result = codes(row.words);
  if (row.highest > 0) result += (result.empty() ? "" : ", ") + range(row);
  return result + (result.empty() ? "" : " or ") + "a mapping: " + link(row.name);
}

// What may stand there, in a few words.
std::string value_of(const KeyRow& row) {
  switch (row.form) {
    case Form::kTime:
      return "time, " + range(row);
    case Form::kShare:
    case Form::kNumber:
      return row.lowest == row.highest ? std::to_string(row.lowest) : range(row);
    case Form::kTruth:
      return "true, false";
    case Form::kWord:
      return codes(row.words);
    case Form::kText:
    case Form::kPairs:
      return std::string(row.wording);
    case Form::kTexts:
      return row.inside == nullptr ? std::string(row.wording)
                                   : "a list of words: " + link(row.name);
    case Form::kBalance:
      return methods();
    case Form::kMap:
      return map_or_less(row);
    case Form::kList:
      return "a list of mappings: " + link(row.name);
    case Form::kPeers:
      return "a list of URLs or mappings: " + link(row.name);
    case Form::kServices:
      return "a mapping of name to a list of peers or a mapping: " + link(row.name);
  }
  return {};
}

bool has_keys(const KeyRow& row) {
  return row.inside != nullptr;
}

// A list of words has no values to be told.
void print_words(const KeyRow& row, std::string& out) {
  out += "| word | meaning |\n|---|---|\n";
  for (const KeyRow& word : row.inside()) {
    out += "| " + code(word.name) + " | " + std::string(word.meaning) + " |\n";
  }
}

void print_keys(std::span<const KeyRow> rows, std::string& out) {
  out += "| key | value | default | meaning |\n|---|---|---|---|\n";
  for (const KeyRow& row : rows) {
    const std::string standard = row.required           ? "required"
                                 : row.standard.empty() ? "-"
                                                        : std::string(row.standard);
    out += "| " + code(row.name) + " | " + value_of(row) + " | " + standard + " | " +
           std::string(row.meaning) + " |\n";
  }
}

class Reference {
 public:
  std::string whole() && {
    const std::span<const KeyRow> top = registry::registry_keys();
    out_ = "### Top\n\n";
    print_keys(top, out_);
    print_blocks(top);
    return std::move(out_);
  }

 private:
  // All of one level before those within them.
  void print_blocks(std::span<const KeyRow> rows) {
    std::vector<const KeyRow*> printed;
    for (const KeyRow& row : rows) {
      if (has_keys(row) && is_new(row)) {
        print_block(row, rows);
        printed.push_back(&row);
      }
    }
    for (const KeyRow* row : printed) print_blocks(row->inside());
  }

  void print_block(const KeyRow& row, std::span<const KeyRow> beside) {
    out_ += "\n### " + std::string(row.name) + "\n\n" + std::string(row.meaning) + "\n\n";
    const auto whole = std::ranges::find_if(
        beside, [&](const KeyRow& other) { return has_keys(other) && is_part(row, other); });
    if (whole != beside.end()) {
      out_ += "The keys are some of " + link(whole->name) + ": " +
              codes(registry::names_of(row.inside())) + ".\n";
    } else if (row.form == Form::kTexts) {
      print_words(row, out_);
    } else {
      print_keys(row.inside(), out_);
    }
  }

  // Whether the rows of one are a part of the very rows of the other.
  static bool is_part(const KeyRow& row, const KeyRow& other) {
    const std::span<const KeyRow> rows = row.inside();
    const std::span<const KeyRow> others = other.inside();
    return rows.size() < others.size() &&
           std::ranges::any_of(others, [&](const KeyRow& each) { return &each == rows.data(); });
  }

  bool is_new(const KeyRow& row) {
    if (std::ranges::find(seen_, row.name) != seen_.end()) return false;
    seen_.push_back(row.name);
    return true;
  }

  std::string out_;
  std::vector<std::string_view> seen_;
};

}  // namespace

std::string reference() {
  return Reference().whole();
}

}  // namespace kerberos::cli
