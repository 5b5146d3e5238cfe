// SPDX-License-Identifier: MIT
//
// Routes as tests write them, their compiled table, and requests to it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/route/compile.h"
#include "core/route/precedence.h"
#include "core/route/regexes.h"
#include "core/route/table.h"
#include "core/route/words.h"

// After the standard library, whose names it would shadow.
#include "../cmocka.h"

namespace kerberos::route {

inline Route prefix(std::string path) {
  Route route;
  route.path = std::move(path);
  return route;
}

inline Route exact(std::string path) {
  Route route = prefix(std::move(path));
  route.form = PathForm::kExact;
  return route;
}

inline Route regex(std::string expression) {
  Route route = prefix(std::move(expression));
  route.form = PathForm::kRegex;
  const Judgement judgement = judge(route.path);
  if (!judgement.refusal.empty()) fail_msg("%s", judgement.refusal.c_str());
  route.fixed = judgement.fixed;
  route.within = judgement.within;
  return route;
}

inline Route at_host(Route route, std::string host) {
  route.host = std::move(host);
  return route;
}

inline Route with_methods(Route route, std::initializer_list<std::string_view> methods) {
  for (const std::string_view method : methods) route.methods |= method_bit(method);
  return route;
}

inline Route with_header(Route route, std::string name, Form form, std::string text = {}) {
  route.headers.push_back({std::move(name), form, std::move(text)});
  return route;
}

inline Route with_argument(Route route, std::string name, Form form, std::string text = {}) {
  route.query.push_back({std::move(name), form, std::move(text)});
  return route;
}

inline Route with_priority(Route route, std::uint32_t priority) {
  route.priority = priority;
  return route;
}

inline Route rewritten(Route route, std::string_view text) {
  Groups groups;
  if (route.form == PathForm::kRegex) groups = judge(route.path).groups;
  PiecesReading reading = parse_pieces(text, groups, false);
  if (!reading.refusal.empty()) fail_msg("%s", reading.refusal.c_str());
  route.rewrite = std::move(reading.pieces);
  return route;
}

inline Route stripped(Route route) {
  route.strip = true;
  return route;
}

struct Asked {
  std::string path = "/";
  std::string host = {};
  std::string method = "GET";
  std::map<std::string, std::string, std::less<>> headers = {};
  std::map<std::string, std::string, std::less<>> query = {};
  mutable int looked_up = 0;  // headers and arguments that somebody wanted to know

  [[nodiscard]] Request request() const {
    Request request{method, host, path};
    request.context = const_cast<Asked*>(this);
    request.header = [](void* context, std::string_view name) {
      return static_cast<const Asked*>(context)->find(&Asked::headers, name);
    };
    request.argument = [](void* context, std::string_view name) {
      return static_cast<const Asked*>(context)->find(&Asked::query, name);
    };
    return request;
  }

  std::optional<std::string_view> find(
      std::map<std::string, std::string, std::less<>> Asked::*values, std::string_view name) const {
    ++looked_up;
    const auto found = (this->*values).find(name);
    if (found == (this->*values).end()) return std::nullopt;
    return found->second;
  }
};

// The routes' services are their numbers in the list.
class Gate {
 public:
  explicit Gate(std::vector<Route> routes) : routes_(std::move(routes)) {
    for (std::uint32_t i = 0; i < routes_.size(); ++i) routes_[i].service = i;
    const Compiled compiled(routes_);
    // Poisoned, and longer than it has to be: what must not be read is not nothing.
    memory_.assign(compiled.size() / 8 + 2, 0xA5A5A5A5A5A5A5A5);
    compiled.write(std::as_writable_bytes(std::span(memory_)));
    regexes_.adopt(table().expressions());
  }

  [[nodiscard]] Table table() const {
    return Table(reinterpret_cast<const std::byte*>(memory_.data()));
  }
  [[nodiscard]] const Regexes& regexes() const { return regexes_; }
  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

  // The number of the route in the list; -1: none.
  [[nodiscard]] int route(const Asked& asked) const {
    const auto match = table().match(asked.request(), regexes_);
    return match ? static_cast<int>(match->service) : -1;
  }

  // The path that the peer gets; "" where no route matches.
  [[nodiscard]] std::string path(const Asked& asked) const {
    const auto match = table().match(asked.request(), regexes_);
    if (!match) return {};
    std::string result(table().path_size(*match, asked.path), '?');
    table().write_path(*match, asked.path, result.data());
    return result;
  }

 private:
  std::vector<Route> routes_;
  std::vector<std::uint64_t> memory_;
  Regexes regexes_;
};

inline void expect_route(std::string_view row, const Gate& gate, const Asked& asked, int expected) {
  const int route = gate.route(asked);
  if (route != expected) {
    fail_msg("%s: %s%s goes to %d and not to %d", std::string(row).c_str(), asked.host.c_str(),
             asked.path.c_str(), route, expected);
  }
}

inline void expect_text(std::string_view row, std::string_view actual, std::string_view expected) {
  if (actual == expected) return;
  fail_msg("%s\n  expected: %s\n  but was:  %s", std::string(row).c_str(),
           std::string(expected).c_str(), std::string(actual).c_str());
}

}  // namespace kerberos::route
