// SPDX-License-Identifier: MIT
//
// What stands under a key, read as what it should be, and the problem where it is something
// else. Every reader of this room goes through here, so that one mistake has one wording.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "core/base/problem.h"
#include "core/registry/document.h"

namespace kerberos::registry {

struct Field {
  const Key& key;
  const Node& value;
};

// One of the keys that a mapping may have, and what reads it into the target.
template <typename Target>
struct Known {
  std::string_view name;
  void (*take)(Target& target, const Field& field);
};

void report_unknown(const Key& key, std::span<const std::string_view> allowed,
                    base::Problems& problems);
void report_wrong_type(const Field& field, std::string_view allowed, base::Problems& problems);
void report_invalid(const Field& field, std::string_view allowed, base::Problems& problems);

// Hands each field of a map to whoever knows its key.
template <typename Target, std::size_t kCount>
void read_map(const Node& map, const std::array<Known<Target>, kCount>& known, Target& target,
              base::Problems& problems) {
  std::array<std::string_view, kCount> names;
  std::ranges::transform(known, names.begin(), &Known<Target>::name);
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    const auto* const match = std::ranges::find(known, map.keys[i].text, &Known<Target>::name);
    if (match == known.end()) {
      report_unknown(map.keys[i], names, problems);
    } else {
      match->take(target, {map.keys[i], map.children[i]});
    }
  }
}

// The text of a scalar, in quotes or not; `allowed` says what it should have been.
std::optional<std::string_view> text_of(const Field& field, std::string_view allowed,
                                        base::Problems& problems);

// Only true and false, without quotes. What else YAML 1.1 took for a truth value ("yes", "on")
// is refused with the word that was meant.
std::optional<bool> boolean_of(const Field& field, base::Problems& problems);

std::optional<std::uint32_t> whole_number_of(const Field& field, std::uint32_t lowest,
                                             std::uint32_t highest, base::Problems& problems);

// Whether a name may stand in a URL's path as it is: 1 to 128 of A-Z a-z 0-9 . _ ~ - (what
// RFC 3986 leaves unreserved), but neither "." nor "..", which a path would lose.
bool is_name(std::string_view text);
inline constexpr std::string_view kNameForm = "1 to 128 of A-Z a-z 0-9 . _ ~ -";

}  // namespace kerberos::registry
