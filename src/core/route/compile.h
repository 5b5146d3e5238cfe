// SPDX-License-Identifier: MIT
//
// Compiles routes into the image that a Table reads. An expression stands under what its paths
// begin with or under what they have in them, whichever fewer others would share. Compiling is two
// steps, because the memory is the caller's: first everything is laid out, then it is known how
// large the image is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/route/image.h"
#include "core/route/model.h"
#include "core/route/table.h"

namespace kerberos::route {

// The routes must stay where they are as long as this lives.
class Compiled {
 public:
  // Of two routes that tie, the one that comes first goes first.
  explicit Compiled(std::span<const Route> routes);

  [[nodiscard]] std::size_t size() const { return image_.size; }

  // Requires: memory.size() >= size(), aligned to 8 bytes. The same routes give the same bytes.
  void write(std::span<std::byte> memory) const;

 private:
  // Where a route is found.
  struct Key {
    KeyKind kind = KeyKind::kExact;
    std::string text;
  };

  // Routes of one key.
  struct List {
    std::uint32_t salt = 0;
    std::string text;
    std::vector<std::uint32_t> routes;
  };

  Text add(std::string_view text);
  std::uint32_t add(const Pieces& pieces);
  std::uint32_t add(const Condition& condition);
  std::uint32_t regex_of(std::string_view expression);
  std::uint32_t group_of(std::string_view host);
  void add(const Route& route);
  void count(const Route& route);
  Key key_of(const Route& route, std::uint32_t group) const;
  void index(std::uint32_t number, std::uint32_t group, const Route& route);
  void fill_keys();
  void fill_hosts();
  void place();

  TableImage image_;
  std::vector<RouteImage> routes_;
  std::vector<KeyImage> keys_;
  std::vector<HostImage> hosts_;
  std::vector<GroupImage> groups_;
  std::vector<ConditionImage> conditions_;
  std::vector<PieceImage> pieces_;
  std::vector<HeaderImage> headers_;
  std::vector<std::uint32_t> list_;
  std::vector<Text> regexes_;
  std::vector<char> text_;

  std::unordered_map<std::string_view, Text> texts_;
  std::unordered_map<std::string_view, std::uint32_t> regex_numbers_;
  std::unordered_map<std::string_view, std::uint32_t> group_numbers_;
  using SaltedText = std::pair<std::uint32_t, std::string>;
  std::map<SaltedText, std::uint32_t> counts_;  // expressions that could stand under a key
  std::vector<List> lists_;                     // in the order in which they were met
  std::map<SaltedText, std::size_t> list_numbers_;
};

}  // namespace kerberos::route
