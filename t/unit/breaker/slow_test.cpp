// SPDX-License-Identifier: MIT
//
// What is slow: a response header that took longer than an operator allows, and a client that left
// after having waited for longer than that.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/outcome.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr base::Millis kMark = 1'000;

Options options() {
  Options options;
  options.slow = kMark;
  return options;
}

// A response, `took` after its request.
constexpr Evidence answered(int status, base::Millis took, int code = 0) {
  return {.finalize = code,
          .finalized = true,
          .status = status,
          .header_received = true,
          .header_sent = true,
          .request_sent = true,
          .bytes_received = true,
          .duration = took};
}

constexpr Evidence failed(Evidence rest, base::Millis took) {
  rest.freed = Freed::kFailed;
  rest.duration = took;
  return rest;
}

constexpr Evidence given_up(int code, base::Millis waited) {
  return {.finalize = code,
          .finalized = true,
          .request_sent = true,
          .client_gone = true,
          .duration = waited};
}

void longer_than_the_mark_is_slow(void**) {
  assert_false(judge(answered(200, 0), options()).slow);
  assert_false(judge(answered(200, kMark), options()).slow);
  assert_true(judge(answered(200, kMark + 1), options()).slow);
}

void without_a_mark_nothing_is(void**) {
  assert_false(judge(answered(200, 86'400'000), Options{}).slow);
  assert_false(judge(given_up(499, 86'400'000), Options{}).slow);
}

void a_slow_success_is_a_success(void**) {
  const Judgement verdict = judge(answered(200, kMark + 1), options());
  assert_int_equal(verdict.outcome, Outcome::kSuccess);
  assert_int_equal(verdict.cause, Cause::kNone);
  assert_int_equal(verdict.status, 200);
  assert_true(verdict.fails_probe());
  assert_false(judge(answered(200, kMark), options()).fails_probe());
}

void a_slow_success_is_a_failure_where_slow_is_named(void**) {
  Options named = options();
  named.failure_on.slow = true;
  const Judgement verdict = judge(answered(200, kMark + 1), named);
  assert_int_equal(verdict.outcome, Outcome::kFailure);
  assert_int_equal(verdict.cause, Cause::kSlow);
  assert_int_equal(verdict.status, 200);
  assert_true(verdict.slow);
  assert_int_equal(judge(answered(200, kMark), named).outcome, Outcome::kSuccess);
  // What is a failure for more than that keeps its own cause.
  assert_int_equal(judge(answered(500, kMark + 1), named).cause, Cause::kStatus);
}

void a_slow_failure_is_both(void**) {
  for (const Evidence& evidence :
       {answered(500, kMark + 1), failed({.connect_timed_out = true}, kMark + 1),
        failed({.request_sent = true, .read_timed_out = true}, kMark + 1),
        failed({.request_sent = true, .read_eof = true}, kMark + 1)}) {
    const Judgement verdict = judge(evidence, options());
    assert_int_equal(verdict.outcome, Outcome::kFailure);
    assert_true(verdict.slow);
  }
  assert_false(judge(failed({.request_sent = true, .read_eof = true}, kMark), options()).slow);
}

// Slow it was, whether or not an operator calls it a failure.
void what_broke_late_is_slow_where_it_is_not_named(void**) {
  Options unnamed = options();
  unnamed.failure_on = {};
  for (const Evidence& evidence :
       {failed({.connect_timed_out = true}, kMark + 1),
        failed({.request_sent = true, .read_timed_out = true}, kMark + 1),
        failed({.request_sent = true, .read_eof = true}, kMark + 1)}) {
    const Judgement verdict = judge(evidence, unnamed);
    assert_int_equal(verdict.outcome, Outcome::kNeutral);
    assert_true(verdict.slow);
    assert_true(verdict.fails_probe());
  }
}

// The header's time, and not the body's: a stream is not slow.
void a_body_that_breaks_after_a_quick_header_is_not_slow(void**) {
  Evidence evidence = answered(200, 10, 502);
  evidence.read_timed_out = true;
  const Judgement verdict = judge(evidence, options());
  assert_int_equal(verdict.cause, Cause::kBodyTimeout);
  assert_false(verdict.slow);
}

// Clients that time out look like clients that go.

void a_client_that_left_after_the_mark_has_seen_a_slow_peer(void**) {
  const Judgement verdict = judge(given_up(499, kMark + 1), options());
  assert_int_equal(verdict.outcome, Outcome::kNeutral);
  assert_int_equal(verdict.cause, Cause::kClientGone);
  assert_true(verdict.slow);
  assert_true(verdict.fails_probe());
}

void a_client_that_left_before_it_has_seen_nothing(void**) {
  const Judgement verdict = judge(given_up(499, kMark), options());
  assert_int_equal(verdict.outcome, Outcome::kNeutral);
  assert_int_equal(verdict.cause, Cause::kClientGone);
  assert_false(verdict.slow);
  assert_false(verdict.fails_probe());
}

void a_client_that_left_in_the_body_has_seen_how_quick_the_header_was(void**) {
  assert_false(judge(answered(200, kMark, 499), options()).slow);
  assert_true(judge(answered(200, kMark + 1, 499), options()).slow);
  Evidence sending = answered(200, kMark, -1);
  sending.client_gone = true;
  assert_false(judge(sending, options()).slow);
}

// No sign of the peer's.

void what_is_not_of_the_peer_is_not_slow(void**) {
  constexpr Evidence kRows[] = {
      given_up(408, 60'000),  // the client's body never came
      given_up(400, 60'000),  // or broke off
      {.finalize = -4, .finalized = true, .request_sent = true, .duration = 60'000},
      {.finalize = 500, .finalized = true, .duration = 60'000},
      failed({.request_sent = true, .reused = true, .read_eof = true}, 60'000),
      {.request_sent = true, .duration = 60'000},  // given back without a word
  };
  for (const Evidence& evidence : kRows) {
    const Judgement verdict = judge(evidence, options());
    assert_int_equal(verdict.outcome, Outcome::kNeutral);
    assert_false(verdict.slow);
    assert_false(verdict.fails_probe());
  }
}

void a_peer_that_has_enough_is_not_slow(void**) {
  const Judgement verdict = judge(answered(429, kMark + 1), options());
  assert_int_equal(verdict.cause, Cause::kRateLimited);
  assert_false(verdict.slow);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(longer_than_the_mark_is_slow),
      cmocka_unit_test(without_a_mark_nothing_is),
      cmocka_unit_test(a_slow_success_is_a_success),
      cmocka_unit_test(a_slow_success_is_a_failure_where_slow_is_named),
      cmocka_unit_test(a_slow_failure_is_both),
      cmocka_unit_test(what_broke_late_is_slow_where_it_is_not_named),
      cmocka_unit_test(a_body_that_breaks_after_a_quick_header_is_not_slow),
      cmocka_unit_test(a_client_that_left_after_the_mark_has_seen_a_slow_peer),
      cmocka_unit_test(a_client_that_left_before_it_has_seen_nothing),
      cmocka_unit_test(a_client_that_left_in_the_body_has_seen_how_quick_the_header_was),
      cmocka_unit_test(what_is_not_of_the_peer_is_not_slow),
      cmocka_unit_test(a_peer_that_has_enough_is_not_slow),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
