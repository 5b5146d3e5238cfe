// SPDX-License-Identifier: MIT
#include "core/registry/balance.h"

#include <array>

#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr auto kNames = [] {
  std::array<std::string_view, balance::kMethods.size()> names;
  std::ranges::transform(balance::kMethods, names.begin(), &balance::MethodRow::name);
  return names;
}();

std::string invalid(std::string_view word, const std::string& allowed) {
  return "invalid parameter " + quoted(word) + " (" + allowed + ")";
}

std::string duplicate(std::string_view name) {
  return "parameter " + quoted(name) + " is duplicate";
}

// What may follow a method, for a person who wrote `word`.
std::string parameters_of(const balance::MethodRow& row, std::string_view word) {
  constexpr std::array<std::string_view, 1> kAdaptive = {"adaptive"};
  constexpr std::array<std::string_view, 1> kBounded = {"bounded=125%"};
  if (row.adaptive) return hint(word, kAdaptive);
  if (row.bounded) return hint(word, kBounded);
  return std::string(row.name) + " has no parameters";
}

// Takes one parameter; returns what is wrong with it.
std::string take(balance::Options& options, const balance::MethodRow& row, std::string_view word) {
  constexpr std::string_view kBounded = "bounded=";
  if (row.adaptive && word == "adaptive") {
    if (options.adaptive) return duplicate(word);
    options.adaptive = true;
    return {};
  }
  if (!row.bounded || !word.starts_with(kBounded)) return invalid(word, parameters_of(row, word));
  if (options.bounded_percent != 0) return duplicate("bounded");
  const auto percent = parse_percent(word.substr(kBounded.size()));
  if (!percent || *percent < kBoundedMin || *percent > kBoundedMax) {
    return invalid(word, "a share of the average load from " + std::to_string(kBoundedMin) +
                             "% to " + std::to_string(kBoundedMax) + "%");
  }
  options.bounded_percent = *percent;
  return {};
}

}  // namespace

BalanceReading balance_of(std::span<const std::string_view> words) {
  BalanceReading reading;
  const std::string_view name = words.empty() ? std::string_view() : words.front();
  const auto* const row = std::ranges::find(balance::kMethods, name, &balance::MethodRow::name);
  if (row == balance::kMethods.end()) {
    reading.problem = "invalid balancing method " + quoted(name) + " (" + hint(name, kNames) + ")";
    return reading;
  }
  balance::Options& options = reading.balance.options;
  options.method = row->method;
  words = words.subspan(1);
  if (row->key) {
    if (words.empty() || words.front().empty() || words.front().starts_with("bounded=")) {
      reading.problem =
          std::string(name) + " without a key (such as $request_uri, $arg_user or $cookie_session)";
      return reading;
    }
    reading.balance.key = words.front();
    words = words.subspan(1);
  }
  for (const std::string_view word : words) {
    reading.problem = take(options, *row, word);
    if (!reading.problem.empty()) return reading;
  }
  return reading;
}

std::vector<std::string_view> words_of(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> words;
  for (std::size_t at = text.find_first_not_of(kBlanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(kBlanks, at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(kBlanks, end);
  }
  return words;
}

}  // namespace kerberos::registry
