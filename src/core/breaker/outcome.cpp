// SPDX-License-Identifier: MIT
#include "core/breaker/outcome.h"

namespace kerberos::breaker {
namespace {

// nginx's names for the codes that finalize a request without a verdict on the peer.
constexpr int kDeclined = -5;         // X-Accel-Redirect: the response was complete and useful
constexpr int kDone = -4;             // torn down: worker_shutdown_timeout
constexpr int kClientClosed = 499;    // NGX_HTTP_CLIENT_CLOSED_REQUEST
constexpr int kBadRequest = 400;      // the client's body broke off
constexpr int kRequestTimeout = 408;  // the client's body never came
constexpr int kInternalError = 500;
constexpr int kBadGateway = 502;
constexpr int kGatewayTimeout = 504;

Judgement success() {
  return {Outcome::kSuccess, Cause::kNone, 0};
}
Judgement neutral() {
  return {Outcome::kNeutral, Cause::kNone, 0};
}
Judgement failure(Cause cause) {
  return {Outcome::kFailure, cause, 0};
}

Judgement by_status(int status) {
  // No status at all: nginx took bytes that are no HTTP for an HTTP/0.9 body.
  if (status == 0) return failure(Cause::kInvalidHeader);
  if (!is_failure(status)) return success();
  return {Outcome::kFailure, Cause::kStatus, static_cast<std::uint16_t>(status)};
}

// nginx went on to another peer, or had none left: the attempt failed before its header was
// accepted, or its status is one of proxy_next_upstream.
Judgement judge_failed(const Evidence& e) {
  if (e.header_received) return by_status(e.status);
  if (e.connect_timed_out) return failure(Cause::kConnectTimeout);
  if (e.read_timed_out) return failure(Cause::kResponseTimeout);
  // The peer closed an idle connection just as it was used again; nginx grants another try.
  if (e.reused && !e.bytes_received) return neutral();
  if (!e.request_sent) return failure(e.tls ? Cause::kHandshake : Cause::kConnectRefused);
  if (e.read_error) return failure(Cause::kReset);
  if (e.read_eof) return failure(Cause::kClosed);
  return failure(Cause::kInvalidHeader);
}

Judgement judge_finalized(const Evidence& e) {
  // error_page took over a status that the peer sent.
  if (e.header_received && e.finalize == e.status && !e.header_sent) return by_status(e.status);
  switch (e.finalize) {
    case kClientClosed:
    case kRequestTimeout:
    case kBadRequest:
    case kDone:
      return neutral();
    case 0:
    case kDeclined:
      return by_status(e.status);
    default:
      break;
  }
  if (e.finalize == kBadGateway || e.finalize == kGatewayTimeout) {
    // An upgraded connection that falls silent is no failure: nobody promised to talk.
    if (!e.header_received || e.upgraded) return neutral();
    return failure(e.read_timed_out ? Cause::kBodyTimeout : Cause::kTruncated);
  }
  if (e.finalize == kInternalError && !e.header_received) return neutral();
  if (e.client_gone) return neutral();
  return e.read_error ? failure(Cause::kTruncated) : neutral();
}

}  // namespace

Judgement judge(const Evidence& evidence) {
  if (evidence.freed == Freed::kFailed) return judge_failed(evidence);
  // 403 and 404 that proxy_next_upstream names: an answer like any other.
  if (evidence.freed == Freed::kNext) return success();
  // Given back without a word on how it ended.
  if (!evidence.finalized) return neutral();
  return judge_finalized(evidence);
}

bool is_failure(int status) {
  return status >= 500 && status <= 599 && status != 501 && status != 505;
}

std::string_view describe(Cause cause) {
  switch (cause) {
    case Cause::kNone:
      return "none";
    case Cause::kConnectRefused:
      return "connect refused";
    case Cause::kHandshake:
      return "TLS handshake failed";
    case Cause::kConnectTimeout:
      return "connect timeout";
    case Cause::kResponseTimeout:
      return "response timeout";
    case Cause::kClosed:
      return "closed before response header";
    case Cause::kReset:
      return "reset before response header";
    case Cause::kInvalidHeader:
      return "invalid response header";
    case Cause::kStatus:
      return "status";
    case Cause::kTruncated:
      return "truncated body";
    case Cause::kBodyTimeout:
      return "body timeout";
    case Cause::kProbeTimeout:
      return "probe timeout";
  }
  return "unknown";
}

}  // namespace kerberos::breaker
