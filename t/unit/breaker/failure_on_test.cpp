// SPDX-License-Identifier: MIT
//
// What an operator calls a failure, and what comes of it in the verdict.
#include "core/breaker/failure_on.h"

#include <cstdint>
#include <initializer_list>

#include "core/breaker/outcome.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

void by_itself_it_names_nothing(void**) {
  constexpr FailureOn kNothing;
  for (int status = -1; status <= 1'000; ++status) assert_false(kNothing.has(status));
  assert_false(kNothing.error || kNothing.timeout || kNothing.invalid_header || kNothing.slow ||
               kNothing.http_503);
}

void a_status_is_named_alone(void**) {
  for (int named = kStatusMin; named <= kStatusMax; ++named) {
    FailureOn on;
    on.add(named);
    for (int status = 0; status <= 1'000; ++status) {
      if (on.has(status) != (status == named)) fail_msg("named %d, status %d", named, status);
    }
  }
}

void every_status_may_be_named_at_once(void**) {
  FailureOn on;
  for (int status = kStatusMin; status <= kStatusMax; ++status) on.add(status);
  for (int status = -1; status <= 1'000; ++status) {
    assert_int_equal(on.has(status), status >= 400 && status <= 599);
  }
}

// 501 and 505 are the request's fault, and count where they are named.
void all_of_5xx_is_without_the_requests_faults(void**) {
  FailureOn on;
  on.add_5xx();
  for (int status = 0; status <= 1'000; ++status) {
    const bool expected = status >= 500 && status < 600 && status != 501 && status != 505;
    if (on.has(status) != expected) fail_msg("status %d", status);
  }
  on.add(501);
  assert_true(on.has(501));
  assert_false(on.has(505));
}

void the_default_is_error_timeout_invalid_header_and_5xx(void**) {
  FailureOn on;
  on.error = on.timeout = on.invalid_header = true;
  on.add_5xx();
  assert_true(on == default_failure_on());
  assert_true(on == Options{}.failure_on);
  on.add(429);
  assert_false(on == default_failure_on());
}

// Attempts that came to no response.

constexpr Evidence failed(Evidence rest) {
  rest.freed = Freed::kFailed;
  return rest;
}

// A body that breaks off, or that stalls.
constexpr Evidence broken_off(Evidence rest) {
  rest.finalized = true;
  rest.finalize = 502;
  rest.status = 200;
  rest.header_received = rest.header_sent = true;
  return rest;
}

enum class Word { kError, kTimeout, kInvalidHeader };

struct {
  Cause cause;
  Word word;
  Evidence evidence;
} const kTransport[] = {
    {Cause::kConnectRefused, Word::kError, failed({})},
    {Cause::kHandshake, Word::kError, failed({.tls = true})},
    {Cause::kClosed, Word::kError, failed({.request_sent = true, .read_eof = true})},
    {Cause::kReset, Word::kError, failed({.request_sent = true, .read_error = true})},
    {Cause::kTruncated, Word::kError, broken_off({.read_eof = true})},
    {Cause::kConnectTimeout, Word::kTimeout, failed({.connect_timed_out = true})},
    {Cause::kResponseTimeout, Word::kTimeout,
     failed({.request_sent = true, .read_timed_out = true})},
    {Cause::kBodyTimeout, Word::kTimeout, broken_off({.read_timed_out = true})},
    {Cause::kInvalidHeader, Word::kInvalidHeader,
     failed({.request_sent = true, .bytes_received = true})},
};

void what_broke_is_a_failure_where_it_is_named_and_neutral_where_not(void**) {
  for (const auto& row : kTransport) {
    for (const Word named : {Word::kError, Word::kTimeout, Word::kInvalidHeader}) {
      Options options;
      options.failure_on = {};
      options.failure_on.add_5xx();
      options.failure_on.error = named == Word::kError;
      options.failure_on.timeout = named == Word::kTimeout;
      options.failure_on.invalid_header = named == Word::kInvalidHeader;
      const Judgement verdict = judge(row.evidence, options);
      assert_int_equal(verdict.outcome, row.word == named ? Outcome::kFailure : Outcome::kNeutral);
      assert_int_equal(verdict.cause, row.cause);
      assert_int_equal(verdict.fails_probe(), row.word == named);
    }
  }
}

// Responses.

Judgement answered(int status, bool retry_after, const FailureOn& on) {
  Options options;
  options.failure_on = on;
  return judge({.finalized = true,
                .status = status,
                .header_received = true,
                .header_sent = true,
                .retry_after = retry_after},
               options);
}

FailureOn naming(std::initializer_list<int> statuses) {
  FailureOn on;
  for (const int status : statuses) on.add(status);
  return on;
}

void a_status_is_a_failure_where_it_is_named_and_a_success_where_not(void**) {
  for (const int status : {200, 301, 400, 404, 408, 499, 500, 501, 502, 503, 505, 599}) {
    const Judgement other = answered(status, false, naming({418}));
    assert_int_equal(other.outcome, Outcome::kSuccess);
    assert_int_equal(other.cause, Cause::kNone);
    assert_int_equal(other.status, status);
    assert_false(other.fails_probe());
    if (status < kStatusMin) continue;
    const Judgement named = answered(status, false, naming({status}));
    assert_int_equal(named.outcome, Outcome::kFailure);
    assert_int_equal(named.cause, Cause::kStatus);
    assert_int_equal(named.status, status);
    assert_true(named.fails_probe());
  }
}

void expect_rate_limited(const Judgement& verdict, int status) {
  assert_int_equal(verdict.outcome, Outcome::kNeutral);
  assert_int_equal(verdict.cause, Cause::kRateLimited);
  assert_int_equal(verdict.status, status);
  assert_false(verdict.slow);
  assert_true(verdict.fails_probe());
}

void a_429_is_neutral_unless_it_is_named(void**) {
  for (const bool retry_after : {false, true}) {
    expect_rate_limited(answered(429, retry_after, default_failure_on()), 429);
    expect_rate_limited(answered(429, retry_after, {}), 429);
    const Judgement named = answered(429, retry_after, naming({429}));
    assert_int_equal(named.outcome, Outcome::kFailure);
    assert_int_equal(named.cause, Cause::kStatus);
  }
}

// A peer that says when to come back is well and has enough. Whoever names 503 itself knows better.
void a_503_with_retry_after_is_neutral_unless_it_is_named_itself(void**) {
  expect_rate_limited(answered(503, true, default_failure_on()), 503);
  expect_rate_limited(answered(503, true, {}), 503);
  FailureOn on = default_failure_on();
  on.add(503);
  on.http_503 = true;
  for (const bool retry_after : {false, true}) {
    assert_int_equal(answered(503, retry_after, on).outcome, Outcome::kFailure);
  }
  assert_int_equal(answered(503, false, default_failure_on()).outcome, Outcome::kFailure);
}

void retry_after_excuses_no_other_status(void**) {
  for (const int status : {500, 502, 504, 599}) {
    assert_int_equal(answered(status, true, default_failure_on()).outcome, Outcome::kFailure);
  }
  for (const int status : {200, 301, 404, 501}) {
    assert_int_equal(answered(status, true, default_failure_on()).outcome, Outcome::kSuccess);
  }
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(by_itself_it_names_nothing),
      cmocka_unit_test(a_status_is_named_alone),
      cmocka_unit_test(every_status_may_be_named_at_once),
      cmocka_unit_test(all_of_5xx_is_without_the_requests_faults),
      cmocka_unit_test(the_default_is_error_timeout_invalid_header_and_5xx),
      cmocka_unit_test(what_broke_is_a_failure_where_it_is_named_and_neutral_where_not),
      cmocka_unit_test(a_status_is_a_failure_where_it_is_named_and_a_success_where_not),
      cmocka_unit_test(a_429_is_neutral_unless_it_is_named),
      cmocka_unit_test(a_503_with_retry_after_is_neutral_unless_it_is_named_itself),
      cmocka_unit_test(retry_after_excuses_no_other_status),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
