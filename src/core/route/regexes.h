// SPDX-License-Identifier: MIT
//
// Regular expressions, by RE2: whatever a client sends, a match takes time in proportion to its
// length, and no more memory than kRegexMemory. The only file that knows RE2.
//
// An expression always matches a whole text, never a part of it, and works on bytes: what is not
// UTF-8 in a path cannot make an expression miss it.
//
// RE2 builds the states of its automaton as texts need them and keeps them, so a match may
// allocate while it is new, and takes a lock of its expression that nobody else wants in a
// process of one thread. A match with groups may take and give back memory each time, where the
// expression is not plain to read from left to right ("one-pass").
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/route/pieces.h"

namespace re2 {
class RE2;
}

namespace kerberos::route {

// Of one expression and what it has learnt; two thirds of it are states.
inline constexpr std::int64_t kRegexMemory = 256 << 10;

struct Judgement {
  std::string refusal;  // empty: it can be used
  std::string fixed;    // what every text that it matches begins with
  std::string within;   // what each has in it, from a slash on, in lower case
  Groups groups;
};

Judgement judge(std::string_view expression);

// The compiled expressions of a table, one set in each process.
class Regexes {
 public:
  Regexes();
  ~Regexes();
  Regexes(Regexes&&) noexcept;
  Regexes& operator=(Regexes&&) noexcept;
  Regexes(const Regexes&) = delete;
  Regexes& operator=(const Regexes&) = delete;

  // Holds these, by their place in the list, and no others. What it held before is not compiled
  // again. Where memory fails (std::bad_alloc) it holds what it held.
  void adopt(std::span<const std::string_view> expressions);

  [[nodiscard]] bool matches(std::uint32_t number, std::string_view text) const;

  // Fills groups[0], which is the whole text, and as many more as there is room for.
  bool match(std::uint32_t number, std::string_view text, std::span<std::string_view> groups) const;

  [[nodiscard]] std::size_t size() const { return numbered_.size(); }
  // How many were compiled since there are Regexes here.
  [[nodiscard]] std::uint64_t compiled() const { return compiled_; }

 private:
  struct Held {
    std::unique_ptr<re2::RE2> regex;
    std::uint64_t round = 0;  // the last adoption that wanted it
  };

  [[nodiscard]] const re2::RE2* at(std::uint32_t number) const {
    return number < numbered_.size() ? numbered_[number] : nullptr;
  }

  std::map<std::string, Held, std::less<>> held_;
  std::vector<const re2::RE2*> numbered_;
  std::uint64_t round_ = 0;
  std::uint64_t compiled_ = 0;
};

}  // namespace kerberos::route
