// SPDX-License-Identifier: MIT
#include "core/breaker/outcome.h"

#include <array>

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

struct CauseWords {
  std::string_view name;  // in documents
  std::string_view text;  // in the log
};

// In the order of Cause.
constexpr std::array<CauseWords, kCauses> kWords = {{
    {"none", "none"},
    {"connect_refused", "connect refused"},
    {"connect_timeout", "connect timeout"},
    {"tls_handshake", "TLS handshake failed"},
    {"response_timeout", "response timeout"},
    {"closed", "closed before response header"},
    {"reset", "reset before response header"},
    {"invalid_header", "invalid response header"},
    {"status", "status"},
    {"grpc_status", "gRPC status"},
    {"truncated", "truncated body"},
    {"body_timeout", "body timeout"},
    {"probe_timeout", "probe timeout"},
    {"slow", "slow response"},
    {"rate_limited", "rate limited"},
    {"correlated", "request failed elsewhere too"},
    {"client_gone", "client gone"},
    {"stale", "stale connection"},
}};

// The judge of one attempt.
class Judge {
 public:
  Judge(const Evidence& evidence, const Options& options) : e_(evidence), options_(options) {}

  [[nodiscard]] Judgement verdict() const {
    if (e_.freed == Freed::kFailed) return failed();
    // 403 and 404 that proxy_next_upstream names: an answer like any other.
    if (e_.freed == Freed::kNext) return by_status();
    // Given back without a word on how it ended.
    if (!e_.finalized) return {};
    return finalized();
  }

 private:
  [[nodiscard]] bool slow() const { return options_.slow != 0 && e_.duration > options_.slow; }

  [[nodiscard]] Judgement failure(Cause cause) const {
    return {.outcome = Outcome::kFailure, .cause = cause, .status = status(), .slow = slow()};
  }
  // A failure where the operator calls it one, or nothing that is held against the peer.
  [[nodiscard]] Judgement failure_if(bool counts, Cause cause) const {
    Judgement judgement = failure(cause);
    if (!counts) judgement.outcome = Outcome::kNeutral;
    return judgement;
  }
  [[nodiscard]] Judgement error(Cause cause) const {
    return failure_if(options_.failure_on.error, cause);
  }
  [[nodiscard]] Judgement timeout(Cause cause) const {
    return failure_if(options_.failure_on.timeout, cause);
  }
  [[nodiscard]] Judgement invalid_header() const {
    return failure_if(options_.failure_on.invalid_header, Cause::kInvalidHeader);
  }
  [[nodiscard]] std::uint16_t status() const { return static_cast<std::uint16_t>(e_.status); }

  // A client that left when the response was late already has seen a slow peer, and one that left
  // early has seen nothing.
  [[nodiscard]] Judgement client_gone() const {
    return {.cause = Cause::kClientGone, .status = status(), .slow = slow()};
  }

  [[nodiscard]] Judgement by_status() const {
    // No status at all: nginx took bytes that are no HTTP for an HTTP/0.9 body.
    if (e_.status == 0) return invalid_header();
    const bool grpc = e_.grpc_status >= 0 && e_.status == 200;
    const int status = grpc ? http_status_of(e_.grpc_status) : e_.status;
    const FailureOn& on = options_.failure_on;
    if ((status == 429 && !on.has(429)) || (status == 503 && e_.retry_after && !on.http_503)) {
      return {.cause = Cause::kRateLimited, .status = this->status()};
    }
    Judgement judgement{.outcome = Outcome::kSuccess, .status = this->status(), .slow = slow()};
    if (on.has(status)) {
      judgement.outcome = Outcome::kFailure;
      judgement.cause = grpc ? Cause::kGrpcStatus : Cause::kStatus;
      if (grpc) judgement.grpc_status = static_cast<std::uint16_t>(e_.grpc_status);
    } else if (judgement.slow && on.slow) {
      judgement.outcome = Outcome::kFailure;
      judgement.cause = Cause::kSlow;
    }
    return judgement;
  }

  // nginx went on to another peer, or had none left: the attempt failed before its header was
  // accepted, or its status is one of proxy_next_upstream.
  [[nodiscard]] Judgement failed() const {
    if (e_.header_received) return by_status();
    if (e_.connect_timed_out) return timeout(Cause::kConnectTimeout);
    if (e_.read_timed_out) return timeout(Cause::kResponseTimeout);
    // The peer closed an idle connection just as it was used again; nginx grants another try.
    if (e_.reused && !e_.bytes_received) return {.cause = Cause::kStale};
    if (!e_.request_sent) return error(e_.tls ? Cause::kHandshake : Cause::kConnectRefused);
    if (e_.read_error) return error(Cause::kReset);
    if (e_.read_eof) return error(Cause::kClosed);
    return invalid_header();
  }

  [[nodiscard]] Judgement finalized() const {
    // error_page took over a status that the peer sent.
    if (e_.header_received && e_.finalize == e_.status && !e_.header_sent) return by_status();
    switch (e_.finalize) {
      case kClientClosed:
        return client_gone();
      case kRequestTimeout:
      case kBadRequest:
      case kDone:
        return {.status = status()};
      case 0:
      case kDeclined:
        return by_status();
      default:
        break;
    }
    if (e_.finalize == kBadGateway || e_.finalize == kGatewayTimeout) {
      // An upgraded connection that falls silent is no failure: nobody promised to talk.
      if (!e_.header_received || e_.upgraded) return {.status = status()};
      return e_.read_timed_out ? timeout(Cause::kBodyTimeout) : error(Cause::kTruncated);
    }
    if (e_.finalize == kInternalError && !e_.header_received) return {};
    if (e_.client_gone) return client_gone();
    return e_.read_error ? error(Cause::kTruncated) : Judgement{.status = status()};
  }

  const Evidence& e_;
  const Options& options_;
};

}  // namespace

Judgement judge(const Evidence& evidence, const Options& options) {
  Judgement judgement = Judge(evidence, options).verdict();
  judgement.duration = evidence.duration;
  return judgement;
}

int http_status_of(int grpc_status) {
  constexpr std::array kStatuses = {200, 499, 500, 400, 504, 404, 409, 403, 429,
                                    400, 409, 400, 501, 500, 503, 500, 401};
  if (grpc_status < 0 || static_cast<std::size_t>(grpc_status) >= kStatuses.size()) return 500;
  return kStatuses[static_cast<std::size_t>(grpc_status)];
}

bool is_connect_failure(Cause cause) {
  return cause == Cause::kConnectRefused || cause == Cause::kConnectTimeout ||
         cause == Cause::kHandshake;
}

bool may_be_of_request(Cause cause) {
  return cause == Cause::kClosed || cause == Cause::kReset || cause == Cause::kResponseTimeout ||
         cause == Cause::kInvalidHeader;
}

std::string_view describe(Cause cause) {
  return kWords[static_cast<std::size_t>(cause)].text;
}

bool has_number(Cause cause) {
  return cause == Cause::kStatus || cause == Cause::kGrpcStatus;
}

std::string_view name_of(Cause cause) {
  return kWords[static_cast<std::size_t>(cause)].name;
}

}  // namespace kerberos::breaker
