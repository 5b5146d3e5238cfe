// SPDX-License-Identifier: MIT
#include "sim/checks.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/expect.h"

namespace kerberos::sim {
namespace {

using breaker::Cause;
using breaker::Mode;
using breaker::Reason;

constexpr Millis kOverflowPause = 1'000;

bool blames_request(const Judgement& judgement) {
  return judgement.outcome == breaker::Outcome::kFailure &&
         (judgement.cause == Cause::kClosed || judgement.cause == Cause::kReset ||
          judgement.cause == Cause::kResponseTimeout || judgement.cause == Cause::kInvalidHeader);
}

std::uint32_t count_held(const ServicePlan& service) {
  return static_cast<std::uint32_t>(std::ranges::count_if(
      service.peers, [](const PeerPlan& peer) { return !peer.down && peer.model->held; }));
}

std::string words(const std::optional<breaker::Tally>& tally) {
  if (!tally) return "nothing known";
  return text_of(tally->attempts, " attempts, ", tally->failures, " failed, ", tally->slow,
                 " slow");
}

}  // namespace

// Not by configuration, nor because of this request, nor for want of a place.
bool Checks::within_reach(const Journey& journey, std::uint32_t number) const {
  const PeerPlan& peer = journey.plan().peers[number];
  if (peer.down || std::ranges::find(journey.tried, number) != journey.tried.end()) return false;
  const std::uint32_t in_flight = peer.model->in_flight + peer.model->unburied;
  return peer.max_conns == 0 || in_flight < peer.max_conns;
}

bool Checks::could_serve(const Journey& journey, std::uint32_t number, bool panic,
                         Instant now) const {
  const PeerPlan& peer = journey.plan().peers[number];
  if (!within_reach(journey, number)) return false;
  if (!peer.model->shut(peer.options, now)) return true;
  return panic && !peer.backup && peer.model->lets_in_for_panic(now);
}

bool Checks::panics(const ServicePlan& service, Instant now) const {
  std::size_t primaries = 0;
  std::size_t in = 0;
  for (const PeerPlan& peer : service.peers) {
    if (peer.down) continue;
    const bool is_in = !peer.model->shut(peer.options, now);
    if (peer.backup && is_in) return false;
    if (peer.backup) continue;
    ++primaries;
    if (is_in) ++in;
  }
  return in * 100 < primaries * service.panic_percent;
}

// Whether an order is over for a process whose clock is ahead, and still in force for this one:
// they do not agree then who is in.
bool Checks::meets_ended_order(const ServicePlan& service, Instant latest, Instant now) {
  if (now >= latest) return false;
  return std::ranges::any_of(service.peers, [&](const PeerPlan& peer) {
    return peer.model->forced_way(now) != breaker::Way::kNone && peer.model->forced.until <= latest;
  });
}

void Checks::opened(Journey& journey) {
  Worker& worker = *journey.worker;
  journey.whole = worker.plan;
  journey.generation = worker.plan->generation;
  ++worker.held[journey.generation];
  ++journey.plan().model->requests;
  found(journey);
}

void Checks::found(Journey& journey) {
  Worker& worker = *journey.worker;
  if (!worker.held.contains(journey.generation)) {
    ++carried_;
    const ServiceModel* model = journey.plan().model;
    const std::shared_ptr<Plan> former = std::exchange(journey.whole, worker.plan);
    const auto& services = journey.whole->services;
    const auto same = std::ranges::find(services, model, &ServicePlan::model);
    journey.service = static_cast<std::uint32_t>(same - services.begin());
    journey.generation = journey.whole->generation;
    ++worker.held[journey.generation];
    journey.tried.clear();
    if (journey.peer != nullptr && journey.gone == nullptr) {
      const auto known = same->index.find(journey.peer->model);
      if (known == same->index.end()) {
        journey.gone = former;
        ++gone_;
      } else {
        journey.peer = &journey.plan().peers[known->second];
      }
    }
  }
  const service::Request& request = journey.request;
  expect_equal(request.generation, journey.generation, "generation of a request");
  expect_equal(request.service, journey.service, "service of a request in generation ",
               journey.generation);
  expect_equal(request.attempts, journey.attempts, "attempts of a request");
  std::uint32_t peer = service::Request::kNone;
  if (journey.gone != nullptr) {
    peer = service::Request::kGone;
  } else if (journey.peer != nullptr) {
    peer = static_cast<std::uint32_t>(journey.peer - journey.plan().peers.data());
  }
  expect_equal(request.peer, peer, "peer of an attempt in generation ", journey.generation);
}

void Checks::closed(Journey& journey) {
  journey.worker->leave(journey.generation);
  world_.compare_pins(*journey.worker);
}

// The request goes to a peer of the generation that is held for it, and of no other.
void Checks::check_address(const Journey& journey) const {
  const service::GenerationView view(world_.zone().find(journey.generation));
  const auto& image = view.peers(view.services()[journey.request.service])[journey.request.peer];
  const PeerModel& model = *journey.plan().peers[journey.request.peer].model;
  const std::string address(view.text(image.address));
  expect(model.name.ends_with("/" + address), model.name, ": picked, and a request went to ",
         address);
  expect_equal(image.rank, model.record->rank, model.name, ": rank");
  expect_equal(journey.request.rank, model.record->rank, model.name, ": rank of an attempt");
}

void Checks::follow_notices(const Journey& journey, const service::Notices& notices, Instant now) {
  ServicePlan& service = journey.plan();
  std::vector<PeerModel*> touched;
  for (const service::Notice& notice : notices.all()) {
    const std::uint32_t number = notice.peer - service.first_peer;
    expect(number < service.peers.size(), "a notice of another service's peer");
    touched.push_back(service.peers[number].model);
  }
  std::erase_if(world_.leased, [](const PeerModel* peer) { return peer->leases.empty(); });
  for (PeerModel* peer : world_.leased) {
    if (std::ranges::find(touched, peer) == touched.end()) touched.push_back(peer);
  }
  std::vector<const PeerModel*> done;
  for (PeerModel* model : touched) {
    const auto known = service.index.find(model);
    if (known == service.index.end() || std::ranges::find(done, model) != done.end()) continue;
    done.push_back(model);
    std::vector<breaker::Transition> told;
    for (const service::Notice& notice : notices.all()) {
      if (notice.peer - service.first_peer == known->second) told.push_back(notice.transition);
    }
    model->follow_look(told, service.peers[known->second].options, world_.lives(), now);
  }
}

void Checks::picked(Journey& journey, const service::Pick& pick, Instant now) {
  ServicePlan& service = journey.plan();
  PeerPlan* peer = pick.picked ? &service.peers[journey.request.peer] : nullptr;
  const bool was_open = peer != nullptr && peer->model->state == State::kOpen;
  const Instant due_since = peer != nullptr ? peer->model->until : 0;
  follow_notices(journey, pick.notices, now);
  const Instant latest = service.model->latest;
  service.model->latest = std::max(latest, now);
  const bool disputed = meets_ended_order(service, latest, now);
  if (peer == nullptr) {
    if (journey.request.attempts == 0) ++service.model->rejected;
    if (!disputed) check_nobody(journey, pick, latest, now);
    return;
  }
  const breaker::Pass& pass = journey.request.pass;
  check_address(journey);
  check_pick(journey, pass, disputed, now);
  // Where a breaker closed in the same call, nobody else could serve when the probe was offered.
  const bool closed = std::ranges::any_of(pick.notices.all(), [](const service::Notice& notice) {
    return notice.transition.to == State::kClosed;
  });
  if (pass.probe() && !closed && !disputed) {
    check_politeness(journey, was_open ? due_since : peer->model->until, now);
  }
  journey.peer = peer;
  journey.attempt =
      peer->model->admitted(pass, journey.worker->self(), peer->options, world_.lives(), now);
  if (pass.probe()) world_.leased.push_back(peer->model);
  ++journey.attempts;
  journey.tried.push_back(journey.request.peer);
  journey.probed |= pass.probe();
  peer->model->compare();
  world_.compare_in_flight(*peer->model);
}

void Checks::check_pick(const Journey& journey, const breaker::Pass& pass, bool disputed,
                        Instant now) const {
  const ServicePlan& service = journey.plan();
  const std::uint32_t number = journey.request.peer;
  const PeerPlan& peer = service.peers[number];
  const PeerModel& model = *peer.model;
  expect(!peer.down, model.name, ": picked, and it is down");
  expect(within_reach(journey, number), model.name, ": picked, and was tried before or is full");
  if (pass.probe()) {
    expect(model.forced_way(now) == breaker::Way::kNone, model.name, ": probe of a forced peer");
    return;
  }
  const bool shut = model.shut(peer.options, now);
  if (shut) {
    expect(!peer.backup && model.lets_in_for_panic(now) && (disputed || panics(service, now)),
           model.name, ": picked, and it is out");
  }
  if (!peer.backup || disputed) return;
  const bool panic = panics(service, now);
  for (std::uint32_t i = 0; i < service.peers.size(); ++i) {
    const PeerPlan& other = service.peers[i];
    if (other.backup || !could_serve(journey, i, panic, now)) continue;
    const bool spared =
        other.options.mode == Mode::kEnforce && other.model->ramping(other.options, now);
    expect(spared, model.name, ": a backup was picked before ", other.model->name);
  }
}

// A request that cannot be replayed is a probe only after a while, or where nobody else is left;
// and no request is a probe again after it was tried while others can serve it.
void Checks::check_politeness(const Journey& journey, Instant due_since, Instant now) const {
  const ServicePlan& service = journey.plan();
  const PeerPlan& peer = service.peers[journey.request.peer];
  if (peer.options.mode != Mode::kEnforce) return;
  if (journey.attempts == 0 && journey.replayable) return;
  if (!journey.probed && base::elapsed(due_since, now) >= peer.options.probe_grace) return;
  const bool panic = panics(service, now);
  for (std::uint32_t i = 0; i < service.peers.size(); ++i) {
    if (i == journey.request.peer || !could_serve(journey, i, panic, now)) continue;
    throw Violation(text_of(peer.model->name, ": was probed at the cost of a client, while ",
                            service.peers[i].model->name, " could serve"));
  }
}

// `latest` is what the latest clock said that was told to the service before. A process whose clock
// is behind it may find that nobody is due before then.
void Checks::check_nobody(const Journey& journey, const service::Pick& pick, Instant latest,
                          Instant now) const {
  if (journey.request.attempts == service::kAttemptsMax) return;
  const ServicePlan& service = journey.plan();
  const bool panic = panics(service, now);
  bool out = false;
  for (std::uint32_t i = 0; i < service.peers.size(); ++i) {
    const PeerPlan& peer = service.peers[i];
    const PeerModel& model = *peer.model;
    out |= !peer.down && model.shut(peer.options, now);
    expect(!could_serve(journey, i, panic, now), model.name,
           ": could have served, and nobody was picked");
    if (pick.notices.full() || now < latest || !within_reach(journey, i)) continue;
    expect(!model.probe_due(peer.options, world_.lives(), now), model.name,
           ": could have been probed, and nobody was picked");
  }
  expect_equal(pick.held_out, out, "whether somebody is held out");
  if (!pick.notices.full()) check_retry_after(journey, pick, latest, now);
}

void Checks::check_retry_after(const Journey& journey, const service::Pick& pick, Instant latest,
                               Instant now) const {
  Instant first = breaker::Forced::kForever;
  for (const PeerPlan& peer : journey.plan().peers) {
    if (peer.down || !peer.model->shut(peer.options, now)) continue;
    first = std::min(first, peer.model->next_probe(peer.options, world_.lives(), now));
  }
  if (first == breaker::Forced::kForever) return;
  const Millis wait = std::max<Millis>(1, std::max(first, latest) - now);
  expect(pick.retry_after > 0 && pick.retry_after <= wait, "a client was told to come back in ",
         pick.retry_after, " ms, and a probe may pass in ", wait, " ms");
}

void Checks::answered(Journey& journey, const Judgement& judgement, Instant now) {
  journey.peer->model->answered(journey.attempt, judgement, now);
  if (journey.attempt.probe) journey.peer->model->compare();
}

void Checks::reported(Journey& journey, const Judgement& judgement, const service::Ended& ended,
                      Instant now) {
  PeerPlan& peer = *journey.peer;
  ServiceModel& service = *journey.plan().model;
  service.latest = std::max(service.latest, now);
  Judgement wanted = judgement;
  if (blames_request(judgement)) {
    if (journey.broke_peer) wanted = {.cause = Cause::kCorrelated, .status = judgement.status};
    journey.broke_peer = true;
  }
  if (journey.attempt.overdue(now)) {
    wanted.outcome = breaker::Outcome::kFailure;
    wanted.cause = Cause::kProbeTimeout;
  }
  if (judgement.cause == Cause::kStale) {
    --journey.attempts;
    if (!journey.tried.empty()) journey.tried.pop_back();
  }
  expect(ended.judgement.outcome == wanted.outcome && ended.judgement.cause == wanted.cause,
         peer.model->name, ": judged otherwise");
  const Foreseen foreseen = peer.model->ended(journey.attempt, wanted, peer.options, now);
  check_trip(journey, peer, foreseen, ended.notices, now);
  peer.model->compare();
  world_.compare_in_flight(*peer.model);
  journey.peer = nullptr;
}

void Checks::reported_gone(Journey& journey, const Judgement& judgement, Instant now) {
  PeerModel& model = *journey.peer->model;
  model.ended(journey.attempt, judgement, {.mode = Mode::kOff}, now);
  model.compare();
  world_.compare_in_flight(model);
  journey.peer = nullptr;
  journey.gone.reset();
}

void Checks::check_trip(const Journey& journey, const PeerPlan& peer, Foreseen foreseen,
                        const service::Notices& notices, Instant now) {
  ServicePlan& service = journey.plan();
  PeerModel& model = *peer.model;
  const auto all = notices.all();
  expect(all.size() <= 1, model.name, ": two transitions at the end of an attempt");
  if (!all.empty()) {
    expect_equal(all[0].peer - service.first_peer,
                 static_cast<std::uint32_t>(&peer - service.peers.data()), "peer of a notice");
  }
  bool may_overflow = foreseen.capped && (foreseen.to || !foreseen.certain);
  if (now < service.model->full_until) {
    if (may_overflow) foreseen = {};
    may_overflow = false;
  }
  const bool full = count_held(service) >= service.held_max;
  if (may_overflow && full &&
      (foreseen.certain || model.record->breaker.overflow.load() != model.overflow)) {
    ++model.overflow;
    ++service.model->overflow;
    service.model->full_until = now + kOverflowPause;
    foreseen = {};
  }
  if (foreseen.certain) {
    if (all.empty() == foreseen.to.has_value()) {
      const service::Zone& zone = world_.zone();
      const service::Offset at = model.record->window;
      auto* window = at == 0 ? nullptr : zone.at<breaker::WindowWords>(at);
      const auto view =
          breaker::Breaker(model.record->breaker, peer.options, window).view(zone.owners(), now);
      throw Violation(text_of(model.name, foreseen.to ? ": has to change" : ": must not change",
                              ", with ", foreseen.failures, " failures in a row, a window of ",
                              peer.options.window, " ms with ", words(foreseen.tally),
                              ", where the core says ", words(view.window), ", epoch ",
                              model.epoch));
    }
    if (all.empty()) return;
    const breaker::Transition& told = all[0].transition;
    expect(told.to == *foreseen.to, model.name, ": changes to another state");
    expect(told.reason == foreseen.reason, model.name, ": changes for another reason");
    expect_equal(told.failures, foreseen.failures, model.name, ": failures that were told");
    if (foreseen.tally) {
      expect(told.tally.attempts == foreseen.tally->attempts &&
                 told.tally.failures == foreseen.tally->failures &&
                 told.tally.slow == foreseen.tally->slow,
             model.name, ": the window holds ", words(told.tally), ", expected ",
             words(foreseen.tally));
    }
  }
  if (all.empty()) return;
  model.follow(all[0].transition, peer.options, now);
  if (foreseen.capped && model.state == State::kOpen) {
    expect(count_held(service) <= service.held_max, model.name, ": more are held than max_open");
  }
}

void Checks::log(Worker& worker, const service::Notice& notice) {
  const service::GenerationView& view = notice.generation;
  const service::PeerImage& image = view.peers()[notice.peer];
  breaker::Breaker(worker.process->record(image).breaker, view.options(image))
      .told(notice.transition.epoch);
  const ServicePlan& service = world_.plan(view.id()).services[image.service];
  service.peers[notice.peer - service.first_peer].model->logged = notice.transition.epoch;
}

void Checks::logged(Worker& worker, const service::Notices& notices) {
  for (const service::Notice& notice : notices.all()) log(worker, notice);
}

void Checks::orphans(Worker& worker) {
  for (const service::Notice& notice : worker.process->orphans()) {
    const auto& service =
        worker.plan->services[worker.process->generation().peers()[notice.peer].service];
    const PeerModel& model = *service.peers[notice.peer - service.first_peer].model;
    expect(model.logged != model.epoch, model.name, ": a transition was told twice");
    expect_equal(notice.transition.epoch, model.epoch, model.name, ": epoch of an orphan");
    expect(notice.transition.to == model.state, model.name, ": an orphan of another state");
    log(worker, notice);
  }
}

void Checks::forced(PeerPlan& peer, breaker::Forced forced) {
  peer.model->forced = forced;
  peer.model->compare();
}

}  // namespace kerberos::sim
