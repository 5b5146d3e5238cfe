// SPDX-License-Identifier: MIT
#include "core/route/table.h"

#include <algorithm>
#include <functional>

#include "core/route/hash.h"
#include "core/route/words.h"

namespace kerberos::route {
namespace {

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool equal_in_any_case(std::string_view lower_case, std::string_view text) {
  return std::ranges::equal(lower_case, text, {}, {}, lower);
}

// Without its port, and without the dot that may end a name.
std::string_view bare(std::string_view host) {
  if (host.starts_with('[')) {
    const std::size_t close = host.find(']');
    return close == std::string_view::npos ? host : host.substr(0, close + 1);
  }
  host = host.substr(0, host.find(':'));
  if (host.ends_with('.')) host.remove_suffix(1);
  return host;
}

}  // namespace

struct Table::Search {
  const Request& request;
  const Regexes& regexes;
  std::uint32_t method;          // its bit
  std::uint32_t best = kNobody;  // the route that goes first of those that fit so far
};

template <class Equal>
const KeyImage* Table::find_key(std::uint64_t hash, std::uint32_t salt, std::string_view key,
                                Equal&& equal) const {
  const auto* const keys = at<KeyImage>(image_->keys_at);
  for (auto i = static_cast<std::uint32_t>(hash >> 1U);; ++i) {
    const KeyImage& found = keys[i & image_->keys_mask];
    if (found.hash == 0) return nullptr;
    if (found.hash == hash && found.salt == salt && equal(text(found.text), key)) return &found;
  }
}

std::uint32_t Table::find_host(std::uint64_t hash, std::string_view name) const {
  const auto* const hosts = at<HostImage>(image_->hosts_at);
  for (auto i = static_cast<std::uint32_t>(hash >> 1U);; ++i) {
    const HostImage& found = hosts[i & image_->hosts_mask];
    if (found.hash == 0) return kNobody;
    if (found.hash == hash && equal_in_any_case(text(found.name), name)) return found.group;
  }
}

bool Table::meets(const Search& search, const ConditionImage& condition, Request::Find find) const {
  const auto value =
      find == nullptr ? std::nullopt : find(search.request.context, text(condition.name));
  if (!value) return condition.form == Form::kAbsent;
  switch (condition.form) {
    case Form::kPresent:
      return true;
    case Form::kAbsent:
      return false;
    case Form::kExact:
      return *value == text(condition.text);
    case Form::kPrefix:
      return value->starts_with(text(condition.text));
    case Form::kRegex:
      break;
  }
  return search.regexes.matches(condition.regex, *value);
}

// Cheap questions first.
bool Table::accepts(const Search& search, const RouteImage& route) const {
  const Request& request = search.request;
  if (route.methods != 0 && (route.methods & search.method) == 0) return false;
  if (route.below && request.path.size() == route.path.length) return false;
  if (route.form == PathForm::kRegex && !request.path.starts_with(text(route.path))) return false;
  const auto* condition = at<ConditionImage>(image_->conditions_at) + route.first_condition;
  for (const auto* const end = condition + route.headers; condition != end; ++condition) {
    if (!meets(search, *condition, request.header)) return false;
  }
  for (const auto* const end = condition + route.query; condition != end; ++condition) {
    if (!meets(search, *condition, request.argument)) return false;
  }
  return route.form != PathForm::kRegex || search.regexes.matches(route.regex, request.path);
}

void Table::try_list(Search& search, const KeyImage& key) const {
  const auto* const list = at<std::uint32_t>(image_->lists_at) + key.first;
  for (std::uint32_t i = 0; i < key.count && list[i] < search.best; ++i) {
    if (!accepts(search, route_at(list[i]))) continue;
    search.best = list[i];
    return;
  }
}

void Table::exact(Search& search, std::uint32_t group) const {
  const std::string_view path = search.request.path;
  const std::uint32_t salt = salt_of(group, KeyKind::kExact);
  const KeyImage* const key = find_key(hash_of(path, salt), salt, path, std::equal_to<>());
  if (key != nullptr) try_list(search, *key);
}

// A prefix ends before a slash of the path or with it. The longest goes first unless a priority
// says otherwise, so the others mostly need one look each at who is their first.
void Table::prefixes(Search& search, std::uint32_t group, std::size_t longest) const {
  const std::string_view path = search.request.path;
  const std::uint32_t salt = salt_of(group, KeyKind::kPrefix);
  std::array<const KeyImage*, kSegmentsMax + 1> found;
  std::size_t count = 0;
  Hash hash;
  for (std::size_t i = 0; i <= longest && count < found.size(); ++i) {
    if (i == path.size() || path[i] == '/') {
      const KeyImage* const key =
          find_key(hash.of(salt), salt, path.substr(0, i), std::equal_to<>());
      if (key != nullptr) found[count++] = key;
      if (i == path.size()) break;
    }
    hash.add(path[i]);
  }
  while (count > 0) try_list(search, *found[--count]);
}

// Those whose key the text begins with.
void Table::expressions(Search& search, std::uint32_t salt, std::uint64_t lengths,
                        std::string_view text) const {
  Hash hash;
  for (std::size_t i = 0; lengths != 0; ++i, lengths >>= 1U) {
    if ((lengths & 1U) != 0) {
      const KeyImage* const key =
          find_key(hash.of(salt), salt, text.substr(0, i), equal_in_any_case);
      if (key != nullptr) try_list(search, *key);
    }
    if (i == text.size()) break;
    hash.add(lower(text[i]));
  }
}

void Table::expressions_within(Search& search, std::uint32_t group, std::uint64_t lengths) const {
  const std::uint32_t salt = salt_of(group, KeyKind::kWithin);
  const std::string_view path = search.request.path;
  for (std::size_t at = path.find('/'); at != std::string_view::npos; at = path.find('/', at + 1)) {
    expressions(search, salt, lengths, path.substr(at));
  }
}

// What costs least is asked first, and whoever is found spares the others whatever comes after it.
void Table::in_group(Search& search, std::uint32_t group) const {
  const GroupImage& image = at<GroupImage>(image_->groups_at)[group];
  if (image.exacts) exact(search, group);
  if (image.prefixes) prefixes(search, group, image.longest_prefix);
  if (image.fixed != 0) {
    expressions(search, salt_of(group, KeyKind::kFixed), image.fixed, search.request.path);
  }
  if (image.within != 0) expressions_within(search, group, image.within);
}

// The host's own routes, then those of ever shorter wildcards, then those of any host. Names are
// hashed from their end, for that is where they are the same.
std::uint32_t Table::by_host(Search& search) const {
  const std::string_view host = bare(search.request.host);
  if (image_->hosts != 0 && !host.empty() && host.size() <= kHostMax) {
    std::array<std::uint32_t, kHostMax> found;
    std::size_t count = 0;
    Hash hash;
    for (std::size_t i = host.size(); i-- > 0;) {
      hash.add(lower(host[i]));
      if (i != 0 && host[i] != '.') continue;
      // A name that begins with a dot is nobody's, and all before it is what a wildcard stands for.
      const std::string_view name = host.substr(i);
      const bool wildcard = name.front() == '.';
      if (wildcard && i == 0) break;
      const std::uint32_t group = find_host(hash.of(kHostSalt), name);
      if (group != kNobody) found[count++] = group;
    }
    while (count > 0 && search.best == kNobody) in_group(search, found[--count]);
  }
  if (search.best == kNobody && image_->any_host != kNobody) in_group(search, image_->any_host);
  return search.best;
}

std::optional<Match> Table::match(const Request& request, const Regexes& regexes) const {
  if (image_->routes == 0) return std::nullopt;
  Search search{request, regexes, method_bit(request.method)};
  const std::uint32_t number = by_host(search);
  if (number == kNobody) return std::nullopt;
  const RouteImage& route = route_at(number);
  Match match{number, route.service, route.strip || route.pieces != 0, {}};
  if (route.groups != 0) {
    // It has matched once. Where it has no memory to do so again, its groups are empty.
    regexes.match(route.regex, request.path, std::span(match.groups).first(route.groups));
  }
  return match;
}

// Hands the parts of the new path to the sink, in order.
template <class Sink>
void Table::make_path(const Match& match, std::string_view path, Sink&& sink) const {
  const RouteImage& route = route_at(match.route);
  std::string_view rest;
  if (route.form == PathForm::kPrefix) rest = path.substr(route.path.length);
  const auto pieces = rewrite(route);
  if (pieces.empty()) return sink(rest.empty() ? std::string_view("/") : rest);
  for (const PieceImage& piece : pieces) {
    std::string_view part =
        piece.kind == PieceKind::kGroup ? match.groups[piece.group] : text(piece.text);
    // "/v2/" and "/x" are "/v2/x".
    if (&piece == &pieces.back() && rest.starts_with('/') && part.ends_with('/')) {
      part.remove_suffix(1);
    }
    sink(part);
  }
  sink(rest);
}

std::size_t Table::path_size(const Match& match, std::string_view path) const {
  if (!match.rewrites) return path.size();
  std::size_t size = 0;
  make_path(match, path, [&](std::string_view part) { size += part.size(); });
  return size;
}

void Table::write_path(const Match& match, std::string_view path, char* out) const {
  const auto put = [&](std::string_view part) { out = std::ranges::copy(part, out).out; };
  if (!match.rewrites) return put(path);
  make_path(match, path, put);
}

std::vector<std::string_view> Table::expressions() const {
  std::vector<std::string_view> result;
  result.reserve(image_->regexes);
  const auto* const texts = at<Text>(image_->regexes_at);
  for (std::uint32_t i = 0; i < image_->regexes; ++i) result.push_back(text(texts[i]));
  return result;
}

}  // namespace kerberos::route
