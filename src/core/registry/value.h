// SPDX-License-Identifier: MIT
//
// What stands under a key, read as what its row says it should be, and the problem where it is
// something else. Every reader of this room goes through here, so that one mistake has one
// wording.
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

#include "core/base/problem.h"
#include "core/registry/document.h"
#include "core/registry/keys.h"
#include "core/registry/known.h"

namespace kerberos::registry {

struct Field {
  const Key& key;
  const Node& value;
};

void report_unknown(const Key& key, std::span<const std::string_view> allowed,
                    base::Problems& problems);
void report_wrong_type(const Field& field, std::string_view allowed, base::Problems& problems);
// Of one of a list.
void report_wrong_item(const Field& field, std::string_view allowed, base::Problems& problems);
// A text of the wrong form or range, or a list or mapping with nothing in it.
void report_invalid(const Field& field, std::string_view allowed, base::Problems& problems);

// Reports where there is a flaw. Returns whether the text is good.
bool is_good(const Field& field, const std::string& flaw, base::Problems& problems);

// Whether this is the first of keys of which there may be one.
bool is_first(const Key*& first, const Key& key, std::string_view keys, base::Problems& problems);

// Whether there is a mapping of so many at most.
bool is_mapping(const KeyRow& row, const Field& field, std::size_t most, base::Problems& problems);

// The text of a scalar, in quotes or not; `allowed` says what it should have been.
std::optional<std::string_view> text_of(const Field& field, std::string_view allowed,
                                        base::Problems& problems);

// The text of a scalar that the row finds valid.
std::optional<std::string_view> text_of(const KeyRow& row, const Field& field,
                                        base::Problems& problems);

// The value of a scalar in the smallest unit of the row's form. A number in quotes is a text, and
// so is a truth value; of what YAML 1.1 took for one ("yes", "on"), true and false alone are
// read.
std::optional<std::int64_t> number_of(const KeyRow& row, const Field& field,
                                      base::Problems& problems);

// Reads one field as its row says.
template <typename Target>
void take(const Known<Target>& known, Target& target, const Field& field,
          base::Problems& problems) {
  const auto read = [&](auto into) {
    if constexpr (std::is_function_v<std::remove_pointer_t<decltype(into)>>) {
      into(target, field);
    } else {
      using Value = ValueOf<decltype(into)>;
      if constexpr (std::is_same_v<Value, std::string>) {
        if (const auto text = text_of(known, field, problems)) target.*into = std::string(*text);
      } else if (const auto number = number_of(known, field, problems)) {
        target.*into = static_cast<Value>(*number);
      }
    }
  };
  std::visit(read, known.into);
}

// Hands each field of a map to whoever knows its key.
template <typename Target>
void read_map(const Node& map, std::type_identity_t<Table<Target>> table, Target& target,
              base::Problems& problems) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const auto match = std::ranges::find(table, map.keys[i].text, &Known<Target>::name);
    if (match == table.end()) {
      report_unknown(map.keys[i], names_of<Target>(table), problems);
    } else {
      take(*match, target, {map.keys[i], map.children[i]}, problems);
    }
  }
}

// Whether a name may stand in a URL's path as it is: 1 to 128 of A-Z a-z 0-9 . _ ~ - (what
// RFC 3986 leaves unreserved), but neither "." nor "..", which a path would lose.
bool is_name(std::string_view text);
inline constexpr std::string_view kNameForm = "1 to 128 of A-Z a-z 0-9 . _ ~ -";
inline constexpr TextForm kNameText = {kNameForm, "^[A-Za-z0-9._~-]{1,128}$", is_name};

}  // namespace kerberos::registry
