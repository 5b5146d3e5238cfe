// SPDX-License-Identifier: MIT
#include "core/route/precedence.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

namespace kerberos::route {
namespace {

// Fewer than that are compared each with each.
constexpr std::size_t kFew = 16;

int host_class(const Route& route) {
  if (route.host.empty()) return 2;
  return route.host.starts_with('*') ? 1 : 0;
}

std::weak_ordering longer(std::string_view left, std::string_view right) {
  return right.size() <=> left.size();
}

std::weak_ordering by_host(const Route& left, const Route& right) {
  if (const auto order = host_class(left) <=> host_class(right); order != 0) return order;
  if (const auto order = longer(left.host, right.host); order != 0) return order;
  return left.host <=> right.host;
}

std::weak_ordering by_path(const Route& left, const Route& right) {
  if (const auto order = left.form <=> right.form; order != 0) return order;
  if (left.form == PathForm::kRegex) {
    if (const auto order = longer(left.fixed, right.fixed); order != 0) return order;
  }
  if (left.form != PathForm::kExact) {
    if (const auto order = longer(left.path, right.path); order != 0) return order;
  }
  return left.path <=> right.path;
}

auto conditions_of(const Route& route) {
  return std::tuple(route.methods != 0, route.headers.size(), route.query.size());
}

bool exclude(const Condition& a, const Condition& b) {
  if (a.form == Form::kAbsent || b.form == Form::kAbsent) return a.form != b.form;
  if (a.form == Form::kExact && b.form == Form::kExact) return a.text != b.text;
  if (a.form == Form::kPrefix && b.form == Form::kExact) return !b.text.starts_with(a.text);
  if (a.form == Form::kExact && b.form == Form::kPrefix) return !a.text.starts_with(b.text);
  if (a.form == Form::kPrefix && b.form == Form::kPrefix) {
    return !a.text.starts_with(b.text) && !b.text.starts_with(a.text);
  }
  return false;  // one is met by any value, or is an expression: who knows
}

bool exclude(const std::vector<Condition>& left, const std::vector<Condition>& right) {
  return std::ranges::any_of(left, [&](const Condition& a) {
    return std::ranges::any_of(
        right, [&](const Condition& b) { return a.name == b.name && exclude(a, b); });
  });
}

// A header or an argument, by its name.
using Name = std::pair<bool, std::string_view>;

class Search {
 public:
  explicit Search(std::span<const Route> routes) : routes_(routes) {}

  // Ties among routes of the same precedence. They are parted by the value that they want of one
  // name, as often as there is a name that helps: two with different values cannot tie. Members
  // are ascending.
  void among(const std::vector<std::uint32_t>& members, std::set<Name> parted) {
    const Name name = members.size() <= kFew ? Name{} : most_common(members, parted);
    if (name.second.empty()) return each_with_each(members);
    parted.insert(name);

    std::unordered_map<std::string_view, std::vector<std::uint32_t>> parts;
    std::vector<std::uint32_t> rest;
    std::vector<std::uint32_t> others;
    for (const std::uint32_t member : members) {
      const Condition* const condition = exact(routes_[member], name);
      if (condition == nullptr) {
        rest.push_back(member);
      } else {
        parts[condition->text].push_back(member);
        others.push_back(member);
      }
    }
    for (const auto& part : parts) among(part.second, parted);
    among(rest, parted);
    for (const std::uint32_t member : rest) first_of(others, member);
    for (const std::uint32_t member : others) first_of(rest, member);
  }

  std::vector<Tie> result() && {
    std::ranges::sort(ties_, {}, &Tie::second);
    return std::move(ties_);
  }

 private:
  static const std::vector<Condition>& conditions(const Route& route, bool query) {
    return query ? route.query : route.headers;
  }

  static const Condition* exact(const Route& route, const Name& name) {
    for (const Condition& condition : conditions(route, name.first)) {
      if (condition.name == name.second && condition.form == Form::kExact) return &condition;
    }
    return nullptr;
  }

  // The name of which most of them want a value, but for those that have parted them already.
  Name most_common(const std::vector<std::uint32_t>& members, const std::set<Name>& parted) const {
    std::map<Name, std::size_t> counts;
    for (const std::uint32_t member : members) {
      for (const bool query : {false, true}) {
        for (const Condition& condition : conditions(routes_[member], query)) {
          const Name name(query, condition.name);
          if (condition.form == Form::kExact && !parted.contains(name)) ++counts[name];
        }
      }
    }
    const auto most =
        std::ranges::max_element(counts, {}, [](const auto& counted) { return counted.second; });
    return most == counts.end() ? Name{} : most->first;
  }

  void each_with_each(std::span<const std::uint32_t> members) {
    for (std::size_t i = 1; i < members.size(); ++i) first_of(members.first(i), members[i]);
  }

  // Notes the first of those before `member` that it ties with, unless one is noted already.
  void first_of(std::span<const std::uint32_t> members, std::uint32_t member) {
    if (lost_.contains(member)) return;
    for (const std::uint32_t other : members) {
      if (other >= member) return;
      if (!can_both_match(routes_[other], routes_[member])) continue;
      lost_.insert(member);
      ties_.push_back({other, member});
      return;
    }
  }

  std::span<const Route> routes_;
  std::vector<Tie> ties_;
  std::set<std::uint32_t> lost_;
};

}  // namespace

std::weak_ordering precedence(const Route& left, const Route& right) {
  if (const auto order = by_host(left, right); order != 0) return order;
  if (const auto order = right.priority <=> left.priority; order != 0) return order;
  if (const auto order = by_path(left, right); order != 0) return order;
  return conditions_of(right) <=> conditions_of(left);
}

bool can_both_match(const Route& left, const Route& right) {
  const bool methods =
      left.methods == 0 || right.methods == 0 || (left.methods & right.methods) != 0;
  return methods && !exclude(left.headers, right.headers) && !exclude(left.query, right.query);
}

std::vector<std::uint32_t> in_order(std::span<const Route> routes) {
  std::vector<std::uint32_t> order(routes.size());
  std::iota(order.begin(), order.end(), 0U);
  std::ranges::stable_sort(order, [&](std::uint32_t left, std::uint32_t right) {
    return precedence(routes[left], routes[right]) < 0;
  });
  return order;
}

std::vector<Tie> ties(std::span<const Route> routes) {
  const std::vector<std::uint32_t> order = in_order(routes);
  Search search(routes);
  for (auto run = order.begin(); run != order.end();) {
    const auto end = std::find_if(run, order.end(), [&](std::uint32_t other) {
      return precedence(routes[*run], routes[other]) != 0;
    });
    if (end - run > 1) search.among({run, end}, {});
    run = end;
  }
  return std::move(search).result();
}

}  // namespace kerberos::route
