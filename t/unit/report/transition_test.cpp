// SPDX-License-Identifier: MIT
#include "core/report/transition.h"

#include <array>
#include <string>
#include <vector>

#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using breaker::Cause;
using breaker::Reason;
using breaker::State;
using breaker::Transition;

std::string line_of(const Transition& transition, std::size_t room = 1024,
                    std::string_view service = "product",
                    std::string_view peer = "127.0.0.1:9002") {
  // Exactly as large as it says, so that AddressSanitizer sees what is written behind it.
  std::vector<char> memory(room, '#');
  const std::string_view line = transition_line(transition, service, peer, memory);
  assert_ptr_equal(line.data(), memory.data());
  return std::string(line);
}

void expect_line(const Transition& transition, const std::string& expected) {
  assert_string_equal(line_of(transition).c_str(), expected.c_str());
}

Transition opened(Reason reason, std::uint64_t failures, Cause last, std::uint16_t number = 0) {
  return {.from = State::kClosed,
          .to = State::kOpen,
          .reason = reason,
          .last = last,
          .number = number,
          .failures = failures,
          .span = 30'400};
}

void opening_says_why_and_for_how_long(void**) {
  expect_line(opened(Reason::kConsecutive, 5, Cause::kConnectRefused),
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: 5 consecutive failures "
              "(last: connect refused), probe in 30.4s");
}

void one_failure_is_no_plural(void**) {
  expect_line(opened(Reason::kConsecutive, 1, Cause::kStatus, 503),
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: 1 consecutive failure "
              "(last: status 503), probe in 30.4s");
}

void a_failed_probe_is_called_so(void**) {
  Transition transition = opened(Reason::kProbe, 1, Cause::kProbeTimeout);
  transition.from = State::kHalfOpen;
  transition.span = 60'000;
  expect_line(transition,
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: probe failed "
              "(last: probe timeout), probe in 60.0s");
}

void every_cause_has_its_words(void**) {
  const std::pair<Cause, const char*> rows[] = {
      {Cause::kConnectRefused, "connect refused"},
      {Cause::kConnectTimeout, "connect timeout"},
      {Cause::kHandshake, "TLS handshake failed"},
      {Cause::kResponseTimeout, "response timeout"},
      {Cause::kClosed, "closed before response header"},
      {Cause::kReset, "reset before response header"},
      {Cause::kInvalidHeader, "invalid response header"},
      {Cause::kStatus, "status 599"},
      {Cause::kTruncated, "truncated body"},
      {Cause::kBodyTimeout, "body timeout"},
      {Cause::kProbeTimeout, "probe timeout"},
      {Cause::kGrpcStatus, "gRPC status 599"},
      {Cause::kSlow, "slow response"},
      {Cause::kRateLimited, "rate limited"},
  };
  for (const auto& [cause, words] : rows) {
    const std::string line = line_of(opened(Reason::kConsecutive, 2, cause, 599));
    const std::string expected = "2 consecutive failures (last: " + std::string(words) + "), probe";
    if (line.find(expected) == std::string::npos) fail_msg("%s: %s", words, line.c_str());
  }
}

void a_rate_says_of_how_many_attempts_and_in_what_time(void**) {
  Transition transition = opened(Reason::kFailureRate, 3, Cause::kStatus, 503);
  transition.tally = {.attempts = 25, .failures = 15, .slow = 7};
  transition.window = 10'000;
  expect_line(transition,
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: failure rate 60% of 25 "
              "attempts in 10.0s (last: status 503), probe in 30.4s");
  transition.last = Cause::kGrpcStatus;
  transition.number = 14;
  transition.tally.attempts = 26;  // 57.69 %: never more than it was
  expect_line(transition,
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: failure rate 57% of 26 "
              "attempts in 10.0s (last: gRPC status 14), probe in 30.4s");
}

void a_slow_rate_says_what_is_slow(void**) {
  Transition transition = opened(Reason::kSlowRate, 0, Cause::kSlow);
  transition.tally = {.attempts = 20, .failures = 3, .slow = 17};
  transition.window = 60'000;
  transition.slow = 1'500;
  expect_line(transition,
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: slow rate 85% of 20 "
              "attempts in 60.0s over 1.5s (last: slow response), probe in 30.4s");
}

void a_rate_of_nothing_is_no_fault(void**) {
  const std::string line = line_of(opened(Reason::kFailureRate, 0, Cause::kStatus, 500));
  assert_true(line.find("failure rate 0% of 0 attempts") != std::string::npos);
}

void whoever_only_observes_says_so_at_the_end(void**) {
  Transition transition = opened(Reason::kConsecutive, 5, Cause::kConnectRefused);
  transition.observed = true;
  expect_line(transition,
              "circuit OPEN service \"product\" peer 127.0.0.1:9002: 5 consecutive failures "
              "(last: connect refused), probe in 30.4s (observe)");
  expect_line({.from = State::kOpen, .to = State::kHalfOpen, .observed = true},
              "circuit HALF_OPEN service \"product\" peer 127.0.0.1:9002: timeout passed "
              "(observe)");
  expect_line(
      {.from = State::kHalfOpen, .to = State::kClosed, .span = 31'200, .observed = true},
      "circuit CLOSED service \"product\" peer 127.0.0.1:9002: recovered after 31.2s (observe)");
}

void an_orphan_says_that_nobody_knows_why(void**) {
  for (const auto& [to, word] : {std::pair{State::kOpen, "OPEN"},
                                 {State::kHalfOpen, "HALF_OPEN"},
                                 {State::kClosed, "CLOSED"}}) {
    const std::string line =
        "circuit " + std::string(word) +
        " service \"product\" peer 127.0.0.1:9002: the worker that saw why has "
        "died";
    expect_line({.to = to, .orphaned = true}, line);
    expect_line({.to = to, .observed = true, .orphaned = true}, line + " (observe)");
  }
}

void half_open_says_that_the_time_has_passed(void**) {
  expect_line({.from = State::kOpen, .to = State::kHalfOpen},
              "circuit HALF_OPEN service \"product\" peer 127.0.0.1:9002: timeout passed");
}

void closing_says_after_what_time(void**) {
  expect_line({.from = State::kHalfOpen, .to = State::kClosed, .span = 31'200},
              "circuit CLOSED service \"product\" peer 127.0.0.1:9002: recovered after 31.2s");
}

void times_are_seconds_with_one_decimal(void**) {
  const std::pair<base::Millis, const char*> rows[] = {
      {0, "0.0s"}, {49, "0.0s"}, {51, "0.1s"}, {1'000, "1.0s"}, {86'400'000, "86400.0s"}};
  for (const auto& [span, text] : rows) {
    const std::string line =
        line_of({.from = State::kHalfOpen, .to = State::kClosed, .span = span});
    assert_true(line.ends_with("recovered after " + std::string(text)));
  }
}

// A line that is cut short is the beginning of the whole one, whatever the room.
void a_line_ends_where_its_room_ends(void**) {
  const Transition transition = opened(Reason::kConsecutive, 5, Cause::kConnectRefused);
  const std::string whole = line_of(transition);
  for (std::size_t room = 0; room <= whole.size() + 2; ++room) {
    const std::string line = line_of(transition, room);
    assert_true(line.size() <= room);
    assert_true(whole.starts_with(line));
    // It makes use of its room, but for the zero that may stand at its end.
    assert_true(line.size() + 1 >= std::min(room, whole.size() + 1));
  }
}

void long_names_are_cut_with_their_line(void**) {
  const std::string name(5'000, 'x');
  const std::string line =
      line_of({.from = State::kOpen, .to = State::kHalfOpen}, 1024, name, name);
  assert_true(line.starts_with("circuit HALF_OPEN service \"xxxx"));
  assert_true(line.size() <= 1024);
  assert_true(line.size() >= 1023);
}

void names_are_no_formats(void**) {
  assert_string_equal(
      line_of({.from = State::kOpen, .to = State::kHalfOpen}, 1024, "%s%n", "%d").c_str(),
      "circuit HALF_OPEN service \"%s%n\" peer %d: timeout passed");
}

void names_need_no_zero_at_their_end(void**) {
  const std::array<char, 4> name = {'a', 'b', 'c', 'd'};
  const std::string line = line_of({.from = State::kOpen, .to = State::kHalfOpen}, 1024,
                                   {name.data(), 2}, {name.data() + 2, 2});
  assert_string_equal(line.c_str(), "circuit HALF_OPEN service \"ab\" peer cd: timeout passed");
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(opening_says_why_and_for_how_long),
      cmocka_unit_test(one_failure_is_no_plural),
      cmocka_unit_test(a_failed_probe_is_called_so),
      cmocka_unit_test(every_cause_has_its_words),
      cmocka_unit_test(a_rate_says_of_how_many_attempts_and_in_what_time),
      cmocka_unit_test(a_slow_rate_says_what_is_slow),
      cmocka_unit_test(a_rate_of_nothing_is_no_fault),
      cmocka_unit_test(whoever_only_observes_says_so_at_the_end),
      cmocka_unit_test(an_orphan_says_that_nobody_knows_why),
      cmocka_unit_test(half_open_says_that_the_time_has_passed),
      cmocka_unit_test(closing_says_after_what_time),
      cmocka_unit_test(times_are_seconds_with_one_decimal),
      cmocka_unit_test(a_line_ends_where_its_room_ends),
      cmocka_unit_test(long_names_are_cut_with_their_line),
      cmocka_unit_test(names_are_no_formats),
      cmocka_unit_test(names_need_no_zero_at_their_end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
