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
#include <string_view>

#include "core/balance/load.h"
#include "core/balance/turn.h"
#include "core/base/instant.h"
#include "core/breaker/breaker.h"
#include "core/service/notice.h"
#include "core/service/process.h"

namespace kerberos::service {

// A request is tried on at most so many peers.
inline constexpr std::uint32_t kAttemptsMax = 32;

// A client request to one service, and its attempt under way. Plain memory of the caller's.
struct Request {
  static constexpr std::uint32_t kNone = ~0U;
  static constexpr std::uint32_t kGone = ~1U;

  std::uint64_t generation = 0;  // that it holds
  std::uint64_t service_hash = 0;
  std::uint32_t service_rank = kNone;
  std::uint32_t service = kNone;  // its number in there
  std::uint32_t attempts = 0;
  std::uint32_t peer = kNone;  // of the attempt under way; kGone: its generation has it no more
  std::uint32_t rank = kNone;  // where that is counted
  bool counted = false;        // for the service, too
  Offset record = 0;           // the peer's
  bool replayable = false;     // may be sent again to another peer, whatever became of it
  bool probed = false;         // has been a probe
  bool broke_peer = false;     // was sent to a peer that then broke
  bool keyed = false;          // has a key to hash
  std::uint64_t key = 0;       // hashed
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

// What the end of an attempt came to.
struct Ended {
  breaker::Judgement judgement;  // as it was taken, see Service::report()
  Notices notices;
};

// Counts how an attempt on a peer ended.
void count_outcome(PeerRecord& record, const breaker::Judgement& judgement);

// The attempt under way is in flight no more.
void count_out(Process& process, Request& request);

class Service {
 public:
  // Of the generation that the process has adopted, or of one that it holds for a request.
  Service(Process& process, std::uint32_t number)
      : Service(process, process.generation(), number) {}
  Service(Process& process, GenerationView generation, std::uint32_t number);

  // Begins a request. A replayable one is the first choice for probes, for nobody sees it fail.
  // Where its service hashes, `key` is what it hashes; without one, a peer is drawn.
  void open(Request& request, bool replayable, std::string_view key = {});

  // Chooses a peer for the next attempt and holds it until report().
  Pick pick(Request& request, base::Instant now);

  // Another attempt may find a peer that this request has not tried.
  [[nodiscard]] bool has_other(const Request& request) const;

  // The response of the attempt under way has begun, and is judged like this as far as it goes.
  void answered(Request& request, const breaker::Judgement& judgement, base::Instant now);

  [[nodiscard]] const GenerationView& generation() const { return generation_; }
  // Of the attempt under way.
  [[nodiscard]] const PeerImage& peer(const Request& request) const { return peers_[request.peer]; }

  [[nodiscard]] const Terms& terms() const { return generation_.terms(image_); }

  // By which the attempt under way is judged.
  [[nodiscard]] const breaker::Options& options(const Request& request) const;

  // The attempt under way has ended; without one, nothing happens. Where the same request broke
  // another peer before, it is the request that is to blame: the second and later peers go free.
  Ended report(Request& request, const breaker::Judgement& judgement, base::Instant now);

  // Lets an operator decide over a peer's breaker.
  void force(std::uint32_t peer, breaker::Forced forced, base::Instant now);

 private:
  struct Search;  // for a peer, in one pick
  enum class Offer : std::uint8_t { kPolitely, kToAnyone };
  enum class Haste : std::uint8_t { kMayRest, kAtOnce };

  [[nodiscard]] breaker::Breaker breaker_of(const PeerImage& peer) const;
  [[nodiscard]] bool was_tried(const Request& request, std::uint32_t peer) const;

  // service.cpp
  bool look(Search& search);
  [[nodiscard]] base::Millis retry_after(base::Instant now) const;

  // probing.cpp
  bool offer_probe(Search& search, Offer offer);
  bool try_probe(Search& search, std::uint32_t peer);
  void note_due(std::uint32_t peer, base::Instant now);
  [[nodiscard]] base::Instant due_of(std::uint32_t peer, base::Instant now) const;

  // choosing.cpp
  bool choose(Search& search);
  bool choose_from(Search& search, const balance::Lineup& lineup, balance::Tier tier);
  bool ask(Search& search, const balance::Lineup& lineup, balance::Tier tier);
  balance::Turn try_peer(Search& search, std::uint32_t peer, std::uint64_t most);
  bool take(Search& search, std::uint32_t peer, const breaker::Pass& pass, bool spared,
            std::uint64_t most);
  [[nodiscard]] std::uint32_t factor_of(const PeerImage& peer) const;
  [[nodiscard]] balance::Load load_of(std::uint32_t peer) const;
  [[nodiscard]] float cost_of(std::uint32_t peer, base::Instant now) const;
  [[nodiscard]] std::uint64_t bound_of(const balance::Lineup& lineup, balance::Tier tier,
                                       std::uint32_t peer) const;
  void begin(Request& request, const PeerImage& peer);
  void end(Request& request);

  // ranking.cpp
  balance::Load weigh(std::uint32_t peer, base::Instant now);
  [[nodiscard]] std::uint32_t key_of(std::uint32_t peer, const balance::Load& load,
                                     base::Instant now) const;
  void rank_all(base::Instant now);

  // ending.cpp
  std::optional<breaker::Transition> trip(std::uint32_t peer, const breaker::Trip& wanted,
                                          base::Instant now);
  [[nodiscard]] std::uint32_t held() const;

  // learning.cpp
  void learn(PeerRecord& record, const breaker::Judgement& judgement, base::Instant now);
  void adapt(PeerRecord& record, base::Instant now);

  // line_up.cpp
  void changed(base::Instant now, Haste haste = Haste::kMayRest);
  bool refresh(base::Instant now, Haste haste);
  void rebuild(std::uint64_t changes, base::Instant claim, base::Instant now);
  balance::Roster::Contents line_up(base::Instant now);

  Process& process_;
  GenerationView generation_;
  ServiceImage& image_;
  ServiceRecord& record_;
  std::span<PeerImage> peers_;
};

}  // namespace kerberos::service
