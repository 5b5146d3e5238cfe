// SPDX-License-Identifier: MIT
//
// Who is out, and when each of them may be probed: a tournament of due times, so that finding the
// one who is due costs the same with one peer out or ten thousand.
#include <algorithm>

#include "core/service/search.h"
#include "core/service/service.h"

namespace kerberos::service {
namespace {

// So many of those that are due are looked at for one request. More than a request can have tried.
constexpr std::uint32_t kLooks = 2 * kAttemptsMax;

}  // namespace

// Lets the request be a probe, where a peer that is out may have one. Costs one look at a word
// while nobody is due.
//
// A probe may fail, so it politely waits a while for a request that can be sent to another peer
// then, and asks no request twice. Where nobody else could serve, anyone will do.
bool Service::offer_probe(Search& search, Offer offer) {
  const base::Instant now = search.now;
  const Request& request = search.request;
  const base::Instant earliest = generation_.earliest_due(image_);
  if (now < earliest) return false;
  const DueTimes due = generation_.due(image_);
  const bool at_once = offer == Offer::kToAnyone || (request.replayable && request.attempts == 0) ||
                       generation_.roster(image_).lineup().empty();
  if (!at_once && request.probed) {
    search.withheld = true;
    return false;
  }
  // What a service says for all its peers, each of them says.
  const base::Instant bound = at_once ? now : now - generation_.options(peers_[0]).probe_grace;
  std::optional<std::uint32_t> peer = due.next(0, earliest);
  for (std::uint32_t i = 0; i < kLooks && peer; ++i) {
    if (search.result.notices.full()) return false;  // the rest is looked at by the next
    if (due.key(*peer) > bound) {
      search.withheld = true;
    } else if (!breaker_of(peers_[*peer]).shut(now)) {
      search.stale = true;
      note_due(*peer, now);
    } else if (!was_tried(request, *peer)) {
      if (try_probe(search, *peer)) return true;
      search.stale |= !breaker_of(peers_[*peer]).shut(now);
    }
    peer = due.next(*peer + 1, bound);
  }
  search.withheld |= !at_once && due.min() <= now;
  return false;
}

// Lets the request be a probe of that peer, and notes when to ask again.
bool Service::try_probe(Search& search, std::uint32_t peer) {
  breaker::Breaker breaker = breaker_of(peers_[peer]);
  const base::Instant now = search.now;
  const auto probing =
      breaker.probe(process_.self(), process_.zone().owners(), now, process_.random());
  if (probing.transition) {
    search.result.notices.add(generation_, image_.first_peer + peer, *probing.transition);
  }
  bool taken = false;
  if (probing.pass) {
    taken = take(search, peer, *probing.pass, false, 0);
    if (!taken) breaker.report(*probing.pass, {}, now, process_.random());
  }
  note_due(peer, now);
  return taken;
}

void Service::note_due(std::uint32_t peer, base::Instant now) {
  generation_.due(image_).update(peer, [&] { return due_of(peer, now); });
}

base::Instant Service::due_of(std::uint32_t peer, base::Instant now) const {
  const breaker::Breaker breaker = breaker_of(peers_[peer]);
  if (peers_[peer].down || !breaker.shut(now)) return DueTimes::kOut;
  return breaker.due(process_.zone().owners(), now);
}

}  // namespace kerberos::service
