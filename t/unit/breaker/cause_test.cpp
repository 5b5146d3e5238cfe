// SPDX-License-Identifier: MIT
//
// Causes: their words, which are part of the interface, and what they say about peer and request.
#include <cstddef>
#include <iterator>
#include <string>
#include <string_view>

#include "core/breaker/outcome.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

enum class Sort { kOther, kOfConnecting, kMaybeOfRequest, kNumbered };

struct {
  Cause cause;
  std::string_view name;
  std::string_view text;
  Sort sort = Sort::kOther;
} const kRows[] = {
    {Cause::kNone, "none", "none"},
    {Cause::kConnectRefused, "connect_refused", "connect refused", Sort::kOfConnecting},
    {Cause::kConnectTimeout, "connect_timeout", "connect timeout", Sort::kOfConnecting},
    {Cause::kHandshake, "tls_handshake", "TLS handshake failed", Sort::kOfConnecting},
    {Cause::kResponseTimeout, "response_timeout", "response timeout", Sort::kMaybeOfRequest},
    {Cause::kClosed, "closed", "closed before response header", Sort::kMaybeOfRequest},
    {Cause::kReset, "reset", "reset before response header", Sort::kMaybeOfRequest},
    {Cause::kInvalidHeader, "invalid_header", "invalid response header", Sort::kMaybeOfRequest},
    // A peer that answers has judged the request itself.
    {Cause::kStatus, "status", "status", Sort::kNumbered},
    {Cause::kGrpcStatus, "grpc_status", "gRPC status", Sort::kNumbered},
    {Cause::kTruncated, "truncated", "truncated body"},
    {Cause::kBodyTimeout, "body_timeout", "body timeout"},
    {Cause::kProbeTimeout, "probe_timeout", "probe timeout"},
    {Cause::kSlow, "slow", "slow response"},
    {Cause::kRateLimited, "rate_limited", "rate limited"},
    {Cause::kCorrelated, "correlated", "request failed elsewhere too"},
    {Cause::kClientGone, "client_gone", "client gone"},
    {Cause::kStale, "stale", "stale connection"},
};

void expect_equal(std::string_view words, std::string_view expected) {
  assert_string_equal(std::string(words).c_str(), std::string(expected).c_str());
}

void each_cause_has_its_row(void**) {
  assert_int_equal(std::size(kRows), kCauses);
  for (std::size_t i = 0; i < kCauses; ++i) {
    assert_int_equal(static_cast<std::size_t>(kRows[i].cause), i);
  }
}

void causes_are_said_in_the_words_of_the_log(void**) {
  for (const auto& row : kRows) {
    expect_equal(describe(row.cause), row.text);
    assert_int_equal(has_number(row.cause), row.sort == Sort::kNumbered);
  }
}

void causes_have_their_names_in_documents(void**) {
  for (const auto& row : kRows) expect_equal(name_of(row.cause), row.name);
}

void only_without_a_connection_is_it_beyond_doubt_that_nobody_listens(void**) {
  for (const auto& row : kRows) {
    assert_int_equal(is_connect_failure(row.cause), row.sort == Sort::kOfConnecting);
  }
}

void the_request_may_be_to_blame_where_it_was_sent_and_no_response_came(void**) {
  for (const auto& row : kRows) {
    assert_int_equal(may_be_of_request(row.cause), row.sort == Sort::kMaybeOfRequest);
  }
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(each_cause_has_its_row),
      cmocka_unit_test(causes_are_said_in_the_words_of_the_log),
      cmocka_unit_test(causes_have_their_names_in_documents),
      cmocka_unit_test(only_without_a_connection_is_it_beyond_doubt_that_nobody_listens),
      cmocka_unit_test(the_request_may_be_to_blame_where_it_was_sent_and_no_response_came),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
