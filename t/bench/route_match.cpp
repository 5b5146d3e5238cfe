// SPDX-License-Identifier: MIT
//
// What routing costs a request, by the number of routes, and what it costs to compile them.
//
//   make build/release/t/bench/route_match && build/release/t/bench/route_match
//
// Prints the tables of docs/routing.md: nanoseconds of processor time a match, the median of
// several rounds. Requests come in random order, so that with many routes the caches are cold;
// "last" is the route that goes last of all, "none" a request that nobody wants.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/random.h"
#include "core/route/compile.h"
#include "core/route/precedence.h"
#include "core/route/regexes.h"
#include "core/route/table.h"

namespace kerberos::route {
namespace {

constexpr int kRounds = 7;
constexpr double kRound = 0.05;  // seconds
constexpr std::size_t kMany = 10'000;

double now() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

struct Question {
  std::string path;
  std::string host;
};

struct Kind {
  const char* name;
  Route (*route)(std::size_t i);
  Question (*question)(std::size_t i);
};

std::string number(std::size_t i) {
  return std::to_string(i);
}

Route path(PathForm form, std::string text) {
  Route route;
  route.form = form;
  route.path = std::move(text);
  if (form == PathForm::kRegex) {
    Judgement judgement = judge(route.path);
    route.fixed = std::move(judgement.fixed);
    route.within = std::move(judgement.within);
  }
  return route;
}

std::string api(std::size_t i) {
  return "/api/v1/service-" + number(i);
}

std::string host(std::size_t i) {
  return "tenant-" + number(i) + ".example.org";
}

constexpr Kind kKinds[] = {
    {"prefix", [](std::size_t i) { return path(PathForm::kPrefix, api(i)); },
     [](std::size_t i) {
       return Question{api(i) + "/items/17", "example.org"};
     }},
    {"exact", [](std::size_t i) { return path(PathForm::kExact, api(i) + "/items"); },
     [](std::size_t i) {
       return Question{api(i) + "/items", "example.org"};
     }},
    {"host",
     [](std::size_t i) {
       Route route = path(PathForm::kPrefix, "/api");
       route.host = host(i);
       return route;
     },
     [](std::size_t i) {
       return Question{"/api/items/17", host(i)};
     }},
    {"wildcard host",
     [](std::size_t i) {
       Route route = path(PathForm::kPrefix, "/api");
       route.host = "*." + host(i);
       return route;
     },
     [](std::size_t i) {
       return Question{"/api/items/17", "www." + host(i)};
     }},
    {"regex, own beginnings",
     [](std::size_t i) { return path(PathForm::kRegex, api(i) + "/items/[0-9]+"); },
     [](std::size_t i) {
       return Question{api(i) + "/items/17", "example.org"};
     }},
    {"regex, own segments",
     [](std::size_t i) { return path(PathForm::kRegex, "/[a-z]+/service-" + number(i) + "/.*"); },
     [](std::size_t i) {
       return Question{"/api/service-" + number(i) + "/17", "example.org"};
     }},
    {"regex, nothing to go by",
     [](std::size_t i) { return path(PathForm::kRegex, "/[a-z]+-" + number(i) + "/.*"); },
     [](std::size_t i) {
       return Question{"/service-" + number(i) + "/17", "example.org"};
     }},
    {"one path, own headers",
     [](std::size_t i) {
       Route route = path(PathForm::kPrefix, "/api");
       route.headers.push_back({"x-tenant", Form::kExact, host(i)});
       return route;
     },
     [](std::size_t i) {
       return Question{"/api/items/17", host(i)};
     }},
};

struct Gate {
  explicit Gate(const std::vector<Route>& routes) {
    const Compiled compiled(routes);
    memory.resize(compiled.size() / 8 + 1);
    compiled.write(std::as_writable_bytes(std::span(memory)));
    regexes.adopt(table().expressions());
  }
  [[nodiscard]] Table table() const {
    return Table(reinterpret_cast<const std::byte*>(memory.data()));
  }

  std::vector<std::uint64_t> memory;
  Regexes regexes;
};

std::vector<Route> routes_of(const Kind& kind, std::size_t count) {
  std::vector<Route> routes;
  routes.reserve(count);
  for (std::size_t i = 0; i < count; ++i) routes.push_back(kind.route(i));
  return routes;
}

// Nanoseconds a match, over questions in this order again and again.
double cost(const Gate& gate, const std::vector<Question>& questions, bool found) {
  const Table table = gate.table();
  std::vector<double> rounds;
  std::size_t at = 0;
  for (int round = 0; round <= kRounds; ++round) {
    std::size_t asked = 0;
    const double start = now();
    double end = start;
    while (end - start < kRound) {
      for (int i = 0; i < 64; ++i, ++asked) {
        const Question& question = questions[at];
        if (++at == questions.size()) at = 0;
        Request request{"GET", question.host, question.path};
        request.context = &request;  // its only header is the host
        request.header = [](void* context, std::string_view) -> std::optional<std::string_view> {
          return static_cast<const Request*>(context)->host;
        };
        const auto match = table.match(request, gate.regexes);
        if (match.has_value() != found) std::abort();
      }
      end = now();
    }
    if (round != 0) rounds.push_back((end - start) / static_cast<double>(asked) * 1e9);
  }
  return median(rounds);
}

std::vector<Question> shuffled(std::vector<Question> questions) {
  base::Pcg32 random(1);
  for (std::size_t i = questions.size(); i > 1; --i) {
    std::swap(questions[i - 1], questions[random.below(static_cast<std::uint32_t>(i))]);
  }
  return questions;
}

void match_table() {
  std::printf("| routes | each | matched | none |\n|---|---|---|---|\n");
  for (const Kind& kind : kKinds) {
    for (const std::size_t count : {std::size_t{10}, std::size_t{100}, std::size_t{1000}, kMany}) {
      const std::vector<Route> routes = routes_of(kind, count);
      const Gate gate(routes);
      std::vector<Question> questions;
      for (std::size_t i = 0; i < count; ++i) questions.push_back(kind.question(i));
      const double matched = cost(gate, shuffled(questions), true);
      const double none = cost(gate, {{"/other/v1/service-0/items/17", "www.example.net"}}, false);
      std::printf("| %zu | %s | %.0f ns | %.0f ns |\n", count, kind.name, matched, none);
      std::fflush(stdout);
    }
  }
}

void compile_table() {
  std::printf("\n| %zu routes | judge | ties | compile | adopt | image | bytes a route |\n", kMany);
  std::printf("|---|---|---|---|---|---|---|\n");
  for (const Kind& kind : kKinds) {
    const double start = now();
    const std::vector<Route> routes = routes_of(kind, kMany);
    const double made = now();
    if (!ties(routes).empty()) std::abort();
    const double checked = now();
    const Compiled compiled(routes);
    std::vector<std::uint64_t> memory(compiled.size() / 8 + 1);
    compiled.write(std::as_writable_bytes(std::span(memory)));
    const double written = now();
    Regexes regexes;
    regexes.adopt(Table(reinterpret_cast<const std::byte*>(memory.data())).expressions());
    const double adopted = now();
    const auto ms = [](double from, double to) { return (to - from) * 1e3; };
    std::printf("| %s | %.0f ms | %.0f ms | %.0f ms | %.0f ms | %.1f MB | %zu |\n", kind.name,
                ms(start, made), ms(made, checked), ms(checked, written), ms(written, adopted),
                static_cast<double>(compiled.size()) / 1e6, compiled.size() / kMany);
    std::fflush(stdout);
  }
}
}  // namespace
}  // namespace kerberos::route

int main() {
  kerberos::route::match_table();
  kerberos::route::compile_table();
  return 0;
}
