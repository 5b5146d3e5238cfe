// SPDX-License-Identifier: MIT
//
// One seed: a world, its clients and its misfortunes, one event after the other in virtual time.
#pragma once

#include <cstdint>
#include <queue>
#include <string>
#include <vector>

#include "sim/checks.h"
#include "sim/dice.h"
#include "sim/world.h"

namespace kerberos::sim {

class Simulation {
 public:
  Simulation(std::uint64_t seed, bool trace);

  // Throws a Violation where the core does what it should not.
  void run();

  [[nodiscard]] std::uint64_t step() const { return step_; }
  [[nodiscard]] Instant now() const { return world_.now; }
  [[nodiscard]] std::uint64_t transitions();
  [[nodiscard]] std::uint64_t requests();
  [[nodiscard]] std::uint64_t adoptions() const { return adoptions_; }
  [[nodiscard]] const Checks& checks() const { return checks_; }

 private:
  enum class What : std::uint8_t {
    kArrival,
    kAnswered,
    kEnd,
    kTick,
    kPause,
    kCrash,
    kRestart,
    kReload,
    kPublish,
    kChange,
    kForce,
  };
  struct Event {
    Instant at;
    std::uint64_t order;
    What what;
    std::uint32_t whom;    // a journey or a slot
    std::uint64_t serial;  // of the journey
    bool operator>(const Event& other) const {
      return at != other.at ? at > other.at : order > other.order;
    }
  };
  // How often what befalls the world, in milliseconds on average; 0: never.
  struct Rates {
    Millis arrival = 10;
    Millis pause = 0;
    Millis crash = 0;
    Millis reload = 0;
    Millis change = 0;
    Millis force = 0;
    std::uint32_t replayable_percent = 70;
    std::uint32_t poison_percent = 0;
    std::uint32_t impatient_percent = 5;
    std::uint32_t adopt_percent = 100;  // of the requests at which a worker looks what is in force
    std::uint32_t lasting_percent = 0;
  };

  void schedule(Instant at, What what, std::uint32_t whom = 0, std::uint64_t serial = 0);
  void again(Millis rate, What what);
  void advance();  // by one event
  void arrive();
  void befall(const Event& event);
  void tick();
  void pause();
  void reload();
  void change();
  void adopt(Worker& worker);
  // Its service, where it is held or was carried over to.
  service::Service service_of(Journey& journey);
  void crash();
  void crash(Worker& worker);
  // The worker logs what it was told, or dies on the way. Returns whether it lives.
  bool log(Worker& worker, const service::Notices& notices);
  void force();
  void force(Worker& worker, std::uint32_t service, std::uint32_t peer, breaker::Forced forced);
  void attempt(std::uint32_t number);
  void answered(Journey& journey);
  void end(std::uint32_t number);
  void go_on(std::uint32_t number, bool may);
  void close(std::uint32_t number);
  void finish(Journey& journey);
  void live_on();
  void check_end();
  [[nodiscard]] const PeerPlan* still_out() const;
  [[nodiscard]] Worker* any_worker();

  template <class... Parts>
  void trace(const Parts&... parts);

  Dice dice_;
  Scale scale_;
  World world_;
  Checks checks_;
  Rates rates_;
  bool trace_;
  bool healing_ = false;
  bool closed_ = false;     // no new clients
  bool reloading_ = false;  // a generation is built, and not in force
  std::uint64_t step_ = 0;
  std::uint64_t order_ = 0;
  std::uint64_t serial_ = 0;
  std::uint64_t adoptions_ = 0;
  std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
  std::vector<Journey> journeys_;
  std::vector<std::uint32_t> free_;
};

}  // namespace kerberos::sim
