// SPDX-License-Identifier: MIT
//
// What became of an attempt, judged from what nginx shows when it ends. One pure function; each of
// its branches is a case that was observed on real nginx and has its row in outcome_test.cpp.
#pragma once

#include <cstdint>
#include <string_view>

namespace kerberos::breaker {

enum class Outcome : std::uint8_t {
  kNeutral,  // says nothing about the peer: client left, nginx itself failed, stale connection
  kSuccess,
  kFailure,
};

// Why an attempt failed.
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
  kTruncated,        // the body ended too early
  kBodyTimeout,      // the body stalled
  kProbeTimeout,     // a probe without an answer within probe_timeout
};

// How nginx gave the peer back (the `state` argument of peer.free).
enum class Freed : std::uint8_t { kDone = 0, kNext = 2, kFailed = 4 };

struct Evidence {
  Freed freed = Freed::kDone;
  int finalize = 0;        // kDone: the code the request was finalized with
  bool finalized = false;  // whether there was such a code
  int status = 0;          // as parsed from the response; 0: none
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
};

struct Judgement {
  Outcome outcome = Outcome::kNeutral;
  Cause cause = Cause::kNone;
  std::uint16_t status = 0;  // of a kStatus failure
};

// The verdict on an attempt.
Judgement judge(const Evidence& evidence);

// Whether a response of this status is the peer's fault: 500 to 599, but for 501 and 505, which
// are the request's.
bool is_failure(int status);

// The words of the log for a cause: "connect refused", "status 503" is "status" plus its number.
std::string_view describe(Cause cause);

}  // namespace kerberos::breaker
