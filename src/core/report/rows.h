// SPDX-License-Identifier: MIT
//
// A JSON document of our own, read again: an object whose values are plain but for one list, which
// holds objects whose values are plain,
//   {"schema": 1, "kind": "what it is", ..., "rows": [{...}, {...}]}
// Whatever may have become of it meanwhile: what is of another shape is refused, and what is cut
// off is. It is read token by token, for the library's tree cannot be destroyed without memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace kerberos::report {

class Row {
 public:
  // Empty: something that no reader asks for, such as a fraction.
  using Value = std::variant<std::monostate, bool, std::int64_t, std::string>;

  void add(std::string key, Value value) { fields_.emplace_back(std::move(key), std::move(value)); }

  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }
  // Nothing where there is none, or where it is of another kind. A view lives as long as the row.
  [[nodiscard]] std::optional<std::string_view> text(std::string_view key) const;
  [[nodiscard]] std::optional<std::int64_t> number(std::string_view key) const;
  [[nodiscard]] std::optional<bool> flag(std::string_view key) const;

 private:
  [[nodiscard]] const Value* find(std::string_view key) const;

  std::vector<std::pair<std::string, Value>> fields_;
};

struct Rows {
  static constexpr std::size_t kMax = std::size_t{1} << 18U;

  Row head;
  std::vector<Row> rows;
  std::string problem;  // why there is nothing; empty: nothing is wrong
};

// Reads a document whose list is called `list`, and which says that it is of that kind and of that
// schema.
Rows read_rows(std::string_view text, std::string_view kind, std::int64_t schema,
               std::string_view list);

}  // namespace kerberos::report
