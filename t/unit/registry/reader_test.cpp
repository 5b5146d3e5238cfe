// SPDX-License-Identifier: MIT
#include "core/registry/reader.h"

#include <string>
#include <string_view>

#include "core/base/random.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kShortForm =
    "product:\n"
    "  - http://localhost:9001\n"
    "  - http://localhost:9002\n"
    "users:\n"
    "  peers: [http://10.0.0.1:8080]\n"
    "  breaker: off\n";

constexpr std::string_view kFullForm =
    "version: 1\n"
    "services:\n"
    "  users:\n"
    "    balance: round_robin\n"
    "    peers:\n"
    "      - http://10.0.0.1:8080\n"
    "      - {url: http://10.0.0.2:8080, weight: 5, id: big, backup: false, max_conns: 100}\n"
    "      - {url: \"unix:/run/users.sock\", down: true}\n"
    "    breaker: {threshold: 3, timeout: 10s, probes: 1}\n"
    "  orders:\n"
    "    - 'https://orders.example.org'\n"
    "defaults:                      # for every service that does not say otherwise\n"
    "  breaker: {threshold: 5, timeout: 1m30s}\n";

void the_short_form_is_read(void**) {
  const Reading reading = read(kShortForm);
  expect_text("problems", listed(reading.problems), "");
  const auto& services = reading.registry.services;
  assert_int_equal(services.size(), 2);
  expect_text("first", services[0].name, "product");
  expect_text("localhost", services[0].peers[1].target, "127.0.0.1:9002");
  expect_text("second", services[1].name, "users");
  assert_int_equal(services[1].place.line, 4);
  assert_false(*services[1].breaker.enabled);
  assert_false(services[0].breaker.timeout.has_value());
}

void the_full_form_is_read_and_defaults_are_merged(void**) {
  const Reading reading = read(kFullForm);
  expect_text("problems", listed(reading.problems), "");
  const auto& services = reading.registry.services;
  assert_int_equal(services.size(), 2);
  const Service& users = services[0];
  assert_int_equal(users.peers.size(), 3);
  assert_int_equal(users.peers[1].weight, 5);
  expect_text("id", users.peers[1].id, "big");
  assert_true(users.peers[2].down);
  assert_int_equal(*users.breaker.threshold, 3);
  assert_int_equal(*users.breaker.timeout, 10'000);
  assert_int_equal(*users.breaker.probes, 1);
  assert_false(users.tls);
  const Service& orders = services[1];
  assert_true(orders.tls);
  expect_text("port of the scheme", orders.peers[0].target, "orders.example.org:443");
  assert_int_equal(*orders.breaker.threshold, 5);
  assert_int_equal(*orders.breaker.timeout, 90'000);
}

void other_good_files_are_read(void**) {
  constexpr struct {
    std::string_view row, text;
    std::size_t services;
  } kRows[] = {
      {"no services, and it says so", "{}", 0},
      {"the same in full form", "services: {}", 0},
      {"version is optional", "services: {a: [http://a]}", 1},
      {"JSON", "{\"version\": 1, \"services\": {\"a\": [{\"url\": \"http://a\", \"down\": true}]}}",
       1},
      {"a number as a name", "404: [http://a]", 1},
      {"byte order mark and line ends of Windows",
       "\xEF\xBB\xBF"
       "a:\r\n  - http://a\r\n",
       1},
  };
  for (const auto& row : kRows) {
    const Reading reading = read(row.text);
    expect_text(row.row, listed(reading.problems), "");
    expect_true(row.row, reading.registry.services.size() == row.services);
  }
}

void a_file_may_say_that_it_shrinks(void**) {
  assert_false(read("services: {a: [http://a]}").registry.allow_shrink);
  assert_false(read("allow_shrink: false\nservices: {}").registry.allow_shrink);
  const Reading reading = read("allow_shrink: true\nservices: {}");
  expect_text("problems", listed(reading.problems), "");
  assert_true(reading.registry.allow_shrink);
  expect_text(
      "in short form it is no service", listed(read("allow_shrink: true").problems),
      "1:1: no \"services\" (a file with \"allow_shrink\" has its services under that key)");
}

void bad_files_are_refused(void**) {
  constexpr struct {
    std::string_view row, text, expected;
  } kRows[] = {
      {"empty", "", "1:1: empty file (a mapping of services)"},
      {"list", "- http://a", "1:1: not a registry (a mapping of service to peers)"},
      {"word", "product", "1:1: not a registry (a mapping of service to peers)"},
      {"version", "version: 2\nservices: {}\n",
       "1:10: invalid value \"2\" of \"version\" (allowed: 1)"},
      {"quoted version", "version: \"1\"\nservices: {}\n",
       "1:10: invalid value \"1\" of \"version\" (allowed: 1, without quotes)"},
      {"no services", "version: 1\n",
       "1:1: no \"services\" (a file with \"version\" has its services under that key)"},
      {"services of nothing", "version: 1\nservices:\n",
       "2:1: \"services\" has no value (a mapping of service to peers)"},
      {"services that are a list", "services: [http://a]\n",
       "1:11: \"services\" is a list (a mapping of service to peers)"},
      {"mistyped top key", "version: 1\nservice:\n  a: [http://a]\n",
       "1:1: no \"services\" (a file with \"version\" has its services under that key)\n"
       "2:1: unknown key \"service\" (did you mean \"services\"? allowed: version, "
       "allow_shrink, defaults, services)"},
      {"both forms", "version: 1\nservices: {}\nproduct: [http://a]\n",
       "3:1: unknown key \"product\" (allowed: version, allow_shrink, defaults, services)"},
      {"duplicate service", "a: [http://a]\nb: [http://b]\na: [http://c]\n",
       "3:1: duplicate key \"a\" (first at 1:1)"},
      {"cut in a quote", "a:\n  - \"http://a:8080",
       "2:5: unterminated quote (no closing \" up to the end of the file)"},
  };
  for (const auto& row : kRows) expect_text(row.row, listed(read(row.text).problems), row.expected);
}

void every_problem_is_listed_in_the_order_of_places(void**) {
  constexpr std::string_view kText =
      "services:\n"
      "  users:\n"
      "    breaker: {treshold: 5, timeout: 5x}\n"
      "    peers:\n"
      "      - http://a/b\n"
      "      - {url: http://b, weight: 0, weight: 1}\n"
      "  pro duct: []\n"
      "defaults: {jitter: 1%}\n"
      "version: one\n";
  expect_text(
      "all", listed(read(kText).problems),
      "3:15: unknown key \"treshold\" (did you mean \"threshold\"? allowed: " + kParameters +
          ")\n"
          "3:37: invalid value \"5x\" of \"timeout\" (a time such as 500ms, 30s or 5m, from "
          "1ms to 24h)\n"
          "5:9: invalid URL \"http://a/b\" (a peer has no path, query or fragment)\n"
          "6:33: invalid value \"0\" of \"weight\" (a whole number from 1 to 1000000)\n"
          "6:36: duplicate key \"weight\" (first at 6:25)\n"
          "7:3: invalid service name \"pro duct\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)\n"
          "7:13: service \"pro duct\" has no peers (at least one)\n"
          "8:12: unknown key \"jitter\" (allowed: " +
          kDefaultsKeys +
          ")\n"
          "9:10: invalid value \"one\" of \"version\" (allowed: 1)");
}

void peers_are_limited_over_all_services(void**) {
  std::string text;
  for (const std::string_view service : {"a:\n", "b:\n"}) {
    text += service;
    for (std::size_t i = 0; i < kPeersMax / 2; ++i) text += "- http://a\n";
  }
  const Reading full = read(text);
  expect_text("at the limit", listed(full.problems), "");
  assert_int_equal(full.registry.services.size(), 2);
  expect_text("above", listed(read(text + "- http://a\n").problems),
              "100003:3: too many peers (at most 100000 in one file)");
}

// Cut anywhere, a file is read or refused; a cut within the quotes is always refused.
void no_cut_of_a_file_does_harm(void**) {
  const std::size_t quote = kFullForm.find("\"unix");
  const std::size_t closed = kFullForm.find('"', quote + 1);
  for (const std::string_view text : {kShortForm, kFullForm}) {
    for (std::size_t size = 0; size < text.size(); ++size) {
      const Reading reading = read(text.substr(0, size));
      if (text == kFullForm && size > quote && size <= closed) {
        expect_true("cut in quotes", !reading.problems.empty());
      }
    }
  }
}

// Random bytes, and a good file with some bytes replaced by what means something in YAML.
void no_garbage_does_harm(void**) {
  constexpr std::string_view kSpecial = "\"'{}[]:,-?&*!|>%@`#\\\n \t~<0a\x80\xC3";
  base::Pcg32 random(20'261'120);
  for (int round = 0; round < 3'000; ++round) {
    std::string noise(random.below(64), ' ');
    for (char& c : noise) c = static_cast<char>(random.below(256));
    read(noise);

    std::string words(random.below(64), ' ');
    for (char& c : words) {
      c = kSpecial[random.below(static_cast<std::uint32_t>(kSpecial.size()))];
    }
    read(words);

    std::string broken(round % 2 == 0 ? kShortForm : kFullForm);
    for (std::uint32_t i = random.below(6) + 1; i > 0; --i) {
      broken[random.below(static_cast<std::uint32_t>(broken.size()))] =
          kSpecial[random.below(static_cast<std::uint32_t>(kSpecial.size()))];
    }
    read(broken);
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_short_form_is_read),
      cmocka_unit_test(the_full_form_is_read_and_defaults_are_merged),
      cmocka_unit_test(other_good_files_are_read),
      cmocka_unit_test(a_file_may_say_that_it_shrinks),
      cmocka_unit_test(bad_files_are_refused),
      cmocka_unit_test(every_problem_is_listed_in_the_order_of_places),
      cmocka_unit_test(peers_are_limited_over_all_services),
      cmocka_unit_test(no_cut_of_a_file_does_harm),
      cmocka_unit_test(no_garbage_does_harm),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
