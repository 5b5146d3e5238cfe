// SPDX-License-Identifier: MIT
#include "core/registry/wording.h"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <vector>

namespace kerberos::registry {
namespace {

constexpr std::size_t kQuotedMax = 80;  // bytes; longer than any sound name or URL has to be
constexpr std::size_t kNearMiss = 2;    // edits

char small(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The fewest insertions, deletions and replacements that make `left` into `right` (Levenshtein),
// by rows of Wagner and Fischer's table. A letter in the other case is the same.
std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i + 1;
    for (std::size_t j = 0; j < right.size(); ++j) {
      const std::size_t replaced = diagonal + (small(left[i]) == small(right[j]) ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({row[j] + 1, row[j + 1] + 1, replaced});
    }
  }
  return row.back();
}

// The name nearest to `word`, empty where none is near.
std::string_view nearest(std::string_view word, std::span<const std::string_view> names) {
  std::string_view best;
  std::size_t least = kNearMiss + 1;
  for (const std::string_view name : names) {
    if (word.size() > name.size() + kNearMiss) continue;  // and never measure a megabyte
    const std::size_t distance = edit_distance(word, name);
    // Two edits make any two-letter word of any other: something must be left of both.
    if (distance < std::min({least, word.size(), name.size()})) {
      best = name;
      least = distance;
    }
  }
  return best;
}

bool continues_character(char byte) {
  return (static_cast<unsigned char>(byte) & 0xC0U) == 0x80U;
}

}  // namespace

std::string quoted(std::string_view text) {
  std::size_t size = text.size();
  if (size > kQuotedMax) {
    size = kQuotedMax;
    while (size > 0 && continues_character(text[size])) --size;
  }
  std::string result = "\"";
  for (const char c : text.substr(0, size)) {
    const bool control = static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
    result += control ? '?' : c;
  }
  return result += size < text.size() ? "...\"" : "\"";
}

std::string joined(std::span<const std::string_view> names) {
  std::string result;
  for (const std::string_view name : names) {
    if (!result.empty()) result += ", ";
    result += name;
  }
  return result;
}

std::string hint(std::string_view word, std::span<const std::string_view> names) {
  const std::string_view meant = nearest(word, names);
  const std::string allowed = "allowed: " + joined(names);
  return meant.empty() ? allowed : "did you mean " + quoted(meant) + "? " + allowed;
}

std::string first_at(base::Place place) {
  return "first at " + std::to_string(place.line) + ":" + std::to_string(place.column);
}

}  // namespace kerberos::registry
