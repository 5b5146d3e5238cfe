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

// A roster that goes on changing under its builder is left to the next who notices.
constexpr int kRebuilds = 3;

}  // namespace

Service::Service(Process& process, std::uint32_t number)
    : process_(process),
      generation_(process.generation()),
      image_(generation_.services()[number]),
      record_(process.record(image_)),
      peers_(generation_.peers(image_)) {}

void Service::open(Request& request) {
  record_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  request.attempts = 0;
  request.peer = Request::kNone;
}

Pick Service::pick(Request& request, base::Instant now) {
  Pick result;
  if (request.attempts == kAttemptsMax) return result;
  refresh(now);
  bool stale = false;
  const auto take = [&](std::uint32_t peer) { return try_peer(request, peer, stale); };
  result.picked = offer_probe(request, now, result.notices, stale);
  // A breaker that closed while its probes were looked over is in the line-up now.
  if (!result.picked && stale) changed(now);
  const balance::Lineup lineup = generation_.roster(image_).lineup();
  if (!result.picked) {
    auto& counters = record_.counters;
    result.picked = balance::round_robin(lineup.primary, counters.primary_turn, take) ||
                    balance::round_robin(lineup.backup, counters.backup_turn, take);
  }
  if (!result.notices.all().empty() || stale) changed(now);
  if (!result.picked) {
    result.held_out = generation_.roster(image_).lineup().out.size() != 0;  // as it is by now
    result.retry_after = retry_after(now);
    if (request.attempts == 0) record_.counters.rejected.fetch_add(1, std::memory_order_relaxed);
  }
  return result;
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

void Service::answered(Request& request) {
  if (request.peer == Request::kNone) return;
  breaker_of(peers_[request.peer]).answered(request.pass);
}

Notices Service::report(Request& request, const breaker::Judgement& judgement, base::Instant now) {
  Notices notices;
  if (request.peer == Request::kNone) return notices;
  const std::uint32_t peer = request.peer;
  request.peer = Request::kNone;
  PeerRecord& record = process_.record(peers_[peer]);
  switch (judgement.outcome) {
    case breaker::Outcome::kSuccess:
      record.counters.successes.fetch_add(1, std::memory_order_relaxed);
      break;
    case breaker::Outcome::kFailure:
      record.counters.failures.fetch_add(1, std::memory_order_relaxed);
      break;
    case breaker::Outcome::kNeutral:
      record.counters.neutral.fetch_add(1, std::memory_order_relaxed);
      if (request.attempts != 0) --request.attempts;
      break;
  }
  const auto transition =
      breaker_of(peers_[peer]).report(request.pass, judgement, now, process_.random());
  if (transition) notices.add(image_.first_peer + peer, *transition);
  // A probe that decided nothing has left a place: that, too, every generation has to hear of.
  if (transition || request.pass.probe()) changed(now);
  // Last, so that whoever sees nothing in flight sees all outcomes.
  process_.in_flight(record).fetch_sub(1);
  return notices;
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
bool Service::take(Request& request, std::uint32_t peer, const breaker::Pass& pass) {
  const PeerImage& image = peers_[peer];
  PeerRecord& record = process_.record(image);
  auto& mine = process_.in_flight(record);
  balance::Standing standing{
      .admitted = true, .tried = was_tried(request, peer), .max_conns = image.max_conns};
  mine.fetch_add(1);
  if (image.max_conns != 0) standing.in_flight = process_.zone().in_flight(record.rank) - 1;
  if (!balance::eligible(standing)) {
    mine.fetch_sub(1);
    return false;
  }
  record.counters.requests.fetch_add(1, std::memory_order_relaxed);
  request.peer = peer;
  request.pass = pass;
  request.tried[request.attempts++] = peer;
  return true;
}

bool Service::try_peer(Request& request, std::uint32_t peer, bool& stale) {
  const auto pass = breaker_of(peers_[peer]).admit();
  if (!pass) {
    stale = true;  // it stands in the line-up and should not
    return false;
  }
  return take(request, peer, *pass);
}

// Lets the request be a probe, where a peer that is out may have one. Costs one look at a word
// while nobody is due.
bool Service::offer_probe(Request& request, base::Instant now, Notices& notices, bool& stale) {
  balance::Roster roster = generation_.roster(image_);
  const balance::Due seen = roster.due();
  if (now < seen.at()) return false;
  const balance::Entries out = roster.lineup().out;
  base::Instant due = balance::Due::kNever;
  for (std::uint32_t i = 0; i < out.size(); ++i) {
    if (notices.full()) return false;  // the rest is looked at by the next
    const std::uint32_t peer = out[i];
    breaker::Breaker breaker = breaker_of(peers_[peer]);
    if (was_tried(request, peer)) {
      due = std::min(due, breaker.due(process_.zone().owners(), now));
      continue;
    }
    const auto probing =
        breaker.probe(process_.self(), process_.zone().owners(), now, process_.random());
    if (probing.transition) notices.add(image_.first_peer + peer, *probing.transition);
    if (probing.pass) {
      if (take(request, peer, *probing.pass)) return true;
      breaker.report(*probing.pass, {}, now, process_.random());
      due = std::min(due, now);
    } else if (breaker.state() == breaker::State::kClosed) {
      stale = true;
    } else {
      due = std::min(due, probing.due);
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
  if (lineup.out.size() != 0) {
    const base::Millis probe = std::max<base::Millis>(1, base::elapsed(now, roster.due().at()));
    wait = wait == 0 ? probe : std::min(wait, probe);
  }
  return wait;
}

// A peer changed sides, or was found on the wrong one: every generation's roster of this service
// is stale from here on.
void Service::changed(base::Instant now) {
  record_.changes.fetch_add(1);
  refresh(now);
}

void Service::refresh(base::Instant now) {
  balance::Roster roster = generation_.roster(image_);
  for (int i = 0; i < kRebuilds; ++i) {
    const std::uint64_t changes = record_.changes.load(std::memory_order_acquire);
    if (roster.version() == changes + 1) return;
    const base::Instant claim = roster.claim(now);
    if (claim == 0) return;  // somebody is at it; until then the old image serves
    rebuild(changes, claim, now);
  }
}

void Service::rebuild(std::uint64_t changes, base::Instant claim, base::Instant now) {
  balance::Roster roster = generation_.roster(image_);
  const balance::Due seen = roster.due();
  const balance::Roster::Draft draft = roster.draft();
  const base::Owners owners = process_.zone().owners();
  balance::RosterRoom lengths;
  base::Instant due = balance::Due::kNever;
  process_.primaries().clear();
  process_.backups().clear();
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    const PeerImage& peer = peers_[i];
    if (peer.down) continue;
    const breaker::Breaker breaker = breaker_of(peer);
    if (breaker.state() != breaker::State::kClosed) {
      draft.out[lengths.out++].store(i, std::memory_order_relaxed);
      due = std::min(due, breaker.due(owners, now));
    } else {
      (peer.backup ? process_.backups() : process_.primaries()).push_back({i, peer.share});
    }
  }
  lengths.primary = static_cast<std::uint32_t>(balance::smooth_order(
      process_.primaries(), {draft.primary, image_.room.primary}, process_.bench()));
  lengths.backup = static_cast<std::uint32_t>(balance::smooth_order(
      process_.backups(), {draft.backup, image_.room.backup}, process_.bench()));
  roster.publish(draft, lengths, changes + 1, seen, due, claim);
}

}  // namespace kerberos::service
