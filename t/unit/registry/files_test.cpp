// SPDX-License-Identifier: MIT
#include "core/registry/files.h"

#include <string>
#include <string_view>
#include <vector>

#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kInstance = "x:http://10.0.0.9:80:http://10.0.0.9/h:1:30s";

FilesReading read_of(const std::vector<Source>& sources,
                     const std::vector<std::string_view>& entries = {}) {
  const Environment environment(entries);
  return read_files(sources, environment);
}

// "NAME:LINE:COLUMN: text", one a line.
std::string told(const std::vector<Source>& sources, const base::Problems& problems) {
  std::string result;
  for (const auto& problem : problems) {
    if (!result.empty()) result += '\n';
    result += sources[problem.source].name + ":" + listed({problem});
  }
  return result;
}

std::string problems_of(const std::vector<Source>& sources,
                        const std::vector<std::string_view>& entries = {}) {
  return told(sources, read_of(sources, entries).problems);
}

std::string names_of(const FilesReading& reading) {
  std::string result;
  for (const Service& service : reading.registry.services) {
    result += service.name + "@" + std::to_string(service.source) + " ";
  }
  return result;
}

void files_are_one_registry(void**) {
  const std::vector<Source> sources = {
      {"/a", "one: [http://10.0.0.1]\ntwo: [http://10.0.0.2]\n"},
      {"env:USER_SVC_INSTANCES", std::string(kInstance)},
      {"/b", "{}"},
      {"/c", "services: {three: [http://10.0.0.3]}\n"},
      {"env:USER_SVC_RETRY", "3:1s:1s:1"},
  };
  const FilesReading reading = read_of(sources);
  expect_text("problems", told(sources, reading.problems), "");
  expect_text("services", names_of(reading), "one@0 two@0 user@1 three@3 ");
  assert_int_equal(reading.registry.services[3].place.column, 12);
  assert_false(reading.registry.allow_shrink);
  std::string idle;
  for (const auto& what : reading.idle) idle += what + " ";
  expect_text("idle", idle, "USER_SVC_RETRY USER_SVC_INSTANCES (health URLs) ");
  assert_int_equal(read_of({}).problems.size(), 0);
}

void defaults_are_for_their_own_file(void**) {
  const FilesReading reading = read_of({
      {"/a", "services: {a: [http://10.0.0.1]}\ndefaults: {breaker: {threshold: 3}}\n"},
      {"/b", "services: {b: [http://10.0.0.1]}\ndefaults: {balance: random}\n"},
  });
  const auto& services = reading.registry.services;
  assert_int_equal(services.size(), 2);
  assert_int_equal(*services[0].breaker.threshold, 3);
  assert_false(services[1].breaker.threshold.has_value());
  assert_true(services[0].balance.options.method == balance::Method::kRoundRobin);
  assert_true(services[1].balance.options.method == balance::Method::kRandom);
}

void one_file_may_allow_what_all_lose(void**) {
  constexpr struct {
    std::string_view first, second;
    bool allowed;
  } kRows[] = {{"true", "false", true}, {"false", "true", true}, {"false", "false", false}};
  for (const auto& row : kRows) {
    const auto text = [](std::string_view name, std::string_view value) {
      return "allow_shrink: " + std::string(value) + "\nservices: {" + std::string(name) +
             ": [\"http://10.0.0.1\"]}\n";
    };
    const FilesReading reading =
        read_of({{"/a", text("a", row.first)}, {"/b", text("b", row.second)}});
    expect_text("problems", listed(reading.problems), "");
    expect_true(row.first, reading.registry.allow_shrink == row.allowed);
  }
}

void a_service_is_defined_once(void**) {
  const std::string two = "a: [http://10.0.0.1]\nb: [http://10.0.0.1]\n";
  expect_text("in two files",
              problems_of({{"/a", two}, {"/b", "c: [http://10.0.0.1]\nb: [http://10.0.0.1]\n"}}),
              "/b:2:1: service \"b\" is defined twice (first at /a:2:1)");
  expect_text("in three", problems_of({{"/a", two}, {"/b", "b: [http://10.0.0.1]"}, {"/c", two}}),
              "/b:1:1: service \"b\" is defined twice (first at /a:2:1)\n"
              "/c:1:1: service \"a\" is defined twice (first at /a:1:1)\n"
              "/c:2:1: service \"b\" is defined twice (first at /a:2:1)");
  expect_text("in a file and a variable",
              problems_of({{"/a", two}, {"env:B_SVC_INSTANCES", std::string(kInstance)}}),
              "env:B_SVC_INSTANCES:1:1: service \"b\" is defined twice (first at /a:2:1)");
  expect_text("in two variables",
              problems_of({{"env:A_B_SVC_INSTANCES", std::string(kInstance)},
                           {"env:a_b_SVC_INSTANCES", std::string(kInstance)}}),
              "env:a_b_SVC_INSTANCES:1:1: service \"a-b\" is defined twice (first at "
              "env:A_B_SVC_INSTANCES:1:1)");
  expect_text("in a bad file too",
              problems_of({{"/a", "a: [http://10.0.0.1, x]\n"}, {"/b", "a: [http://10.0.0.1]"}}),
              "/a:1:22: invalid URL \"x\" (a peer is http://HOST:PORT, https://HOST:PORT, "
              "http+srv://NAME, https+srv://NAME or "
              "unix:PATH)\n"
              "/b:1:1: service \"a\" is defined twice (first at /a:1:1)");
}

void a_file_is_given_once(void**) {
  expect_text("twice", problems_of({{"/a", "a: [http://10.0.0.1]"}, {"/a", "x"}}),
              "/a:1:1: this file is given twice");
}

void all_problems_are_told_with_their_source(void**) {
  expect_text("everywhere",
              problems_of({{"/a", "x"},
                           {"env:A_SVC_INSTANCES", "x"},
                           {"/b", "a: [\"${HERE}\"]\nb: [\"${NONE}\"]\nc: [\"http://h:${HERE}\"]"},
                           {"/c", "a: {"},
                           {"env:B_SVC_RETRY", "x"}},
                          {"HERE=no"}),
              "/a:1:1: not a registry (a mapping of service to peers)\n"
              "env:A_SVC_INSTANCES:1:1: invalid instance \"x\" (ID:URL:HEALTH_URL:WEIGHT:TIMEOUT; "
              "HEALTH_URL may be empty)\n"
              "/b:1:5: invalid URL \"no\" (a peer is http://HOST:PORT, https://HOST:PORT, "
              "http+srv://NAME, https+srv://NAME or "
              "unix:PATH), from ${HERE}\n"
              "/b:2:5: variable \"NONE\" is not set (a default: ${NONE:-...})\n"
              "/b:3:5: invalid URL \"http://h:no\" (a port is a number from 1 to 65535), from "
              "${HERE}\n"
              "/c:1:4: unclosed \"{\" (no closing } up to the end of the file)\n"
              "env:B_SVC_RETRY:1:1: service \"b\" without B_SVC_INSTANCES "
              "(ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, ...)\n"
              "env:B_SVC_RETRY:1:1: invalid value \"x\" (ATTEMPTS:BASE:MAX:FACTOR, such as "
              "3:100ms:5s:2.0)");
}

// Whatever a variable holds, it is the value that it stands for.
void variables_bring_no_structure(void**) {
  const FilesReading reading =
      read_of({{"/a",
                "services:\n  a:\n    peers: [\"${URL}\", {url: \"http://h\", weight: \"${W}\"}]\n"
                "    balance: hash $cookie_x\n"}},
              {"URL=http://h:1", "W=7"});
  expect_text("problems", listed(reading.problems), "");
  const Service& service = reading.registry.services.at(0);
  expect_text("target", service.peers[0].target, "h:1");
  assert_int_equal(service.peers[1].weight, 7);
  expect_text("nginx's variable", service.balance.key, "$cookie_x");
  expect_text("injected",
              problems_of({{"/a", "a: [\"${URL}\"]"}}, {"URL=http://h, http://i]}, b: [http://j"}),
              "/a:1:5: invalid URL \"http://h, http://i]}, b: [http://j\" (a peer has no path, "
              "query or fragment), from ${URL}");
  std::string used;
  for (const auto& name : reading.variables) used += name + " ";
  expect_text("used", used, "URL W ");
  assert_int_equal(
      read_of({{"env:A_SVC_INSTANCES", std::string(kInstance)}}).variables.count("A_SVC_INSTANCES"),
      1);
}

void the_http_block_is_inherited_and_contradicted(void**) {
  BreakerSettings inherited;
  inherited.timeout = 10'000;
  const std::vector<Source> sources = {
      {"/a", "a: [http://10.0.0.1]"},
      {"/b", "b: {peers: [http://10.0.0.1], breaker: {max_timeout: 5s}}"},
      {"/c", "c: {peers: [http://10.0.0.1], breaker: {timeout: 1s}}"},
  };
  FilesReading reading = read_of(sources);
  settle(reading, inherited);
  assert_int_equal(*reading.registry.services[0].breaker.timeout, 10'000);
  assert_int_equal(*reading.registry.services[2].breaker.timeout, 1'000);
  expect_text("problems", told(sources, reading.problems),
              "/b:1:1: service \"b\": max_timeout=5s is below timeout=10s");

  auto worse = sources;
  worse.push_back({"/d", "x"});
  reading = read_of(worse);
  settle(reading, inherited);
  expect_text("after other problems", told(worse, reading.problems),
              "/d:1:1: not a registry (a mapping of service to peers)");
}

void problems_are_sorted_by_source_and_place(void**) {
  base::Problems problems = {{{2, 1}, "d", 1}, {{1, 9}, "c", 1}, {{9, 9}, "b", 0}, {{9, 8}, "a"}};
  sort_problems(problems);
  expect_text("order", listed(problems), "9:8: a\n9:9: b\n1:9: c\n2:1: d");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(files_are_one_registry),
      cmocka_unit_test(defaults_are_for_their_own_file),
      cmocka_unit_test(one_file_may_allow_what_all_lose),
      cmocka_unit_test(a_service_is_defined_once),
      cmocka_unit_test(a_file_is_given_once),
      cmocka_unit_test(all_problems_are_told_with_their_source),
      cmocka_unit_test(variables_bring_no_structure),
      cmocka_unit_test(the_http_block_is_inherited_and_contradicted),
      cmocka_unit_test(problems_are_sorted_by_source_and_place),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
