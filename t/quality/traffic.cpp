// SPDX-License-Identifier: MIT
#include "quality/traffic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <deque>
#include <memory>
#include <queue>

#include "core/breaker/outcome.h"
#include "core/service/service.h"
#include "quality/chance.h"
#include "quality/gateway.h"

namespace kerberos::quality {
namespace {

// The core's clock at the beginning.
constexpr base::Instant kEpoch = 1'000'000;

constexpr base::Instant clock(Micros now) {
  return kEpoch + now / kMilli;
}

struct Visit {
  service::Request request;
  service::Process* worker = nullptr;
  std::uint32_t age = 0;  // how often this place was used
  Micros begun = 0;
  Micros work = 0;
  bool open = false;
};

struct Event {
  Micros at;
  std::uint32_t peer;
  Ticket visit;
  friend bool operator>(const Event& a, const Event& b) { return a.at > b.at; }
};

class Run {
 public:
  Run(const Scenario& scenario, const std::string& balance, double load, std::uint64_t seed)
      : scenario_(scenario),
        keyed_(balance.starts_with("hash")),
        keys_(keyed_ ? scenario.keys : 1, scenario.zipf),
        gap_(static_cast<double>(kSecond) / (capacity(scenario) * load)),
        arrivals_(seed),
        works_(seed + 1'000),
        draws_(seed + 2'000),
        in_flight_(scenario.peers.size()),
        tally_(scenario.weights) {
    for (const Nature& nature : scenario.peers) backends_.emplace_back(nature);
    const registry::Service service = service_of(balance, scenario.weights, scenario.breaker);
    for (std::uint32_t g = 0; g < scenario.gateways; ++g) {
      gateways_.push_back(std::make_unique<Gateway>(service, seed * 100 + g));
    }
  }

  Quality measure() {
    const Micros end = scenario_.warm + scenario_.measured;
    Micros arrival = 0;
    Micros sample = scenario_.warm;
    for (;;) {
      arrival += std::max<Micros>(1, std::llround(arrivals_.exponential(gap_)));
      if (arrival >= end) break;
      while (sample <= arrival) {
        pass(sample);
        tally_.look(in_flight_);
        sample += kSample;
      }
      pass(arrival);
      arrive();
    }
    return tally_.result();
  }

 private:
  static constexpr Micros kSample = 10 * kMilli;

  // Everything that happens up to an instant.
  void pass(Micros until) {
    for (;;) {
      const Micros timeout = waiting_.empty() ? until + 1 : waiting_.front().at;
      const Micros done = events_.empty() ? until + 1 : events_.top().at;
      if (std::min(timeout, done) > until) break;
      if (timeout < done) {
        now_ = timeout;
        const Event over = waiting_.front();
        waiting_.pop_front();
        if (is_open(over.visit)) end(over.visit.place, 504);
      } else {
        now_ = done;
        const Event event = events_.top();
        events_.pop();
        finish(event);
      }
    }
    now_ = until;
  }

  [[nodiscard]] bool is_open(Ticket visit) const {
    return visits_[visit.place].open && visits_[visit.place].age == visit.age;
  }

  void arrive() {
    const std::uint32_t place = free_place();
    Visit& visit = visits_[place];
    visit.worker = &gateways_[draws_.below(scenario_.gateways)]->worker(draws_.below(kWorkers));
    visit.begun = now_;
    visit.request = {};
    visit.request.service = 0;
    service::Service service(*visit.worker, 0);
    std::array<char, 16> key{};
    if (keyed_) std::snprintf(key.data(), key.size(), "key%u", keys_.draw(draws_));
    // What a request costs does not depend on who serves it.
    visit.work = std::max<Micros>(1, std::llround(work_of()));
    service.open(visit.request, true, key.data());
    if (!service.pick(visit.request, clock(now_)).picked) {
      if (counts(now_)) tally_.ended(503, 0);
      free_.push_back(place);
      return;
    }
    const std::uint32_t peer = visit.request.peer;
    visit.open = true;
    if (counts(now_)) tally_.picked(peer);
    ++in_flight_[peer];
    const Ticket ticket{place, visit.age};
    waiting_.push_back({now_ + kTimeout, peer, ticket});
    Backend& backend = backends_[peer];
    if (backend.nature().fails) {
      events_.push({now_ + kFailing, peer, ticket});
    } else if (backend.enter(ticket)) {
      serve(peer, ticket);
    }
  }

  void serve(std::uint32_t peer, Ticket visit) {
    events_.push({backends_[peer].done(now_, visits_[visit.place].work), peer, visit});
  }

  // A backend has done its work, whether or not somebody still waits for it.
  void finish(const Event& event) {
    Backend& backend = backends_[event.peer];
    const bool fails = backend.nature().fails;
    if (is_open(event.visit)) end(event.visit.place, fails ? 500 : 200);
    if (fails) return;
    const auto next = backend.leave([&](Ticket visit) { return is_open(visit); });
    if (next) serve(event.peer, *next);
  }

  void end(std::uint32_t place, int status) {
    Visit& visit = visits_[place];
    --in_flight_[visit.request.peer];
    service::Service service(*visit.worker, 0);
    // As nginx has it: the difference of two clocks that know whole milliseconds.
    const base::Millis duration = clock(now_) - clock(visit.begun);
    breaker::Evidence evidence{.finalized = true,
                               .status = status == 504 ? 0 : status,
                               .header_received = status != 504,
                               .header_sent = status != 504,
                               .request_sent = true,
                               .bytes_received = status != 504,
                               .read_timed_out = status == 504,
                               .duration = duration};
    if (status == 504) {
      evidence.freed = breaker::Freed::kFailed;
      evidence.finalized = false;
    }
    service.report(visit.request, breaker::judge(evidence, service.options(visit.request)),
                   clock(now_));
    if (counts(visit.begun)) tally_.ended(status, now_ - visit.begun);
    visit.open = false;
    ++visit.age;
    free_.push_back(place);
  }

  double work_of() {
    const auto mean = static_cast<double>(kWork);
    return scenario_.work == Work::kLognormal ? works_.lognormal(mean) : works_.exponential(mean);
  }

  // What comes before the peers have warmed up does not count.
  [[nodiscard]] bool counts(Micros begun) const { return begun >= scenario_.warm; }

  std::uint32_t free_place() {
    if (free_.empty()) {
      free_.push_back(static_cast<std::uint32_t>(visits_.size()));
      visits_.emplace_back();
    }
    const std::uint32_t place = free_.back();
    free_.pop_back();
    return place;
  }

  const Scenario& scenario_;
  std::vector<std::unique_ptr<Gateway>> gateways_;
  bool keyed_;
  Keys keys_;
  double gap_;
  Chance arrivals_, works_, draws_;
  Micros now_ = 0;
  std::vector<Backend> backends_;
  std::vector<Visit> visits_;
  std::vector<std::uint32_t> free_;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::deque<Event> waiting_;  // for a response, in the order of their timeouts
  std::vector<std::uint32_t> in_flight_;
  Tally tally_;
};

}  // namespace

double capacity(const Scenario& scenario) {
  double sum = 0;
  for (const Nature& nature : scenario.peers) {
    if (!nature.fails) sum += nature.slots / nature.slowness;
  }
  return sum * static_cast<double>(kSecond) / static_cast<double>(kWork);
}

Quality run(const Scenario& scenario, const std::string& balance, double load, std::uint64_t seed) {
  return Run(scenario, balance, load, seed).measure();
}

}  // namespace kerberos::quality
