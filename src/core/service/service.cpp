// SPDX-License-Identifier: MIT
#include "core/service/service.h"

#include <algorithm>

#include "core/balance/ring.h"
#include "core/service/search.h"

namespace kerberos::service {
namespace {

// A full peer frees a place whenever a request ends; a client that comes back in a second will
// most likely find one.
constexpr base::Millis kFullRetry = 1000;

}  // namespace

Service::Service(Process& process, GenerationView generation, std::uint32_t number)
    : process_(process),
      generation_(generation),
      image_(generation_.services()[number]),
      record_(process.record(image_)),
      peers_(generation_.peers(image_)) {}

void Service::open(Request& request, bool replayable, std::string_view key) {
  record_.counters.requests.fetch_add(1, std::memory_order_relaxed);
  process_.pins().enter();
  request.generation = generation_.id();
  request.service_hash = image_.name_hash;
  request.service_rank = image_.rank;
  request.attempts = 0;
  request.peer = Request::kNone;
  request.replayable = replayable;
  request.keyed = !key.empty();
  if (request.keyed) request.key = balance::hash_of(key);
}

Pick Service::pick(Request& request, base::Instant now) {
  Search search{request, now};
  Pick& result = search.result;
  if (request.attempts == kAttemptsMax) return result;
  refresh(now, Haste::kMayRest);
  result.picked = look(search);
  // Somebody was on the wrong side, and it may have been the one who could serve.
  if (!result.picked && search.stale) {
    changed(now, Haste::kAtOnce);
    result.picked = look(search);
  }
  if (!result.notices.all().empty() || search.stale) changed(now);
  if (!result.picked) {
    result.held_out = generation_.roster(image_).lineup().out != 0;  // as it is by now
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
  return process_.breaker(peer, generation_);
}

bool Service::was_tried(const Request& request, std::uint32_t peer) const {
  const auto* end = request.tried.begin() + request.attempts;
  return std::find(request.tried.begin(), end, peer) != end;
}

base::Millis Service::retry_after(base::Instant now) const {
  const balance::Lineup lineup = generation_.roster(image_).lineup();
  base::Millis wait = 0;
  // Without any peer at all its names have no answer yet, which may come at any moment.
  if (!lineup.empty() || image_.peers == 0) wait = kFullRetry;
  const base::Instant due = generation_.earliest_due(image_);
  if (lineup.out != 0 && due < balance::Roster::kForever) {
    const base::Millis probe = std::max<base::Millis>(1, base::elapsed(now, due));
    wait = wait == 0 ? probe : std::min(wait, probe);
  }
  return wait;
}

}  // namespace kerberos::service
