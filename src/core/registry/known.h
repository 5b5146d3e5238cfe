// SPDX-License-Identifier: MIT
//
// A row of a table together with the place of its value: a member of what is read, or a function
// where a value alone does not say it. Directives set members by set(), registry files are read by
// value.h, both by the same rows.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "core/base/instant.h"
#include "core/breaker/options.h"
#include "core/registry/keys.h"
#include "core/registry/wording.h"

namespace kerberos::registry {

struct Field;

template <typename Target>
struct Known : KeyRow {
  std::variant<std::optional<std::uint32_t> Target::*, std::optional<base::Millis> Target::*,
               std::optional<bool> Target::*, std::optional<breaker::Mode> Target::*,
               std::optional<std::string> Target::*, std::uint32_t Target::*, bool Target::*,
               std::string Target::*, void (*)(Target&, const Field&)>
      into;
};

template <typename Target>
using Table = std::span<const Known<Target>>;

// What a member holds: Value of both `Value Target::*` and `std::optional<Value> Target::*`.
template <typename Member>
struct ValueIn;
template <typename Value, typename Target>
struct ValueIn<Value Target::*> {
  using Type = Value;
};
template <typename Value, typename Target>
struct ValueIn<std::optional<Value> Target::*> {
  using Type = Value;
};
template <typename Member>
using ValueOf = typename ValueIn<Member>::Type;

// The rows alone, for whoever prints them.
template <typename Target, std::size_t kCount>
constexpr std::array<KeyRow, kCount> rows_of(const std::array<Known<Target>, kCount>& table) {
  std::array<KeyRow, kCount> rows;
  std::ranges::copy(table, rows.begin());
  return rows;
}

template <typename Target>
std::vector<std::string_view> names_of(std::type_identity_t<Table<Target>> table) {
  std::vector<std::string_view> names(table.size());
  std::ranges::transform(table, names.begin(), &Known<Target>::name);
  return names;
}

// Why a setting was not taken.
enum class Refusal : std::uint8_t {
  kNone,       // it was taken
  kUnknown,    // no parameter has this name
  kDuplicate,  // it was given before
  kInvalid,    // the value is of the wrong form, unit or range
};

struct Verdict {
  Refusal refusal = Refusal::kNone;
  std::string allowed;  // what would have been right, for a person
};

// Sets a setting from its text. All members of the table are optional numbers: one that has a
// value was given before.
template <typename Target>
Verdict set(std::type_identity_t<Table<Target>> table, Target& target, std::string_view name,
            std::string_view value) {
  const auto known = std::ranges::find(table, name, &Known<Target>::name);
  if (known == table.end()) return {Refusal::kUnknown, hint(name, names_of<Target>(table))};
  Verdict verdict{Refusal::kInvalid, hint_of(*known, value)};
  const auto write = [&](auto into) {
    if constexpr (std::is_member_pointer_v<decltype(into)>) {
      using Value = ValueOf<decltype(into)>;
      if constexpr (std::is_same_v<decltype(into), std::optional<Value> Target::*> &&
                    !std::is_same_v<Value, std::string>) {
        if (target.*into) {
          verdict = {Refusal::kDuplicate, "each parameter once"};
        } else if (const auto number = number_of(*known, value)) {
          target.*into = static_cast<Value>(*number);
          verdict = {};
        }
      }
    }
  };
  std::visit(write, known->into);
  return verdict;
}

// Fills what `settings` does not say from `inherited`.
template <typename Target>
void inherit(std::type_identity_t<Table<Target>> table, Target& settings, const Target& inherited) {
  const auto fill = [&](auto into) {
    if constexpr (std::is_member_pointer_v<decltype(into)>) {
      if constexpr (std::is_same_v<decltype(into),
                                   std::optional<ValueOf<decltype(into)>> Target::*>) {
        if (!(settings.*into)) settings.*into = inherited.*into;
      }
    }
  };
  for (const auto& known : table) std::visit(fill, known.into);
}

}  // namespace kerberos::registry
