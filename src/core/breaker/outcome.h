// SPDX-License-Identifier: MIT
//
// What became of an attempt, judged from what nginx shows when it ends. One pure function; each of
// its branches is a case that was observed on real nginx and has its row in outcome_test.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "core/base/instant.h"
#include "core/breaker/options.h"

namespace kerberos::breaker {

enum class Outcome : std::uint8_t {
  kNeutral,  // says nothing about the peer: client left, nginx itself failed, stale connection
  kSuccess,
  kFailure,
};

// Why an attempt did not succeed.
enum class Cause : std::uint8_t {
  kNone,
  kConnectRefused,   // no connection came about: refused, unreachable, no such socket
  kConnectTimeout,   // nor was one refused in time; TLS handshakes included
  kHandshake,        // connected, and the TLS handshake failed
  kResponseTimeout,  // sent, and no response header in time
  kClosed,           // the peer closed before its response header was complete
  kReset,            // the peer reset the connection before its header
  kInvalidHeader,    // a header that is too big or not of the protocol
  kStatus,           // a status that counts as a failure
  kGrpcStatus,       // a grpc-status that does
  kTruncated,        // the body ended too early
  kBodyTimeout,      // the body stalled
  kProbeTimeout,     // a probe without an answer within probe_timeout
  kSlow,             // a response header that took too long
  // Neutral from here on.
  kRateLimited,  // the peer says that it has enough: 429, or 503 with Retry-After
  kCorrelated,   // the request broke another peer in the same way before
  kClientGone,   // the client did not wait for the end
  kStale,        // a kept connection that the peer had closed
};

inline constexpr std::size_t kCauses = static_cast<std::size_t>(Cause::kStale) + 1;

// How nginx gave the peer back (the `state` argument of peer.free).
enum class Freed : std::uint8_t { kDone = 0, kNext = 2, kFailed = 4 };

struct Evidence {
  Freed freed = Freed::kDone;
  int finalize = 0;        // kDone: the code the request was finalized with
  bool finalized = false;  // whether there was such a code
  int status = 0;          // as parsed from the response; 0: none
  int grpc_status = -1;    // of header or trailer; -1: none
  bool header_received = false;
  bool header_sent = false;  // to the client
  bool request_sent = false;
  bool reused = false;  // a kept connection
  bool bytes_received = false;
  bool tls = false;  // the connection speaks TLS, or tried to
  bool connect_timed_out = false;
  bool read_timed_out = false;
  bool read_eof = false;
  bool read_error = false;
  bool upgraded = false;
  bool client_gone = false;
  bool retry_after = false;   // the response says Retry-After
  base::Millis duration = 0;  // of the attempt until its response header, or so far without one
};

struct Judgement {
  Outcome outcome = Outcome::kNeutral;
  Cause cause = Cause::kNone;
  std::uint16_t status = 0;       // of the response; 0: none
  std::uint16_t grpc_status = 0;  // where `cause` is kGrpcStatus
  bool slow = false;              // counts as a slow attempt, whatever else it was
  base::Millis duration = 0;      // as the evidence has it

  // Whether it ends a probe's hope: a failure, a slow response, or a peer that has enough.
  [[nodiscard]] bool fails_probe() const {
    return outcome == Outcome::kFailure || slow || cause == Cause::kRateLimited;
  }
};

// The verdict on an attempt.
Judgement judge(const Evidence& evidence, const Options& options);

// The HTTP status that a gRPC status stands for, by the table of google/rpc/code.proto.
int http_status_of(int grpc_status);

// Whether no connection came about. That nobody listens is beyond doubt, and sending there helps
// nobody: such a failure opens whatever max_open says.
bool is_connect_failure(Cause cause);

// Whether the request itself may be to blame: it was sent, and what came back was no response.
bool may_be_of_request(Cause cause);

// The words of the log for a cause: "connect refused", "status 503" is "status" plus its number.
std::string_view describe(Cause cause);
bool has_number(Cause cause);

// The name of a cause in documents: "connect_refused".
std::string_view name_of(Cause cause);

}  // namespace kerberos::breaker
