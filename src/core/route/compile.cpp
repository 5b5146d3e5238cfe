// SPDX-License-Identifier: MIT
#include "core/route/compile.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "core/route/hash.h"
#include "core/route/precedence.h"
#include "core/route/words.h"

namespace kerberos::route {
namespace {

constexpr std::size_t kAlignment = 8;

// What a table of so many entries has room for: half of it stays empty, so that a search ends.
std::size_t room_for(std::size_t entries) {
  return std::bit_ceil(2 * entries + 1);
}

template <class Slot>
void put(std::vector<Slot>& table, const Slot& slot) {
  auto i = slot.hash >> 1U;
  while (table[i & (table.size() - 1)].hash != 0) ++i;
  table[i & (table.size() - 1)] = slot;
}

// What a route's path is held against: a prefix without its last slash, for that it had one is a
// question of its own.
std::string_view path_of(const Route& route) {
  if (route.form == PathForm::kRegex) return route.fixed;
  std::string_view path = route.path;
  if (route.form == PathForm::kPrefix && path.ends_with('/')) path.remove_suffix(1);
  return path;
}

std::string expression_key(std::string_view text) {
  return lower(text.substr(0, kExpressionKeyMax));
}

std::uint32_t groups_used(const Pieces& pieces) {
  std::uint32_t used = 0;
  for (const Piece& piece : pieces) {
    if (piece.kind == PieceKind::kGroup) used = std::max(used, piece.group + 1);
  }
  return used;
}

// The name as it is hashed: from its end.
std::uint64_t host_hash(std::string_view name) {
  Hash hash;
  for (auto c = name.rbegin(); c != name.rend(); ++c) hash.add(*c);
  return hash.of(kHostSalt);
}

}  // namespace

Compiled::Compiled(std::span<const Route> routes) {
  routes_.reserve(routes.size());
  for (const Route& route : routes) count(route);
  for (const std::uint32_t number : in_order(routes)) add(routes[number]);
  fill_keys();
  fill_hosts();
  place();
}

Text Compiled::add(std::string_view text) {
  const auto [known, added] = texts_.try_emplace(text);
  if (added) {
    known->second = {static_cast<std::uint32_t>(text_.size()),
                     static_cast<std::uint32_t>(text.size())};
    text_.insert(text_.end(), text.begin(), text.end());
  }
  return known->second;
}

std::uint32_t Compiled::add(const Pieces& pieces) {
  const auto first = static_cast<std::uint32_t>(pieces_.size());
  for (const Piece& piece : pieces) {
    pieces_.push_back({add(std::string_view(piece.text)), piece.group, piece.kind});
  }
  return first;
}

std::uint32_t Compiled::regex_of(std::string_view expression) {
  const auto [known, added] = regex_numbers_.try_emplace(expression, regexes_.size());
  if (added) regexes_.push_back(add(expression));
  return known->second;
}

std::uint32_t Compiled::add(const Condition& condition) {
  const auto number = static_cast<std::uint32_t>(conditions_.size());
  const bool regex = condition.form == Form::kRegex;
  conditions_.push_back({add(std::string_view(condition.name)),
                         add(std::string_view(condition.text)),
                         regex ? regex_of(condition.text) : 0, condition.form});
  return number;
}

std::uint32_t Compiled::group_of(std::string_view host) {
  const auto [known, added] = group_numbers_.try_emplace(host, groups_.size());
  if (added) groups_.emplace_back();
  return known->second;
}

void Compiled::add(const Route& route) {
  RouteImage image;
  image.name = add(std::string_view(route.name));
  image.path = add(path_of(route));
  image.service = route.service;
  image.methods = route.methods;
  image.form = route.form;
  image.below = route.form == PathForm::kPrefix && route.path.ends_with('/');
  image.strip = route.strip;
  if (route.form == PathForm::kRegex) image.regex = regex_of(route.path);

  image.first_condition = static_cast<std::uint32_t>(conditions_.size());
  image.headers = static_cast<std::uint16_t>(route.headers.size());
  image.query = static_cast<std::uint16_t>(route.query.size());
  for (const Condition& condition : route.headers) add(condition);
  for (const Condition& condition : route.query) add(condition);

  std::uint32_t groups = groups_used(route.rewrite);
  image.pieces = static_cast<std::uint16_t>(route.rewrite.size());
  image.first_piece = add(route.rewrite);
  image.first_set_header = static_cast<std::uint32_t>(headers_.size());
  image.set_headers = static_cast<std::uint16_t>(route.set_headers.size());
  for (const Header& header : route.set_headers) {
    groups = std::max(groups, groups_used(header.value));
    const std::uint32_t first = add(header.value);
    headers_.push_back({add(std::string_view(header.name)), first,
                        static_cast<std::uint32_t>(header.value.size())});
  }
  image.groups = static_cast<std::uint8_t>(groups);

  index(static_cast<std::uint32_t>(routes_.size()), group_of(route.host), route);
  routes_.push_back(image);
}

void Compiled::count(const Route& route) {
  if (route.form != PathForm::kRegex) return;
  const std::uint32_t group = group_of(route.host);
  ++counts_[{salt_of(group, KeyKind::kFixed), expression_key(route.fixed)}];
  ++counts_[{salt_of(group, KeyKind::kWithin), expression_key(route.within)}];
}

Compiled::Key Compiled::key_of(const Route& route, std::uint32_t group) const {
  if (route.form == PathForm::kExact) return {KeyKind::kExact, route.path};
  if (route.form == PathForm::kPrefix) return {KeyKind::kPrefix, std::string(path_of(route))};
  const Key fixed{KeyKind::kFixed, expression_key(route.fixed)};
  const Key within{KeyKind::kWithin, expression_key(route.within)};
  const auto shared = [&](const Key& key) {
    return counts_.at({salt_of(group, key.kind), key.text});
  };
  return !within.text.empty() && shared(within) < shared(fixed) ? within : fixed;
}

// Routes come in the order of precedence, and so they stand in each list.
void Compiled::index(std::uint32_t number, std::uint32_t group, const Route& route) {
  const Key key = key_of(route, group);
  GroupImage& has = groups_[group];
  switch (key.kind) {
    case KeyKind::kExact:
      has.exacts = true;
      break;
    case KeyKind::kFixed:
      has.fixed |= std::uint64_t{1} << key.text.size();
      break;
    case KeyKind::kPrefix:
      has.prefixes = true;
      has.longest_prefix =
          std::max(has.longest_prefix, static_cast<std::uint32_t>(key.text.size()));
      break;
    case KeyKind::kWithin:
      has.within |= std::uint64_t{1} << key.text.size();
      break;
  }
  const std::uint32_t salt = salt_of(group, key.kind);
  const auto [known, added] = list_numbers_.try_emplace({salt, key.text}, lists_.size());
  if (added) lists_.push_back({salt, key.text, {}});
  lists_[known->second].routes.push_back(number);
}

void Compiled::fill_keys() {
  keys_.resize(room_for(lists_.size()));
  for (const List& list : lists_) {
    put(keys_,
        {hash_of(list.text, list.salt), add(std::string_view(list.text)), list.salt,
         static_cast<std::uint32_t>(list_.size()), static_cast<std::uint32_t>(list.routes.size())});
    list_.insert(list_.end(), list.routes.begin(), list.routes.end());
  }
}

void Compiled::fill_hosts() {
  const auto any = group_numbers_.find(std::string_view());
  if (any != group_numbers_.end()) image_.any_host = any->second;
  std::vector<std::pair<std::uint32_t, std::string_view>> named;
  for (const auto& [host, group] : group_numbers_) {
    if (!host.empty()) named.emplace_back(group, host);
  }
  std::ranges::sort(named);  // for the image to be the same each time
  hosts_.resize(room_for(named.size()));
  image_.hosts = static_cast<std::uint32_t>(named.size());
  for (const auto& [group, host] : named) {
    const std::string_view name = host.starts_with('*') ? host.substr(1) : host;
    put(hosts_, {host_hash(name), add(name), group});
  }
}

// Gives each part its place.
void Compiled::place() {
  std::size_t end = sizeof(TableImage);
  const auto take = [&](const auto& part) {
    const std::size_t at = (end + kAlignment - 1) / kAlignment * kAlignment;
    end = at + part.size() * sizeof(part[0]);
    return static_cast<std::uint32_t>(at);
  };
  image_.routes = static_cast<std::uint32_t>(routes_.size());
  image_.regexes = static_cast<std::uint32_t>(regexes_.size());
  image_.keys_mask = static_cast<std::uint32_t>(keys_.size() - 1);
  image_.hosts_mask = static_cast<std::uint32_t>(hosts_.size() - 1);
  image_.routes_at = take(routes_);
  image_.keys_at = take(keys_);
  image_.hosts_at = take(hosts_);
  image_.groups_at = take(groups_);
  image_.conditions_at = take(conditions_);
  image_.pieces_at = take(pieces_);
  image_.headers_at = take(headers_);
  image_.lists_at = take(list_);
  image_.regexes_at = take(regexes_);
  image_.texts_at = take(text_);
  image_.size = static_cast<std::uint32_t>((end + kAlignment - 1) / kAlignment * kAlignment);
}

void Compiled::write(std::span<std::byte> memory) const {
  std::ranges::fill(memory.first(size()), std::byte{0});
  const auto put_part = [&](std::uint32_t at, const auto& part) {
    using Item = std::remove_cvref_t<decltype(part[0])>;
    static_assert(std::has_unique_object_representations_v<Item>);
    if (!part.empty()) std::memcpy(&memory[at], part.data(), part.size() * sizeof(Item));
  };
  std::memcpy(memory.data(), &image_, sizeof(image_));
  put_part(image_.routes_at, routes_);
  put_part(image_.keys_at, keys_);
  put_part(image_.hosts_at, hosts_);
  put_part(image_.groups_at, groups_);
  put_part(image_.conditions_at, conditions_);
  put_part(image_.pieces_at, pieces_);
  put_part(image_.headers_at, headers_);
  put_part(image_.lists_at, list_);
  put_part(image_.regexes_at, regexes_);
  put_part(image_.texts_at, text_);
}

}  // namespace kerberos::route
