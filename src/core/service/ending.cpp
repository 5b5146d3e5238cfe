// SPDX-License-Identifier: MIT
//
// How an attempt ends: what is counted, and what its service allows its breaker to do.
#include <algorithm>

#include "core/service/service.h"

namespace kerberos::service {
namespace {

// A service with as many peers held open as it may have is not counted through again so soon.
constexpr base::Millis kOverflowPause = 1000;

}  // namespace

const breaker::Options& Service::options(const Request& request) const {
  return generation_.options(peers_[request.peer == Request::kNone ? 0 : request.peer]);
}

Ended Service::report(Request& request, const breaker::Judgement& judgement, base::Instant now) {
  Ended ended{judgement, {}};
  if (request.peer == Request::kNone) return ended;
  const std::uint32_t peer = request.peer;
  request.peer = Request::kNone;
  if (judgement.outcome == breaker::Outcome::kFailure &&
      breaker::may_be_of_request(judgement.cause)) {
    if (request.broke_peer) {
      ended.judgement = {.cause = breaker::Cause::kCorrelated,
                         .status = judgement.status,
                         .duration = judgement.duration};
    }
    request.broke_peer = true;
  }
  // It never reached the peer, which may be asked again.
  if (judgement.cause == breaker::Cause::kStale && request.attempts != 0) --request.attempts;
  PeerRecord& record = process_.record(peers_[peer]);
  const breaker::Report report =
      breaker_of(peers_[peer]).report(request.pass, ended.judgement, now, process_.random());
  ended.judgement = report.judged;
  count_outcome(record, ended.judgement);
  learn(record, ended.judgement, now);
  const auto transition = report.wanted ? trip(peer, *report.wanted, now) : report.transition;
  if (transition) ended.notices.add(generation_, image_.first_peer + peer, *transition);
  // A probe that decided nothing has left a place: that, too, every generation has to hear of.
  if (transition || request.pass.probe()) {
    note_due(peer, now);
    changed(now);
  }
  // Last, so that whoever sees nothing in flight sees all outcomes.
  end(request);
  if (image_.balance.ranks()) weigh(peer, now);
  return ended;
}

void count_outcome(PeerRecord& record, const breaker::Judgement& judgement) {
  const auto add = [](std::atomic<std::uint64_t>& counter) {
    counter.fetch_add(1, std::memory_order_relaxed);
  };
  switch (judgement.outcome) {
    case breaker::Outcome::kSuccess:
      add(record.counters.successes);
      break;
    case breaker::Outcome::kFailure:
      add(record.counters.failures);
      break;
    case breaker::Outcome::kNeutral:
      add(record.counters.neutral);
      break;
  }
  if (judgement.status >= 200 && judgement.status < 600) {
    add(record.counters.responses[judgement.status / 100 - 2]);
  } else if (judgement.status >= 100 && judgement.status < 200) {
    add(record.informational);
  }
  const auto of = [&](breaker::Cause cause) -> std::atomic<std::uint64_t>& {
    return record.causes[static_cast<std::size_t>(cause)];
  };
  if (judgement.cause != breaker::Cause::kNone) add(of(judgement.cause));
  if (judgement.slow && judgement.cause != breaker::Cause::kSlow) add(of(breaker::Cause::kSlow));
}

// Opens a breaker for failures after connect, where the service's max_open allows. Others may be
// about to do the same: intent.h tells why the sum is never exceeded.
std::optional<breaker::Transition> Service::trip(std::uint32_t peer, const breaker::Trip& wanted,
                                                 base::Instant now) {
  if (now < record_.full_until.load(std::memory_order_relaxed)) return std::nullopt;
  breaker::Breaker breaker = breaker_of(peers_[peer]);
  if (!breaker.intend(wanted, process_.self(), process_.zone().owners())) return std::nullopt;
  std::optional<breaker::Transition> transition;
  if (held() <= image_.held_max) {
    transition = breaker.open(wanted, now, process_.random());
  } else {
    breaker.count_overflow();
    record_.overflow.fetch_add(1, std::memory_order_relaxed);
    record_.full_until.store(now + kOverflowPause, std::memory_order_relaxed);
  }
  breaker.withdraw(wanted, process_.self());
  return transition;
}

std::uint32_t Service::held() const {
  const base::Owners owners = process_.zone().owners();
  return static_cast<std::uint32_t>(std::ranges::count_if(
      peers_, [&](const PeerImage& peer) { return !peer.down && breaker_of(peer).held(owners); }));
}

}  // namespace kerberos::service
