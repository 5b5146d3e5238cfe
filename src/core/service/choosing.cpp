// SPDX-License-Identifier: MIT
//
// Choosing a peer of those that are in: each method asks in its own order, all ask the same
// question.
#include <algorithm>

#include "core/balance/adaptive.h"
#include "core/balance/average.h"
#include "core/balance/eligible.h"
#include "core/balance/ewma.h"
#include "core/balance/hash.h"
#include "core/balance/least_conn.h"
#include "core/balance/random.h"
#include "core/balance/round_robin.h"
#include "core/service/search.h"
#include "core/service/service.h"

namespace kerberos::service {

using balance::Tier;
using balance::Turn;

bool Service::choose(Search& search) {
  balance::Lineup lineup = generation_.roster(image_).lineup();
  search.panic = lineup.panic;
  // Alone, a peer has nobody to leave a part of its share to.
  search.sparing = image_.usable >= lineup.out + 2;
  const auto draw = [&] {
    if (choose_from(search, lineup, Tier::kPrimary)) return true;
    // Somebody may have come back while the roster rested.
    if (refresh(search.now, Haste::kAtOnce)) {
      lineup = generation_.roster(image_).lineup();
      search.panic = lineup.panic;
      if (choose_from(search, lineup, Tier::kPrimary)) return true;
    }
    return choose_from(search, lineup, Tier::kBackup);
  };
  if (draw()) return true;
  if (!search.spared) return false;
  search.sparing = false;
  return draw();
}

bool Service::choose_from(Search& search, const balance::Lineup& lineup, Tier tier) {
  search.adapting = image_.balance.adaptive;
  search.adapted = false;
  if (ask(search, lineup, tier)) return true;
  // Better one that achieves less than a backup.
  search.adapting = false;
  return search.adapted && ask(search, lineup, tier);
}

bool Service::ask(Search& search, const balance::Lineup& lineup, Tier tier) {
  const balance::Entries& peers = lineup.of(tier);
  if (peers.size() == 0) return false;
  auto& turn =
      tier == Tier::kPrimary ? record_.counters.primary_turn : record_.counters.backup_turn;
  base::Pcg32& random = process_.random();
  const auto take = [&](std::uint32_t peer) { return try_peer(search, peer, 0); };
  const auto load = [&](std::uint32_t peer) { return load_of(peer); };
  const auto cost = [&](std::uint32_t peer) { return cost_of(peer, search.now); };
  switch (image_.balance.method) {
    case balance::Method::kRoundRobin:
      break;
    case balance::Method::kLeastConn: {
      struct Peers {
        Service& service;
        Search& search;
        balance::Load weigh(std::uint32_t peer) { return service.weigh(peer, search.now); }
        Turn take(std::uint32_t peer, std::uint64_t most) {
          return service.try_peer(search, peer, most);
        }
      };
      const auto loads = generation_.loads(image_, tier);
      return balance::least_conn(peers, turn, loads, Peers{*this, search}).has_value();
    }
    case balance::Method::kRandom:
      return balance::random(peers, random, load, take).has_value();
    case balance::Method::kEwma:
      return balance::ewma(peers, random, cost, take).has_value();
    case balance::Method::kHash: {
      if (!search.request.keyed) return balance::random(peers, random, load, take).has_value();
      const balance::Ring ring(
          peers.data(), image_.room.tiers[static_cast<std::size_t>(tier)].peers, peers.size());
      const auto take_bounded = [&](std::uint32_t peer) {
        return try_peer(search, peer, bound_of(lineup, tier, peer));
      };
      return balance::hash(ring, peers, search.request.key, take_bounded, take).has_value();
    }
  }
  return balance::round_robin(peers, turn, take).has_value();
}

// Takes the peer for the request, if it is eligible. `most`: how many requests it may have in
// flight for that, this one included; 0: the method does not mind.
Turn Service::try_peer(Search& search, std::uint32_t peer, std::uint64_t most) {
  const PeerImage& image = peers_[peer];
  const breaker::Breaker breaker = breaker_of(image);
  const breaker::Options& options = generation_.options(image);
  if (options.mode == breaker::Mode::kObserve && breaker.state() != breaker::State::kClosed) {
    // Nobody is kept out, so nobody is offered a probe: whoever comes by is one.
    if (!search.result.notices.full() && try_probe(search, peer)) return Turn::kTaken;
  }
  auto pass = breaker.admit(search.now);
  if (!pass && search.panic && !image.backup) pass = breaker.admit_held(search.now);
  if (!pass) {
    search.stale = true;  // it stands in the line-up and should not
    return Turn::kRefused;
  }
  // Whoever comes back and achieves less is not punished twice.
  const std::uint32_t coming =
      search.sparing && options.ramp != 0 ? breaker.ramp_percent(search.now) : 100;
  const std::uint32_t achieving = search.adapting ? factor_of(image) : 100;
  const std::uint32_t percent = std::min(coming, achieving);
  const bool spared = percent < 100 && process_.random().below(100) >= percent;
  (coming <= achieving ? search.spared : search.adapted) |= spared;
  if (take(search, peer, *pass, spared, most)) return Turn::kTaken;
  if (spared) return Turn::kSpared;
  return search.crowded ? Turn::kCrowded : Turn::kRefused;
}

// The place is counted before it is checked, so that workers that hurry together can be refused,
// but never exceed a limit.
bool Service::take(Search& search, std::uint32_t peer, const breaker::Pass& pass, bool spared,
                   std::uint64_t most) {
  Request& request = search.request;
  const PeerImage& image = peers_[peer];
  PeerRecord& record = process_.record(image);
  balance::Standing standing{
      .admitted = true, .tried = was_tried(request, peer), .spared = spared, .limit = most};
  if (image.max_conns != 0 && (most == 0 || image.max_conns < most))
    standing.limit = image.max_conns;
  begin(request, image);
  if (standing.limit != 0) standing.in_flight = process_.zone().in_flight(image.rank) - 1;
  const bool taken = balance::eligible(standing);
  standing.limit = image.max_conns;
  search.crowded = !taken && balance::eligible(standing);
  if (taken) {
    record.counters.requests.fetch_add(1, std::memory_order_relaxed);
    request.peer = peer;
    request.pass = pass;
    request.probed |= pass.probe();
    request.tried[request.attempts++] = peer;
  } else {
    end(request);
  }
  if (image_.balance.ranks()) weigh(peer, search.now);
  return taken;
}

std::uint32_t Service::factor_of(const PeerImage& peer) const {
  const auto& word = process_.record(peer).pace.factor;
  return balance::Factor::unpack(word.load(std::memory_order_relaxed)).percent;
}

balance::Load Service::load_of(std::uint32_t peer) const {
  const PeerImage& image = peers_[peer];
  return {process_.zone().in_flight(image.rank), image.weight};
}

// Of a peer of which nothing is known, what its service does on average is expected.
float Service::cost_of(std::uint32_t peer, base::Instant now) const {
  const balance::Peak latency(process_.record(peers_[peer]).pace.peak);
  const balance::Average usual(record_.counters.latency);
  return balance::ewma_cost(latency.decayed(now, balance::kEwmaDecay, usual.value().value_or(0.0F)),
                            load_of(peer));
}

// How many requests a peer may have in flight where its service's method has a bound; 0: none.
std::uint64_t Service::bound_of(const balance::Lineup& lineup, Tier tier,
                                std::uint32_t peer) const {
  const std::uint32_t percent = image_.balance.bounded_percent;
  if (percent == 0) return 0;
  return balance::bounded_most(process_.zone().in_flight(image_.rank),
                               lineup.weights[static_cast<std::size_t>(tier)], peers_[peer].weight,
                               percent);
}

// An attempt on the peer is in flight. Only a bound wants to know of how many on all peers
// together.
void Service::begin(Request& request, const PeerImage& peer) {
  request.rank = peer.rank;
  request.counted = image_.balance.bounded_percent != 0;
  request.record = peer.record;
  process_.use(peer.rank).in_flight.fetch_add(1);
  if (request.counted) process_.use(request.service_rank).in_flight.fetch_add(1);
  // Who works on another generation ranks its peers by itself, and has to hear of it.
  if (process_.outdated(generation_)) record_.changes.fetch_add(1);
}

void Service::end(Request& request) {
  count_out(process_, request);
  if (process_.outdated(generation_)) record_.changes.fetch_add(1);
}

void count_out(Process& process, Request& request) {
  process.use(request.rank).in_flight.fetch_sub(1);
  if (request.counted) process.use(request.service_rank).in_flight.fetch_sub(1);
}

}  // namespace kerberos::service
