// SPDX-License-Identifier: MIT
#include "core/service/service.h"

#include <algorithm>

#include "core/balance/eligible.h"
#include "core/balance/round_robin.h"

namespace kerberos::service {
namespace {

// A full peer frees a place whenever a request ends; a client that comes back in a second will
// most likely find one.
constexpr base::Millis kFullRetry = 1000;

}  // namespace

struct Service::Search {
  Request& request;
  base::Instant now;
  Pick result = {};
  bool stale = false;     // somebody stands on the wrong side of the roster
  bool withheld = false;  // a probe that was due, from this request
  bool ramping = false;   // whoever has just closed gets but a part of its share
  bool spared = false;    // somebody was, for that reason
  bool panic = false;     // those that are held are in
};

Service::Service(Process& process, std::uint32_t number)
    : process_(process),
      generation_(process.generation()),
      image_(generation_.services()[number]),
      record_(process.record(image_)),
      peers_(generation_.peers(image_)) {}

void Service::open(Request& request, bool replayable) {
  record_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  request.attempts = 0;
  request.peer = Request::kNone;
  request.replayable = replayable;
}

Pick Service::pick(Request& request, base::Instant now) {
  Search search{request, now};
  Pick& result = search.result;
  if (request.attempts == kAttemptsMax) return result;
  refresh(now);
  result.picked = look(search);
  // Somebody was on the wrong side, and it may have been the one who could serve.
  if (!result.picked && search.stale) {
    changed(now);
    result.picked = look(search);
  }
  if (!result.notices.all().empty() || search.stale) changed(now);
  if (!result.picked) {
    result.held_out = generation_.roster(image_).lineup().out.size() != 0;  // as it is by now
    result.retry_after = retry_after(now);
    if (request.attempts == 0) record_.counters.rejected.fetch_add(1, std::memory_order_relaxed);
  }
  return result;
}

bool Service::look(Search& search) {
  search.stale = search.withheld = search.spared = false;
  if (offer_probe(search, Offer::kPolitely)) return true;
  // A breaker that closed while its probes were looked over is in the line-up now.
  if (search.stale) changed(search.now);
  if (choose(search)) return true;
  // Better a probe than nobody.
  return search.withheld && offer_probe(search, Offer::kToAnyone);
}

bool Service::choose(Search& search) {
  const balance::Lineup lineup = generation_.roster(image_).lineup();
  search.panic = lineup.panic;
  // Alone, a peer has nobody to leave a part of its share to.
  search.ramping = image_.usable >= lineup.out.size() + 2;
  const auto take = [&](std::uint32_t peer) { return try_peer(search, peer); };
  const auto draw = [&] {
    auto& counters = record_.counters;
    return balance::round_robin(lineup.primary, counters.primary_turn, take) ||
           balance::round_robin(lineup.backup, counters.backup_turn, take);
  };
  if (draw()) return true;
  if (!search.spared) return false;
  search.ramping = false;
  return draw();
}

bool Service::has_other(const Request& request) const {
  if (request.attempts == kAttemptsMax) return false;
  const balance::Lineup lineup = generation_.roster(image_).lineup();
  const auto any = [&](const balance::Entries& entries) {
    for (std::uint32_t i = 0; i < entries.size(); ++i) {
      if (!was_tried(request, entries[i])) return true;
    }
    return false;
  };
  return any(lineup.primary) || any(lineup.backup);
}

void Service::answered(Request& request, const breaker::Judgement& judgement, base::Instant now) {
  // What fails it is told when it ends, or by its deadline.
  if (request.peer == Request::kNone || judgement.fails_probe()) return;
  breaker_of(peers_[request.peer]).answered(request.pass, now);
}

breaker::Breaker Service::breaker_of(const PeerImage& peer) const {
  return {process_.record(peer).breaker, generation_.options(peer)};
}

bool Service::was_tried(const Request& request, std::uint32_t peer) const {
  const auto* end = request.tried.begin() + request.attempts;
  return std::find(request.tried.begin(), end, peer) != end;
}

// Takes the peer for the request, if it is eligible. The place is counted before it is checked, so
// that workers that hurry together can be refused, but never exceed max_conns.
bool Service::take(Search& search, std::uint32_t peer, const breaker::Pass& pass, bool spared) {
  Request& request = search.request;
  const PeerImage& image = peers_[peer];
  PeerRecord& record = process_.record(image);
  auto& mine = process_.in_flight(record);
  balance::Standing standing{.admitted = true,
                             .tried = was_tried(request, peer),
                             .spared = spared,
                             .max_conns = image.max_conns};
  mine.fetch_add(1);
  if (image.max_conns != 0) standing.in_flight = process_.zone().in_flight(record.rank) - 1;
  if (!balance::eligible(standing)) {
    mine.fetch_sub(1);
    return false;
  }
  record.counters.requests.fetch_add(1, std::memory_order_relaxed);
  request.peer = peer;
  request.pass = pass;
  request.probed |= pass.probe();
  request.tried[request.attempts++] = peer;
  return true;
}

balance::Turn Service::try_peer(Search& search, std::uint32_t peer) {
  const PeerImage& image = peers_[peer];
  const breaker::Breaker breaker = breaker_of(image);
  const breaker::Options& options = generation_.options(image);
  if (options.mode == breaker::Mode::kObserve && breaker.state() != breaker::State::kClosed) {
    // Nobody is kept out, so nobody is offered a probe: whoever comes by is one.
    base::Instant due = 0;
    if (!search.result.notices.full() && try_probe(search, peer, due)) return balance::Turn::kTaken;
  }
  auto pass = breaker.admit(search.now);
  if (!pass && search.panic && !image.backup) pass = breaker.admit_held(search.now);
  if (!pass) {
    search.stale = true;  // it stands in the line-up and should not
    return balance::Turn::kRefused;
  }
  bool spared = false;
  if (search.ramping && options.ramp != 0) {
    spared = process_.random().below(100) >= breaker.ramp_percent(search.now);
    search.spared |= spared;
  }
  if (take(search, peer, *pass, spared)) return balance::Turn::kTaken;
  return spared ? balance::Turn::kSpared : balance::Turn::kRefused;
}

// Lets the request be a probe of that peer. Otherwise `due` says when to ask again.
bool Service::try_probe(Search& search, std::uint32_t peer, base::Instant& due) {
  breaker::Breaker breaker = breaker_of(peers_[peer]);
  const base::Instant now = search.now;
  const auto probing =
      breaker.probe(process_.self(), process_.zone().owners(), now, process_.random());
  if (probing.transition) {
    search.result.notices.add(image_.first_peer + peer, *probing.transition);
  }
  due = probing.due;
  if (!probing.pass) return false;
  if (take(search, peer, *probing.pass, false)) return true;
  breaker.report(*probing.pass, {}, now, process_.random());
  due = now;
  return false;
}

// Lets the request be a probe, where a peer that is out may have one. Costs one look at a word
// while nobody is due.
//
// A probe may fail, so it politely waits a while for a request that can be sent to another peer
// then, and asks no request twice. Where nobody else could serve, anyone will do.
bool Service::offer_probe(Search& search, Offer offer) {
  const base::Instant now = search.now;
  const Request& request = search.request;
  balance::Roster roster = generation_.roster(image_);
  const balance::Due seen = roster.due();
  if (now < seen.at()) return false;
  const balance::Lineup lineup = roster.lineup();
  const balance::Entries out = lineup.out;
  if (out.size() == 0) {
    roster.postpone(seen, balance::Due::kNever);
    return false;
  }
  const base::Millis grace = generation_.options(peers_[out[0]]).probe_grace;
  const bool alone = lineup.primary.size() + lineup.backup.size() == 0;
  const bool at_once =
      offer == Offer::kToAnyone || alone || (request.replayable && request.attempts == 0);
  if (!at_once && (request.probed || base::elapsed(seen.at(), now) < grace)) {
    search.withheld = true;
    return false;
  }
  base::Instant due = balance::Due::kNever;
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    if (search.result.notices.full()) return false;  // the rest is looked at by the next
    const std::uint32_t peer = out[i];
    const breaker::Breaker breaker = breaker_of(peers_[peer]);
    if (!breaker.shut(now)) {
      search.stale = true;
      continue;
    }
    const bool too_early = !at_once && base::elapsed(breaker.due_since(), now) < grace;
    if (too_early || was_tried(request, peer)) {
      due = std::min(due, breaker.due(process_.zone().owners(), now));
      search.withheld |= too_early;
      continue;
    }
    base::Instant its = 0;
    if (try_probe(search, peer, its)) return true;
    if (!breaker.shut(now)) {
      search.stale = true;
    } else {
      due = std::min(due, its);
    }
  }
  roster.postpone(seen, due);
  return false;
}

base::Millis Service::retry_after(base::Instant now) const {
  const balance::Roster roster = generation_.roster(image_);
  const balance::Lineup lineup = roster.lineup();
  base::Millis wait = 0;
  if (lineup.primary.size() + lineup.backup.size() != 0) wait = kFullRetry;
  const base::Instant due = roster.due().at();
  if (lineup.out.size() != 0 && due != balance::Due::kNever) {
    const base::Millis probe = std::max<base::Millis>(1, base::elapsed(now, due));
    wait = wait == 0 ? probe : std::min(wait, probe);
  }
  return wait;
}

}  // namespace kerberos::service
