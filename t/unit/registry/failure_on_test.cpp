// SPDX-License-Identifier: MIT
//
// The words of kerberos_failure_on, one by one and together.
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/settings.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

using breaker::FailureOn;

constexpr std::string_view kAllowed =
    "allowed: error, timeout, invalid_header, slow, http_5xx, http_400 to http_599";

FailureOn of(const std::vector<std::string_view>& words) {
  FailureOn on;
  for (const std::string_view word : words) {
    expect_true(word, add(on, word).refusal == Refusal::kNone);
  }
  return on;
}

void the_default_can_be_written_in_words(void**) {
  assert_true(of({"error", "timeout", "invalid_header", "http_5xx"}) ==
              breaker::default_failure_on());
  assert_false(of({"error", "timeout", "invalid_header"}) == breaker::default_failure_on());
}

void a_word_says_one_thing(void**) {
  struct {
    std::string_view word;
    bool FailureOn::*flag;
  } const rows[] = {
      {"error", &FailureOn::error},
      {"timeout", &FailureOn::timeout},
      {"invalid_header", &FailureOn::invalid_header},
      {"slow", &FailureOn::slow},
      {"http_503", &FailureOn::http_503},
  };
  for (const auto& row : rows) {
    const FailureOn on = of({row.word});
    for (const auto& other : rows) {
      expect_true(row.word, on.*other.flag == (other.word == row.word));
    }
    for (int status = 400; status <= 599; ++status) {
      expect_true(row.word, on.has(status) == (row.word == "http_503" && status == 503));
    }
  }
}

void http_5xx_is_what_a_peer_can_be_blamed_for(void**) {
  const FailureOn on = of({"http_5xx"});
  for (int status = 0; status <= 700; ++status) {
    const bool expected = status >= 500 && status <= 599 && status != 501 && status != 505;
    expect_true(std::to_string(status), on.has(status) == expected);
  }
  assert_false(on.http_503);  // with Retry-After it is no failure, unless it is named
}

void a_status_is_named_alone(void**) {
  for (const int status : {400, 429, 463, 464, 499, 500, 501, 505, 527, 528, 599}) {
    const std::string word = "http_" + std::to_string(status);
    const FailureOn on = of({word});
    for (int other = 300; other <= 700; ++other) {
      expect_true(std::to_string(status), on.has(other) == (other == status));
    }
  }
  const FailureOn both = of({"http_5xx", "http_501", "http_429"});
  assert_true(both.has(500) && both.has(501) && both.has(429));
  assert_false(both.has(505) || both.has(428));
}

void what_is_no_such_word_is_refused(void**) {
  for (const std::string_view word :
       {"", "http", "http_", "http_5x", "http_4xx", "http_399", "http_600", "http_5000", "http_-1",
        "http_ 500", "http_500 ", "500", "non_idempotent", "off", "default"}) {
    FailureOn on;
    const Verdict verdict = add(on, word);
    expect_true(word, verdict.refusal == Refusal::kUnknown);
    expect_true(word, verdict.allowed.ends_with(kAllowed));
    expect_true(word, on == FailureOn());
  }
  FailureOn on;
  expect_text("no near miss", add(on, "http_4xx").allowed, kAllowed);
  expect_text("a near miss", add(on, "Errors").allowed,
              "did you mean \"error\"? " + std::string(kAllowed));
}

void a_word_is_taken_once(void**) {
  for (const std::string_view word : {"error", "timeout", "invalid_header", "slow"}) {
    FailureOn on = of({word});
    const Verdict verdict = add(on, word);
    expect_true(word, verdict.refusal == Refusal::kDuplicate);
    expect_text(word, verdict.allowed, "each word once");
    expect_true(word, on == of({word}));
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_default_can_be_written_in_words),
      cmocka_unit_test(a_word_says_one_thing),
      cmocka_unit_test(http_5xx_is_what_a_peer_can_be_blamed_for),
      cmocka_unit_test(a_status_is_named_alone),
      cmocka_unit_test(what_is_no_such_word_is_refused),
      cmocka_unit_test(a_word_is_taken_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
