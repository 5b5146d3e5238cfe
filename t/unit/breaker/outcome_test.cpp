// SPDX-License-Identifier: MIT
//
// Each row is a case that was observed on real nginx, with the evidence that nginx shows of it in
// peer.free(), and is a test of its own. Fields that a row does not name are as nginx leaves them:
// zero. They are judged by what counts as a failure where nobody says otherwise; for that there is
// failure_on_test.cpp.
#include "core/breaker/outcome.h"

#include <cstddef>
#include <iterator>
#include <string>

#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr Judgement kSuccess = {.outcome = Outcome::kSuccess};
constexpr Judgement kNeutral = {.outcome = Outcome::kNeutral};

constexpr Judgement neutral(Cause cause) {
  return {.outcome = Outcome::kNeutral, .cause = cause};
}

constexpr Judgement failure(Cause cause) {
  return {.outcome = Outcome::kFailure, .cause = cause};
}

// The request ended, with `code`, while this response was being passed on.
constexpr Evidence answered(int code, int status, Evidence rest = {}) {
  rest.freed = Freed::kDone;
  rest.finalized = true;
  rest.finalize = code;
  rest.status = status;
  rest.header_received = true;
  rest.request_sent = true;
  rest.bytes_received = true;
  return rest;
}

// The request ended, with `code`, before a response header.
constexpr Evidence unanswered(int code, Evidence rest = {}) {
  rest.freed = Freed::kDone;
  rest.finalized = true;
  rest.finalize = code;
  return rest;
}

// nginx gave the peer up.
constexpr Evidence failed(Evidence rest) {
  rest.freed = Freed::kFailed;
  return rest;
}

// nginx gave the peer up for a status that proxy_next_upstream names.
constexpr Evidence retried(Freed freed, int status) {
  return {.freed = freed,
          .status = status,
          .header_received = true,
          .request_sent = true,
          .bytes_received = true};
}

struct Row {
  const char* name;
  Evidence evidence;
  Judgement verdict;
};

constexpr Row kRows[] = {
    // Complete responses.
    {"200 complete", answered(0, 200, {.header_sent = true}), kSuccess},
    {"200 complete, connection put away by keepalive: no request_sent to be seen",
     {.finalized = true,
      .status = 200,
      .header_received = true,
      .header_sent = true,
      .bytes_received = true},
     kSuccess},
    {"200 complete over a reused connection",
     answered(0, 200, {.header_sent = true, .reused = true}), kSuccess},
    {"200 complete, delimited by the end of the connection",
     answered(0, 200, {.header_sent = true, .read_eof = true}), kSuccess},
    {"304", answered(0, 304, {.header_sent = true}), kSuccess},
    {"404 passed through", answered(0, 404, {.header_sent = true}), kSuccess},
    {"429 passed through", answered(0, 429, {.header_sent = true}), neutral(Cause::kRateLimited)},
    {"500 passed through", answered(0, 500, {.header_sent = true}), failure(Cause::kStatus)},
    {"502 passed through", answered(0, 502, {.header_sent = true}), failure(Cause::kStatus)},
    {"503 passed through", answered(0, 503, {.header_sent = true}), failure(Cause::kStatus)},
    {"504 passed through", answered(0, 504, {.header_sent = true}), failure(Cause::kStatus)},
    {"501 passed through: the request's fault", answered(0, 501, {.header_sent = true}), kSuccess},
    {"505 passed through: the request's fault", answered(0, 505, {.header_sent = true}), kSuccess},
    {"not HTTP at all, taken for HTTP/0.9", answered(0, 0, {.header_sent = true}),
     failure(Cause::kInvalidHeader)},
    {"X-Accel-Redirect", answered(-5, 200), kSuccess},
    {"X-Accel-Redirect with a 500", answered(-5, 500), failure(Cause::kStatus)},
    {"101 upgrade, closed normally", answered(0, 101, {.header_sent = true, .upgraded = true}),
     kSuccess},

    // Statuses for which nginx goes on to the next peer.
    {"500 retried", retried(Freed::kFailed, 500), failure(Cause::kStatus)},
    {"503 retried", retried(Freed::kFailed, 503), failure(Cause::kStatus)},
    {"501 retried", retried(Freed::kFailed, 501), kSuccess},
    {"429 retried", retried(Freed::kFailed, 429), neutral(Cause::kRateLimited)},
    {"403 retried", retried(Freed::kNext, 403), kSuccess},
    {"404 retried", retried(Freed::kNext, 404), kSuccess},

    // Statuses that error_page takes over.
    {"500 intercepted", answered(500, 500), failure(Cause::kStatus)},
    {"502 intercepted", answered(502, 502), failure(Cause::kStatus)},
    {"504 intercepted", answered(504, 504), failure(Cause::kStatus)},
    {"400 intercepted", answered(400, 400), kSuccess},
    {"404 intercepted", answered(404, 404), kSuccess},
    {"501 intercepted", answered(501, 501), kSuccess},

    // No connection.
    {"connect refused, at once: no connection", failed({}), failure(Cause::kConnectRefused)},
    {"connect refused, later: the socket is in error", failed({.read_error = true}),
     failure(Cause::kConnectRefused)},
    {"connect timeout", failed({.connect_timed_out = true}), failure(Cause::kConnectTimeout)},
    {"TLS handshake timeout", failed({.tls = true, .connect_timed_out = true}),
     failure(Cause::kConnectTimeout)},
    {"TLS handshake closed by the peer", failed({.tls = true, .read_eof = true}),
     failure(Cause::kHandshake)},
    {"TLS handshake reset by the peer", failed({.tls = true, .read_error = true}),
     failure(Cause::kHandshake)},
    {"TLS handshake refused by nginx: the peer's certificate", failed({.tls = true}),
     failure(Cause::kHandshake)},

    // No response header.
    {"header read timeout", failed({.request_sent = true, .read_timed_out = true}),
     failure(Cause::kResponseTimeout)},
    {"header read timeout in the middle of a header",
     failed({.request_sent = true, .bytes_received = true, .read_timed_out = true}),
     failure(Cause::kResponseTimeout)},
    // It is nginx that gave up here, not the peer that closed: a peer that hangs does so on kept
    // connections, too.
    {"header read timeout over a reused connection",
     failed({.request_sent = true, .reused = true, .read_timed_out = true}),
     failure(Cause::kResponseTimeout)},
    {"closed before header", failed({.request_sent = true, .read_eof = true}),
     failure(Cause::kClosed)},
    {"closed before header, after a TLS handshake",
     failed({.request_sent = true, .tls = true, .read_eof = true}), failure(Cause::kClosed)},
    {"closed within header",
     failed({.request_sent = true, .bytes_received = true, .read_eof = true}),
     failure(Cause::kClosed)},
    {"closed within header over a reused connection",
     failed({.request_sent = true, .reused = true, .bytes_received = true, .read_eof = true}),
     failure(Cause::kClosed)},
    {"reset before header", failed({.request_sent = true, .read_error = true}),
     failure(Cause::kReset)},
    {"reset before header, which is an end as well",
     failed({.request_sent = true, .read_eof = true, .read_error = true}), failure(Cause::kReset)},
    {"idle connection closed by the peer",
     failed({.request_sent = true, .reused = true, .read_eof = true}), neutral(Cause::kStale)},
    {"idle connection reset by the peer",
     failed({.request_sent = true, .reused = true, .read_error = true}), neutral(Cause::kStale)},
    {"invalid header", failed({.request_sent = true, .bytes_received = true}),
     failure(Cause::kInvalidHeader)},
    {"header too big, its status line read already",
     failed({.status = 200, .request_sent = true, .bytes_received = true}),
     failure(Cause::kInvalidHeader)},
    {"invalid header over a reused connection",
     failed({.request_sent = true, .reused = true, .bytes_received = true}),
     failure(Cause::kInvalidHeader)},

    // Half a response body.
    {"truncated body", answered(502, 200, {.header_sent = true, .read_eof = true}),
     failure(Cause::kTruncated)},
    {"truncated body of a 502", answered(502, 502, {.header_sent = true, .read_eof = true}),
     failure(Cause::kTruncated)},
    {"body read timeout, buffered",
     answered(502, 200, {.header_sent = true, .read_timed_out = true}),
     failure(Cause::kBodyTimeout)},
    {"body read timeout, unbuffered",
     answered(504, 200, {.header_sent = true, .read_timed_out = true}),
     failure(Cause::kBodyTimeout)},
    {"body broken off by a reset", answered(-1, 200, {.header_sent = true, .read_error = true}),
     failure(Cause::kTruncated)},
    {"101 upgrade, idle timeout",
     answered(504, 101, {.header_sent = true, .read_timed_out = true, .upgraded = true}), kNeutral},

    // The client.
    {"client gone before header", unanswered(499, {.request_sent = true, .client_gone = true}),
     neutral(Cause::kClientGone)},
    {"client gone before connect", unanswered(499, {.client_gone = true}),
     neutral(Cause::kClientGone)},
    {"client gone in body", answered(499, 200, {.header_sent = true, .client_gone = true}),
     neutral(Cause::kClientGone)},
    {"client gone in the body of a 500",
     answered(499, 500, {.header_sent = true, .client_gone = true}), neutral(Cause::kClientGone)},
    {"client gone, response fully buffered",
     answered(0, 200, {.header_sent = true, .client_gone = true}), kSuccess},
    {"client body broke off", unanswered(400, {.client_gone = true}), kNeutral},
    {"408 from the peer, taken over by error_page", answered(408, 408, {}), kSuccess},
    {"client body never came", unanswered(408, {.client_gone = true}), kNeutral},
    {"client gone, seen by sending to it",
     answered(-1, 200, {.header_sent = true, .client_gone = true}), neutral(Cause::kClientGone)},
    {"client gone, and the peer's connection in error for it",
     answered(-1, 200, {.header_sent = true, .read_error = true, .client_gone = true}),
     neutral(Cause::kClientGone)},

    // nginx itself.
    {"worker_shutdown_timeout", unanswered(-4, {.request_sent = true}), kNeutral},
    {"worker_shutdown_timeout in body", answered(-4, 200, {.header_sent = true}), kNeutral},
    {"nginx-local error", unanswered(500), kNeutral},
    {"nginx-local 502 before header", unanswered(502, {.request_sent = true}), kNeutral},
    {"nginx-local error in body", answered(-1, 200, {.header_sent = true}), kNeutral},
    // What the code says comes before what the peer's connection looks like.
    {"499, and the peer's connection in error", unanswered(499, {.read_error = true}),
     neutral(Cause::kClientGone)},
    {"499 after a header, and the peer's connection in error",
     answered(499, 200, {.header_sent = true, .read_error = true}), neutral(Cause::kClientGone)},
    {"408, and the peer's connection in error", unanswered(408, {.read_error = true}), kNeutral},
    {"400 of nginx's own, and the peer's connection in error",
     unanswered(400, {.read_error = true}), kNeutral},
    {"shut down, and the peer's connection in error", unanswered(-4, {.read_error = true}),
     kNeutral},
    {"nginx-local error, and the peer's connection in error", unanswered(500, {.read_error = true}),
     kNeutral},
    {"given back without a word", {.header_received = true, .request_sent = true}, kNeutral},
    {"given back without a word on a failed status",
     {.status = 500, .header_received = true},
     kNeutral},
};

void a_row_has_its_verdict(void** state) {
  const Row& row = *static_cast<const Row*>(*state);
  const Judgement verdict = judge(row.evidence, Options{});
  assert_int_equal(verdict.outcome, row.verdict.outcome);
  assert_string_equal(std::string(describe(verdict.cause)).c_str(),
                      std::string(describe(row.verdict.cause)).c_str());
  // Of a peer that was given back without a word nothing is told.
  const bool judged = row.evidence.finalized || row.evidence.freed != Freed::kDone;
  assert_int_equal(verdict.status, judged ? row.evidence.status : 0);
  assert_false(verdict.slow);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  CMUnitTest tests[std::size(kRows)];
  for (std::size_t i = 0; i < std::size(kRows); ++i) {
    tests[i] = {kRows[i].name, a_row_has_its_verdict, nullptr, nullptr,
                const_cast<Row*>(&kRows[i])};
  }
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
