// SPDX-License-Identifier: MIT
//
// gRPC statuses: judged as the HTTP statuses that they stand for.
#include <cstdint>
#include <initializer_list>

#include "core/breaker/outcome.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

struct {
  int grpc_status;
  int status;
  Outcome outcome;  // by default
} const kRows[] = {
    {0, 200, Outcome::kSuccess},   // OK
    {1, 499, Outcome::kSuccess},   // CANCELLED
    {2, 500, Outcome::kFailure},   // UNKNOWN
    {3, 400, Outcome::kSuccess},   // INVALID_ARGUMENT
    {4, 504, Outcome::kFailure},   // DEADLINE_EXCEEDED
    {5, 404, Outcome::kSuccess},   // NOT_FOUND
    {6, 409, Outcome::kSuccess},   // ALREADY_EXISTS
    {7, 403, Outcome::kSuccess},   // PERMISSION_DENIED
    {8, 429, Outcome::kNeutral},   // RESOURCE_EXHAUSTED
    {9, 400, Outcome::kSuccess},   // FAILED_PRECONDITION
    {10, 409, Outcome::kSuccess},  // ABORTED
    {11, 400, Outcome::kSuccess},  // OUT_OF_RANGE
    {12, 501, Outcome::kSuccess},  // UNIMPLEMENTED
    {13, 500, Outcome::kFailure},  // INTERNAL
    {14, 503, Outcome::kFailure},  // UNAVAILABLE
    {15, 500, Outcome::kFailure},  // DATA_LOSS
    {16, 401, Outcome::kSuccess},  // UNAUTHENTICATED
    {17, 500, Outcome::kFailure},  // whatever that may be
    {999, 500, Outcome::kFailure},
};

Judgement answered(int status, int grpc_status, const FailureOn& on = default_failure_on(),
                   bool retry_after = false) {
  Options options;
  options.failure_on = on;
  return judge({.finalized = true,
                .status = status,
                .grpc_status = grpc_status,
                .header_received = true,
                .header_sent = true,
                .retry_after = retry_after},
               options);
}

void each_has_its_http_status(void**) {
  for (const auto& row : kRows) assert_int_equal(http_status_of(row.grpc_status), row.status);
  assert_int_equal(http_status_of(-1), 500);
}

void each_has_its_verdict(void**) {
  for (const auto& row : kRows) {
    const Judgement verdict = answered(200, row.grpc_status);
    assert_int_equal(verdict.outcome, row.outcome);
    assert_int_equal(verdict.status, 200);  // as it came
    switch (row.outcome) {
      case Outcome::kSuccess:
        assert_int_equal(verdict.cause, Cause::kNone);
        break;
      case Outcome::kNeutral:
        assert_int_equal(verdict.cause, Cause::kRateLimited);
        break;
      case Outcome::kFailure:
        assert_int_equal(verdict.cause, Cause::kGrpcStatus);
        assert_int_equal(verdict.grpc_status, row.grpc_status);
        break;
    }
  }
}

void the_list_of_http_statuses_decides(void**) {
  FailureOn on;
  on.add(404);
  on.add(429);
  on.add(501);
  for (const auto& row : kRows) {
    const bool named = row.status == 404 || row.status == 429 || row.status == 501;
    const Judgement verdict = answered(200, row.grpc_status, on);
    assert_int_equal(verdict.outcome, named ? Outcome::kFailure : Outcome::kSuccess);
    if (named) assert_int_equal(verdict.grpc_status, row.grpc_status);
  }
}

void unavailable_with_retry_after_is_neutral_unless_503_is_named(void**) {
  const Judgement limited = answered(200, 14, default_failure_on(), true);
  assert_int_equal(limited.outcome, Outcome::kNeutral);
  assert_int_equal(limited.cause, Cause::kRateLimited);
  FailureOn on = default_failure_on();
  on.http_503 = true;
  assert_int_equal(answered(200, 14, on, true).cause, Cause::kGrpcStatus);
}

// A status other than 200 says it already.
void it_matters_only_with_200(void**) {
  assert_int_equal(answered(503, 0).cause, Cause::kStatus);
  assert_int_equal(answered(503, 0).outcome, Outcome::kFailure);
  assert_int_equal(answered(404, 13).outcome, Outcome::kSuccess);
}

void without_one_the_http_status_is_judged(void**) {
  assert_int_equal(answered(200, -1).outcome, Outcome::kSuccess);
  assert_int_equal(answered(500, -1).cause, Cause::kStatus);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_has_its_http_status),
      cmocka_unit_test(each_has_its_verdict),
      cmocka_unit_test(the_list_of_http_statuses_decides),
      cmocka_unit_test(unavailable_with_retry_after_is_neutral_unless_503_is_named),
      cmocka_unit_test(it_matters_only_with_200),
      cmocka_unit_test(without_one_the_http_status_is_judged),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
