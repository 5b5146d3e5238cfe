// SPDX-License-Identifier: MIT
#include "sim/simulation.h"

#include <algorithm>
#include <cstdio>

#include "core/service/carry_over.h"
#include "sim/expect.h"

namespace kerberos::sim {
namespace {

constexpr Millis kTick = 500;
constexpr Millis kLongest = 12'000;  // an attempt takes no longer than that
constexpr Millis kLasting = 60'000;  // unless it is one that lasts, as a WebSocket does

}  // namespace

template <class... Parts>
void Simulation::trace(const Parts&... parts) {
  if (!trace_) return;
  std::fprintf(stderr, "%6llu %9lld  %s\n", static_cast<unsigned long long>(step_),
               static_cast<long long>(world_.now), text_of(parts...).c_str());
}

Simulation::Simulation(std::uint64_t seed, bool trace)
    : dice_(seed),
      scale_(scale_of(seed, dice_)),
      world_(dice_, scale_),
      checks_(world_),
      trace_(trace) {
  const auto maybe = [&](std::uint32_t percent, Millis least, Millis most) {
    return dice_.chance(percent) ? dice_.scaled(least, most) : 0;
  };
  rates_.arrival = scale_.peers > 100 ? dice_.span(1, 3) : dice_.scaled(2, 60);
  rates_.pause = maybe(50, 500, 20'000);
  rates_.crash = maybe(60, 500, 20'000);
  rates_.reload = maybe(60, scale_.peers > 1'000 ? 8'000 : 1'500, 20'000);
  rates_.change = maybe(70, scale_.peers > 1'000 ? 4'000 : 150, 8'000);
  rates_.force = maybe(30, 500, 10'000);
  rates_.replayable_percent = dice_.chance(30) ? dice_.below(2) * 100 : dice_.below(101);
  rates_.poison_percent = dice_.chance(40) ? dice_.below(15) : 0;
  rates_.impatient_percent = dice_.below(10);
  rates_.adopt_percent = dice_.chance(60) ? 100 : dice_.number(1, 99);
  rates_.lasting_percent = dice_.chance(60) ? dice_.number(1, 15) : 0;
  again(rates_.arrival, What::kArrival);
  again(rates_.pause, What::kPause);
  again(rates_.crash, What::kCrash);
  again(rates_.reload, What::kReload);
  again(rates_.change, What::kChange);
  again(rates_.force, What::kForce);
  schedule(world_.now + kTick, What::kTick);
}

void Simulation::schedule(Instant at, What what, std::uint32_t whom, std::uint64_t serial) {
  events_.push({at, ++order_, what, whom, serial});
}

void Simulation::again(Millis rate, What what) {
  if (rate != 0) schedule(world_.now + dice_.span(0, 2 * rate), what);
}

void Simulation::run() {
  const std::uint64_t every = std::max<std::size_t>(64, world_.peers().size());
  while (step_ < scale_.steps) {
    advance();
    if (step_ % every == 0) world_.compare_all();
  }
  world_.compare_all();
  live_on();
  check_end();
}

void Simulation::advance() {
  const Event event = events_.top();
  events_.pop();
  world_.now = std::max(world_.now, event.at);
  ++step_;
  if (event.what != What::kAnswered && event.what != What::kEnd) return befall(event);
  Journey& journey = journeys_[event.whom];
  if (!journey.active || journey.serial != event.serial) return;
  if (journey.worker->paused_until > world_.now) {
    return schedule(journey.worker->paused_until, event.what, event.whom, event.serial);
  }
  if (event.what == What::kAnswered) return answered(journey);
  end(event.whom);
}

void Simulation::befall(const Event& event) {
  switch (event.what) {
    case What::kArrival:
      if (closed_) return;
      // Now and then nothing happens for long: records may be forgotten, windows run empty.
      again(!healing_ && dice_.below(2'000) == 0 ? 600'000 : rates_.arrival, What::kArrival);
      return arrive();
    case What::kTick:
      schedule(world_.now + kTick, What::kTick);
      return tick();
    case What::kRestart:
      trace("restart of slot ", event.whom);
      return world_.restart(event.whom);
    default:
      break;
  }
  if (healing_) return;
  switch (event.what) {
    case What::kPause:
      again(rates_.pause, What::kPause);
      return pause();
    case What::kCrash:
      again(rates_.crash, What::kCrash);
      return crash();
    case What::kForce:
      again(rates_.force, What::kForce);
      return force();
    case What::kReload:
      return reload();
    case What::kChange:
      return change();
    case What::kPublish:
      trace("the reload is in force");
      reloading_ = false;
      return world_.publish();
    default:
      break;
  }
}

void Simulation::reload() {
  again(rates_.reload, What::kReload);
  if (reloading_) return;
  trace("reload");
  world_.prepare();
  // What it has built stays until the next one, if it fails now.
  if (dice_.chance(25)) return trace("the reload fails");
  reloading_ = true;
  schedule(world_.now + (dice_.chance(50) ? 0 : dice_.scaled(1, 2'000)), What::kPublish);
}

// The registry has changed, and one of the workers of the configuration in force has seen it.
void Simulation::change() {
  again(rates_.change, What::kChange);
  Worker* leader = any_worker();
  if (leader == nullptr || leader->plan->lineage != world_.current().lineage) return;
  const bool dies = rates_.crash != 0 && dice_.chance(3);
  if (!world_.change(dies)) return trace("a change finds no room");
  trace("change by slot ", leader->slot, ", now generation ", world_.current().generation);
  if (dies) crash(*leader);
}

void Simulation::adopt(Worker& worker) {
  if (!world_.adopt(worker)) return;
  ++adoptions_;
  trace("slot ", worker.slot, " adopts ", worker.plan->generation);
}

Worker* Simulation::any_worker() {
  std::vector<Worker*> able;
  for (auto& worker : world_.workers()) {
    if (worker->alive() && worker->paused_until <= world_.now) able.push_back(worker.get());
  }
  if (able.empty()) return nullptr;
  return able[dice_.below(static_cast<std::uint32_t>(able.size()))];
}

void Simulation::tick() {
  world_.dismiss();
  Worker* worker = any_worker();
  if (worker == nullptr) return;
  if (!healing_ && rates_.crash != 0 && dice_.chance(1)) {
    world_.seek(*worker);
    return crash(*worker);
  }
  for (auto& other : world_.workers()) {
    if (other->alive() && other->paused_until <= world_.now && dice_.chance(50)) adopt(*other);
  }
  if (dice_.chance(50)) {
    world_.bury(*worker);
    checks_.orphans(*worker);
  }
  if (dice_.chance(20)) world_.sweep();
  if (dice_.chance(2)) world_.forget_history();
}

void Simulation::pause() {
  Worker* worker = any_worker();
  if (worker == nullptr) return;
  worker->paused_until = world_.now + dice_.scaled(20, 20'000);
  // It may have been stopped with events in hand, for which it asks no clock again.
  if (dice_.chance(50)) worker->stale_clock = std::max(worker->last, world_.now + worker->skew);
  trace("slot ", worker->slot, " stops for ", worker->paused_until - world_.now, " ms");
}

void Simulation::crash() {
  if (Worker* worker = any_worker()) crash(*worker);
}

bool Simulation::log(Worker& worker, const service::Notices& notices) {
  if (!notices.all().empty() && !healing_ && rates_.crash != 0 && dice_.chance(2)) {
    crash(worker);
    return false;
  }
  checks_.logged(worker, notices);
  return true;
}

void Simulation::crash(Worker& worker) {
  std::vector<PeerModel*> in_flight;
  for (std::uint32_t i = 0; i < journeys_.size(); ++i) {
    Journey& journey = journeys_[i];
    if (!journey.active || journey.worker != &worker) continue;
    if (journey.peer != nullptr) in_flight.push_back(journey.peer->model);
    free_.push_back(i);
    finish(journey);
  }
  trace("slot ", worker.slot, " crashes with ", in_flight.size(), " attempts in flight");
  world_.crash(worker, in_flight);
  if (worker.quits_at == 0) {
    schedule(world_.now + dice_.scaled(1, 2'000), What::kRestart, worker.slot);
  }
}

void Simulation::force() {
  Worker* worker = any_worker();
  if (worker == nullptr) return;
  const auto service = dice_.below(static_cast<std::uint32_t>(worker->plan->services.size()));
  const auto& peers = worker->plan->services[service].peers;
  breaker::Forced forced;
  forced.way = static_cast<breaker::Way>(dice_.below(3));
  if (dice_.chance(70)) forced.until = world_.now + dice_.scaled(10, 10'000);
  if (forced.way == breaker::Way::kNone) forced = {};
  force(*worker, service, dice_.below(static_cast<std::uint32_t>(peers.size())), forced);
}

void Simulation::force(Worker& worker, std::uint32_t service, std::uint32_t peer,
                       breaker::Forced forced) {
  PeerPlan& plan = worker.plan->services[service].peers[peer];
  trace(plan.model->name, " is forced ", static_cast<int>(forced.way), " until ", forced.until);
  service::Service(*worker.process, service).force(peer, forced, worker.clock(world_.now));
  checks_.forced(plan, forced);
}

void Simulation::arrive() {
  Worker* worker = any_worker();
  if (worker == nullptr || worker->quits(world_.now)) return;
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(journeys_.size()));
    journeys_.emplace_back();
  }
  const std::uint32_t number = free_.back();
  free_.pop_back();
  Journey& journey = journeys_[number];
  journey = {};
  journey.active = true;
  journey.serial = ++serial_;
  journey.worker = worker;
  ++worker->busy;
  if (dice_.chance(rates_.adopt_percent)) adopt(*worker);
  const auto services = static_cast<std::uint32_t>(worker->plan->services.size());
  journey.service = dice_.below(services);
  journey.replayable = dice_.chance(rates_.replayable_percent);
  journey.tries = dice_.chance(50) ? 40 : dice_.number(1, 4);
  if (!healing_ && dice_.chance(rates_.poison_percent)) {
    journey.poison = static_cast<Poison>(dice_.number(1, 4));
  }
  journey.leaves_at = world_.now + (dice_.chance(rates_.impatient_percent) ? dice_.scaled(1, 4'000)
                                                                           : 10 * kLongest);
  journey.lasting = !healing_ && dice_.chance(rates_.lasting_percent);
  journey.request.service = journey.service;
  const std::string key = dice_.chance(90) ? std::to_string(dice_.below(40)) : std::string();
  service::Service(*worker->process, journey.service)
      .open(journey.request, journey.replayable, key);
  checks_.opened(journey);
  attempt(number);
}

void Simulation::attempt(std::uint32_t number) {
  Journey& journey = journeys_[number];
  Worker& worker = *journey.worker;
  const Instant clock = worker.clock(world_.now);
  const auto pick = service_of(journey).pick(journey.request, clock);
  if (trace_) {
    const auto* peer =
        pick.picked ? &journey.plan().peers[journey.request.peer].model->name : nullptr;
    trace("slot ", worker.slot, " at ", clock, " request ", journey.serial, " picks ",
          peer != nullptr ? *peer : "nobody",
          pick.picked && journey.request.pass.probe() ? " as a probe" : "", " retry after ",
          pick.retry_after);
    for (const auto& notice : pick.notices.all()) {
      trace("    peer ", notice.peer, " ", static_cast<int>(notice.transition.from), " -> ",
            static_cast<int>(notice.transition.to));
    }
  }
  checks_.picked(journey, pick, clock);
  if (!log(worker, pick.notices)) return;
  if (!pick.picked) return close(number);
  journey.began = world_.now;
  journey.fate = journey.peer->machine->serve(world_.now, journey.poison, dice_);
  Fate& fate = journey.fate;
  const Options& options = journey.peer->options;
  // A probe that can be replayed is not waited for any longer than its lease.
  const bool cut = journey.attempt.probe && journey.replayable &&
                   options.mode == breaker::Mode::kEnforce &&
                   (fate.header < 0 ? fate.end : fate.header) > options.probe_timeout;
  if (cut) {
    fate = {};
    fate.evidence.freed = breaker::Freed::kFailed;
    fate.evidence.request_sent = fate.evidence.read_timed_out = true;
    fate.end = options.probe_timeout;
  }
  if (journey.lasting && fate.evidence.freed == breaker::Freed::kDone && fate.header >= 0) {
    fate.end += dice_.scaled(1'000, kLasting);
  }
  const Instant end = std::min(world_.now + fate.end, std::max(journey.leaves_at, world_.now));
  if (fate.header >= 0 && world_.now + fate.header < end) {
    schedule(world_.now + fate.header, What::kAnswered, number, journey.serial);
  }
  schedule(end, What::kEnd, number, journey.serial);
}

void Simulation::answered(Journey& journey) {
  Worker& worker = *journey.worker;
  service::Service service = service_of(journey);
  if (journey.gone != nullptr) return;
  breaker::Evidence evidence = journey.fate.evidence;
  evidence.freed = breaker::Freed::kDone;
  evidence.finalize = 0;
  evidence.duration = journey.fate.header;
  const Judgement judgement = breaker::judge(evidence, service.options(journey.request));
  const Instant clock = worker.clock(world_.now);
  service.answered(journey.request, judgement, clock);
  checks_.answered(journey, judgement, clock);
}

void Simulation::end(std::uint32_t number) {
  Journey& journey = journeys_[number];
  Worker& worker = *journey.worker;
  const Fate& fate = journey.fate;
  breaker::Evidence evidence = fate.evidence;
  const Millis took = world_.now - journey.began;
  evidence.duration = fate.header >= 0 ? std::min(fate.header, took) : took;
  const bool left = world_.now >= journey.leaves_at && took < fate.end;
  if (left) {
    const bool begun = fate.header >= 0 && fate.header < took;
    evidence = {.finalize = 499,
                .finalized = true,
                .status = begun ? fate.evidence.status : 0,
                .header_received = begun,
                .header_sent = begun,
                .request_sent = true,
                .client_gone = true,
                .duration = evidence.duration};
  }
  service::Service service = service_of(journey);
  const bool may_go_on = !left && evidence.freed != breaker::Freed::kDone &&
                         (journey.replayable || !evidence.request_sent);
  const Instant clock = worker.clock(world_.now);
  if (journey.gone != nullptr) {
    const Judgement judgement = breaker::judge(evidence, Options());
    trace("slot ", worker.slot, " at ", clock, " request ", journey.serial, " ends on ",
          journey.peer->model->name, ", which is gone");
    service::end_gone(*worker.process, journey.request, judgement, clock);
    checks_.reported_gone(journey, judgement, clock);
    return go_on(number, may_go_on);
  }
  const Judgement judgement = breaker::judge(evidence, service.options(journey.request));
  const PeerModel& model = *journey.peer->model;
  const auto ended = service.report(journey.request, judgement, clock);
  if (trace_) {
    trace("slot ", worker.slot, " at ", clock, " request ", journey.serial, " ends on ", model.name,
          journey.attempt.probe ? " (probe): " : ": ",
          judgement.outcome == breaker::Outcome::kSuccess ? "success" : name_of(judgement.cause),
          judgement.slow ? ", slow" : "");
    for (const auto& notice : ended.notices.all()) {
      trace("    peer ", notice.peer, " ", static_cast<int>(notice.transition.from), " -> ",
            static_cast<int>(notice.transition.to));
    }
  }
  checks_.reported(journey, judgement, ended, clock);
  if (!log(worker, ended.notices)) return;
  go_on(number, may_go_on);
}

// Sends the request to another peer, where that may be and there is one.
void Simulation::go_on(std::uint32_t number, bool may) {
  Journey& journey = journeys_[number];
  if (may && --journey.tries != 0 && service_of(journey).has_other(journey.request)) {
    return attempt(number);
  }
  close(number);
}

service::Service Simulation::service_of(Journey& journey) {
  const auto service = service::service_of(*journey.worker->process, journey.request);
  expect(service.has_value(), "the service of a request is gone");
  checks_.found(journey);
  return *service;
}

void Simulation::close(std::uint32_t number) {
  Journey& journey = journeys_[number];
  service::close(*journey.worker->process, journey.request);
  checks_.closed(journey);
  free_.push_back(number);
  finish(journey);
}

void Simulation::finish(Journey& journey) {
  journey.active = false;
  journey.peer = nullptr;
  journey.gone.reset();
  journey.whole.reset();
  --journey.worker->busy;
}

const PeerPlan* Simulation::still_out() const {
  for (const ServicePlan& service : world_.current().services) {
    for (const PeerPlan& peer : service.peers) {
      // Nobody sends requests to a backup, or to one that did badly, for a breaker's sake that
      // keeps nobody out.
      const bool met =
          peer.options.mode == breaker::Mode::kObserve && !peer.backup && !service.learns;
      const bool looked_after = peer.options.mode == breaker::Mode::kEnforce || met;
      if (!peer.down && looked_after && peer.model->state != State::kClosed) return &peer;
    }
  }
  return nullptr;
}

// All is well again: so must every breaker be, after a while.
void Simulation::live_on() {
  healing_ = true;
  world_.heal();
  trace("all is well again");
  for (auto& worker : world_.workers()) worker->paused_until = worker->stale_clock = 0;
  Worker* found = nullptr;  // one that knows all peers there are
  while ((found = any_worker()) == nullptr || found->plan.get() != &world_.current()) advance();
  Worker& worker = *found;
  std::uint32_t service = 0;
  Millis longest = 0;
  Millis turns = 0;
  for (const ServicePlan& plan : worker.plan->services) {
    for (std::uint32_t i = 0; i < plan.peers.size(); ++i) {
      if (plan.peers[i].model->forced.way != breaker::Way::kNone) force(worker, service, i, {});
    }
    ++service;
  }
  for (const ServicePlan& plan : world_.current().services) {
    for (const PeerPlan& peer : plan.peers) {
      const Options& options = peer.options;
      longest = std::max(longest, options.max_timeout * (100 + options.jitter_percent) / 100 +
                                      options.probe_timeout + options.probe_grace);
      turns += options.successes * 5;
    }
  }
  rates_.arrival = std::clamp<Millis>(2'000 / scale_.peers, 1, 20);
  schedule(world_.now, What::kArrival);  // the next client might be a long time off
  const Instant end = world_.now + kLasting + kLongest + 2 * longest + 10'000 +
                      rates_.arrival * turns * 4 * scale_.services;
  const PeerPlan* out = nullptr;
  while ((out = still_out()) != nullptr) {
    expect(world_.now < end, out->model->name, ": is well, and its breaker does not close; state ",
           static_cast<int>(out->model->state), " until ", out->model->until);
    for (int i = 0; i < 100; ++i) advance();
  }
}

void Simulation::check_end() {
  closed_ = true;
  for (Instant end = world_.now + kLasting + 2 * kLongest; world_.now < end;) advance();
  Worker* worker = any_worker();
  expect(worker != nullptr, "nobody is left at the end");
  world_.bury(*worker);
  world_.compare_all();
  for (const auto& [key, peer] : world_.peers()) {
    expect_equal(peer->in_flight + peer->unburied, 0U, peer->name, ": in flight at the end");
  }
  world_.check_rest();
}

std::uint64_t Simulation::transitions() {
  std::uint64_t sum = 0;
  for (const auto& [key, peer] : world_.peers()) sum += peer->epoch;
  return sum;
}

std::uint64_t Simulation::requests() {
  std::uint64_t sum = 0;
  for (const auto& [name, service] : world_.services()) sum += service->requests;
  return sum;
}

}  // namespace kerberos::sim
