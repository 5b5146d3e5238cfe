// SPDX-License-Identifier: MIT
//
// The journey of a request through a service: open it, pick a peer for each attempt, report how
// the attempt ended. This is where balancing and breaker meet.
//
// Nothing here allocates, locks, waits or asks the system anything; time comes in, and what
// happened to breakers on the way goes out as notices for the caller to log.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "core/base/instant.h"
#include "core/breaker/breaker.h"
#include "core/service/process.h"

namespace kerberos::service {

// A request is tried on at most so many peers.
inline constexpr std::uint32_t kAttemptsMax = 32;

// A transition, and whose.
struct Notice {
  std::uint32_t peer = 0;  // of the generation
  breaker::Transition transition;
};

// A pick turns at most one peer half-open, but it may settle overdue probes of others on its way;
// it stops looking at them when there is no room left to tell.
class Notices {
 public:
  static constexpr std::uint32_t kMax = 2;
  void add(std::uint32_t peer, const breaker::Transition& transition) {
    notices_[count_++] = {peer, transition};
  }
  [[nodiscard]] bool full() const { return count_ == kMax; }
  [[nodiscard]] std::span<const Notice> all() const { return {notices_.data(), count_}; }

 private:
  std::array<Notice, kMax> notices_{};
  std::uint32_t count_ = 0;
};

// A client request to one service, and its attempt under way. Plain memory of the caller's.
struct Request {
  static constexpr std::uint32_t kNone = ~0U;

  std::uint32_t service = kNone;
  std::uint32_t attempts = 0;
  std::uint32_t peer = kNone;  // of the attempt under way
  breaker::Pass pass;
  std::array<std::uint32_t, kAttemptsMax> tried{};
};

struct Pick {
  bool picked = false;
  bool held_out = false;  // some peer is out by its breaker
  // Where nobody could be had: until somebody may be, 0 where nobody can tell.
  base::Millis retry_after = 0;
  Notices notices;
};

class Service {
 public:
  Service(Process& process, std::uint32_t number);

  // Begins a request.
  void open(Request& request);

  // Chooses a peer for the next attempt and holds it until report().
  Pick pick(Request& request, base::Instant now);

  // Another attempt may find a peer that this request has not tried.
  [[nodiscard]] bool has_other(const Request& request) const;

  // The response of the attempt under way has begun.
  void answered(Request& request);

  // The attempt under way has ended; without one, nothing happens. Another try on the same peer
  // is allowed where the outcome was neutral.
  Notices report(Request& request, const breaker::Judgement& judgement, base::Instant now);

 private:
  [[nodiscard]] breaker::Breaker breaker_of(const PeerImage& peer) const;
  [[nodiscard]] bool was_tried(const Request& request, std::uint32_t peer) const;
  bool take(Request& request, std::uint32_t peer, const breaker::Pass& pass);
  bool try_peer(Request& request, std::uint32_t peer, bool& stale);
  bool offer_probe(Request& request, base::Instant now, Notices& notices, bool& stale);
  [[nodiscard]] base::Millis retry_after(base::Instant now) const;
  void changed(base::Instant now);
  void refresh(base::Instant now);
  void rebuild(std::uint64_t changes, base::Instant claim, base::Instant now);

  Process& process_;
  GenerationView generation_;
  ServiceImage& image_;
  ServiceRecord& record_;
  std::span<PeerImage> peers_;
};

}  // namespace kerberos::service
