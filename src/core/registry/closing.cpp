// SPDX-License-Identifier: MIT
#include "core/registry/closing.h"

#include <algorithm>
#include <string>
#include <vector>

#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

char closing(char bracket) {
  return bracket == '[' ? ']' : '}';
}

// Whether what stands at `at` begins something: a quote in the middle of a word is a part of it,
// and so is a "#".
bool begins(std::string_view text, std::size_t at, std::string_view after) {
  return at == 0 || after.find(text[at - 1]) != std::string_view::npos;
}

// "3:5"
std::string line_and_column(base::Place place) {
  return std::to_string(place.line) + ":" + std::to_string(place.column);
}

base::Problem problem_in(std::string_view text, std::size_t at, std::string what) {
  return {place_in(text, at), std::move(what)};
}

}  // namespace

std::size_t closing_quote(std::string_view text) {
  const char quote = text.front();
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (quote == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || !text.substr(i + 1).starts_with('\'')) return i;
      ++i;
    }
  }
  return std::string_view::npos;
}

std::optional<base::Problem> flaw_of_bracket(std::string_view text, std::size_t at) {
  constexpr std::string_view kToTheEnd = " up to the end of the file)";
  std::vector<std::size_t> open;
  for (std::size_t i = at; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '[' || c == '{') {
      open.push_back(i);
    } else if (c == ']' || c == '}') {
      const std::size_t last = open.back();
      if (c != closing(text[last])) {
        return problem_in(text, i,
                          quoted({&text[i], 1}) + " where " + quoted({&text[last], 1}) + " of " +
                              line_and_column(place_in(text, last)) + " is still open");
      }
      open.pop_back();
      if (open.empty()) return std::nullopt;
    } else if ((c == '"' || c == '\'') && begins(text, i, " \t\r\n[{,:")) {
      const std::size_t size = closing_quote(text.substr(i));
      if (size == std::string_view::npos) {
        return problem_in(
            text, i,
            "unterminated quote (no closing " + std::string(1, c) + std::string(kToTheEnd));
      }
      i += size;
    } else if (c == '#' && begins(text, i, kBlanks)) {
      i = std::min(text.find('\n', i), text.size());
    }
  }
  const std::size_t last = open.back();
  return problem_in(text, last,
                    "unclosed " + quoted({&text[last], 1}) + " (no closing " +
                        std::string(1, closing(text[last])) + std::string(kToTheEnd));
}

base::Place place_in(std::string_view text, std::size_t at) {
  const std::string_view before = text.substr(0, at);
  const auto line = 1 + std::ranges::count(before, '\n');
  return {static_cast<int>(line), static_cast<int>(at - (before.rfind('\n') + 1)) + 1};
}

}  // namespace kerberos::registry
