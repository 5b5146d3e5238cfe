// SPDX-License-Identifier: MIT
//
// A text of YAML as a tree of values with their places; the only file that knows yaml-cpp, but for
// its messages (unreadable.h).
//
// The parser alone is no judge of a configuration: it reads the first of several documents,
// the first of equal keys, and half a file that ends inside a quote. So we listen to its events
// and accept only the plain part of YAML: one document of mappings, lists and scalars, with
// neither aliases, anchors, tags nor merge keys, in bounded size and depth.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/problem.h"

namespace kerberos::registry {

inline constexpr std::size_t kDepthMax = 16;
inline constexpr std::size_t kNodesMax = 2'000'000;  // keys included

enum class Kind : std::uint8_t { kNothing, kScalar, kSequence, kMap };

struct Key {
  std::string text;
  base::Place place;
  std::uint32_t length = 1;  // columns in the source
};

struct Node {
  Kind kind = Kind::kNothing;
  bool quoted = false;       // in quotes or a block: a text, whatever it looks like
  base::Place place;         // of nothing under a key: the key's
  std::uint32_t length = 1;  // columns in the source, of a scalar up to the end of its line
  std::string text;          // of a scalar
  std::vector<Key> keys;     // of a map, in the file's order, one for each child
  std::vector<Node> children;
};

struct Document {
  std::optional<Node> root;  // only where the structure is beyond doubt
  base::Problems problems;
};

// What is wrong with a key or a value, and where.
base::Problem problem_at(const Key& key, std::string text);
base::Problem problem_at(const Node& node, std::string text);

// Never throws but std::bad_alloc.
Document parse_document(std::string_view text);

}  // namespace kerberos::registry
