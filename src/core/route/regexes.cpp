// SPDX-License-Identifier: MIT
#include "core/route/regexes.h"

#include <re2/filtered_re2.h>
#include <re2/re2.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/route/words.h"

namespace kerberos::route {
namespace {

constexpr int kFixedMax = 64;  // bytes

re2::StringPiece piece_of(std::string_view text) {
  return {text.data(), text.size()};
}

re2::RE2::Options options() {
  re2::RE2::Options options;
  options.set_encoding(re2::RE2::Options::EncodingLatin1);  // bytes
  options.set_dot_nl(true);
  options.set_log_errors(false);
  options.set_max_mem(kRegexMemory);
  return options;
}

bool matches_all(const re2::RE2& regex, std::string_view text) {
  return regex.Match(piece_of(text), 0, text.size(), re2::RE2::ANCHOR_BOTH, nullptr, 0);
}

// What all texts between two begin with. The upper one may stand for no text at all but for all
// below it: then its last byte is one too high.
std::string fixed_of(const re2::RE2& regex) {
  std::string least;
  std::string most;
  if (!regex.PossibleMatchRange(&least, &most, kFixedMax)) return {};
  std::string fixed(least.begin(), std::ranges::mismatch(least, most).in1);
  const std::size_t next = fixed.size();
  const bool one_apart =
      next < least.size() && next + 1 == most.size() &&
      static_cast<unsigned char>(least[next]) + 1 == static_cast<unsigned char>(most[next]);
  if (one_apart && !matches_all(regex, most)) fixed += least[next];
  return fixed;
}

// The longest text from a slash on without which there is no match. RE2 knows the texts of which
// some must be there: one must be if no match is possible with all others there.
std::string within_of(std::string_view expression) {
  constexpr int kShortest = 2;  // bytes
  re2::FilteredRE2 filter(kShortest);
  int id = 0;
  if (filter.Add(piece_of(expression), options(), &id) != re2::RE2::NoError) return {};
  std::vector<std::string> texts;
  filter.Compile(&texts);
  std::string longest;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    std::vector<int> others;
    for (std::size_t j = 0; j < texts.size(); ++j) {
      if (j != i) others.push_back(static_cast<int>(j));
    }
    std::vector<int> possible;
    filter.AllPotentials(others, &possible);
    const std::size_t slash = texts[i].find('/');
    if (!possible.empty() || slash == std::string::npos) continue;
    if (texts[i].size() - slash > longest.size()) longest = texts[i].substr(slash);
  }
  return longest;
}

}  // namespace

Judgement judge(std::string_view expression) {
  Judgement judgement;
  if (expression.size() > kRegexMax) {
    judgement.refusal = "at most " + std::to_string(kRegexMax) + " bytes";
    return judgement;
  }
  const re2::RE2 regex(piece_of(expression), options());
  if (!regex.ok()) {
    judgement.refusal = regex.error();
    const auto code = regex.error_code();
    if (code == re2::RE2::ErrorBadPerlOp || code == re2::RE2::ErrorBadEscape) {
      judgement.refusal += "; RE2 has neither look-around nor back-references";
    }
    return judgement;
  }
  judgement.groups.count = static_cast<std::uint32_t>(regex.NumberOfCapturingGroups());
  for (const auto& [name, number] : regex.NamedCapturingGroups()) {
    judgement.groups.names.emplace_back(name, static_cast<std::uint32_t>(number));
  }
  // Bound at its ends, for RE2 to know that these are the first bytes of the text.
  const std::string bound = "^(?:" + std::string(expression) + ")$";
  const re2::RE2 whole(bound, options());
  if (whole.ok()) judgement.fixed = fixed_of(whole);
  judgement.within = within_of(expression);
  return judgement;
}

Regexes::Regexes() = default;
Regexes::~Regexes() = default;
Regexes::Regexes(Regexes&&) noexcept = default;
Regexes& Regexes::operator=(Regexes&&) noexcept = default;

void Regexes::adopt(std::span<const std::string_view> expressions) {
  ++round_;
  std::map<std::string, Held, std::less<>> fresh;
  std::vector<const re2::RE2*> numbered;
  numbered.reserve(expressions.size());
  for (const std::string_view expression : expressions) {
    auto found = held_.find(expression);
    if (found == held_.end()) {
      found = fresh.find(expression);
      if (found == fresh.end()) {
        auto regex = std::make_unique<re2::RE2>(piece_of(expression), options());
        ++compiled_;
        found = fresh.emplace(expression, Held{std::move(regex), 0}).first;
      }
    }
    found->second.round = round_;
    numbered.push_back(found->second.regex.get());
  }
  // From here on nothing can fail.
  held_.merge(fresh);
  numbered_.swap(numbered);
  std::erase_if(held_, [this](const auto& held) { return held.second.round != round_; });
}

bool Regexes::matches(std::uint32_t number, std::string_view text) const {
  const re2::RE2* const regex = at(number);
  return regex != nullptr && regex->ok() && matches_all(*regex, text);
}

bool Regexes::match(std::uint32_t number, std::string_view text,
                    std::span<std::string_view> groups) const {
  const re2::RE2* const regex = at(number);
  if (regex == nullptr || !regex->ok()) return false;
  std::array<re2::StringPiece, kGroupsMax + 1> found;
  const auto wanted = std::min({groups.size(), found.size(),
                                static_cast<std::size_t>(regex->NumberOfCapturingGroups()) + 1});
  if (!regex->Match(piece_of(text), 0, text.size(), re2::RE2::ANCHOR_BOTH, found.data(),
                    static_cast<int>(wanted))) {
    return false;
  }
  std::ranges::fill(groups, std::string_view());
  for (std::size_t i = 0; i < wanted; ++i) groups[i] = {found[i].data(), found[i].size()};
  return true;
}

}  // namespace kerberos::route
