// SPDX-License-Identifier: MIT
//
// The world around the core: one zone, the worker processes that come, go and die, each with a
// clock of its own, and the reloads. It keeps an oracle for every record, under the same rules by
// which the zone keeps its records.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "core/service/process.h"
#include "core/service/service.h"
#include "core/service/zone.h"
#include "sim/dice.h"
#include "sim/oracle.h"
#include "sim/peer_script.h"
#include "sim/registries.h"
#include "unit/service/arena.h"

namespace kerberos::sim {

struct ServiceModel {
  service::ServiceRecord* record = nullptr;
  std::uint64_t requests = 0;
  std::uint64_t rejected = 0;
  std::uint64_t overflow = 0;
  Instant full_until = 0;
  Instant latest = 0;  // the latest clock that was told to it
};

// What a generation must say, and whose oracles stand behind it.
struct PeerPlan {
  PeerModel* model;
  Machine* machine;
  Options options;
  std::uint32_t max_conns;
  bool backup;
  bool down;
};

struct ServicePlan {
  ServiceModel* model;
  std::vector<PeerPlan> peers;
  std::uint32_t first_peer = 0;  // of the generation's
  std::uint32_t held_max = 0;
  std::uint32_t panic_percent = 0;
  bool learns = false;                                        // and so leaves alone who did badly
  std::unordered_map<const PeerModel*, std::uint32_t> index;  // into `peers`
};

struct Plan {
  std::uint64_t generation = 0;
  std::vector<ServicePlan> services;
};

struct Worker {
  std::uint32_t slot = 0;
  std::int64_t pid = 0;
  std::unique_ptr<service::Process> process;  // none: it is gone
  std::shared_ptr<Plan> plan;
  Millis skew = 0;
  Instant last = 0;          // its clock as it was read last; it never runs back
  Instant paused_until = 0;  // stopped, as by SIGSTOP
  Instant stale_clock = 0;   // what it still believes at first when it goes on; 0: nothing
  Instant quits_at = 0;      // from then on it takes nothing new and leaves when it is idle
  std::uint32_t busy = 0;    // journeys under way

  [[nodiscard]] bool alive() const { return process != nullptr; }
  [[nodiscard]] bool quits(Instant now) const { return quits_at != 0 && now >= quits_at; }
  [[nodiscard]] base::Owner self() const { return process->self(); }
  Instant clock(Instant now);
};

class World {
 public:
  World(Dice& dice, const Scale& scale);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Instant now = 1'000'000;

  [[nodiscard]] const Lives& lives() const { return lives_; }
  [[nodiscard]] const service::Zone& zone() const { return zone_; }
  [[nodiscard]] std::vector<std::unique_ptr<Worker>>& workers() { return workers_; }
  [[nodiscard]] const Plan& current() const { return *current_; }
  [[nodiscard]] std::map<std::string, std::unique_ptr<PeerModel>, std::less<>>& peers() {
    return peers_;
  }
  [[nodiscard]] std::map<std::string, std::unique_ptr<ServiceModel>>& services() {
    return services_;
  }

  // Peers that have leases out, among others.
  std::vector<PeerModel*> leased;

  // The operator reloads. A failed reload has built a generation, and puts it never in force.
  void reload(bool fails);
  // A worker is gone without a word, with these attempts in flight.
  void crash(Worker& worker, const std::vector<PeerModel*>& in_flight);
  // The master starts another in the slot of one that has crashed.
  void restart(std::uint32_t slot);
  // A worker notices who is gone.
  void bury(Worker& worker);
  // Those who were told to leave and have nothing to do any more, leave.
  void dismiss();
  void heal();

  // That what the zone keeps is what it should keep, and that every word is as it should be.
  void compare_all();
  void compare_in_flight(const PeerModel& peer) const;

 private:
  struct Grave {
    base::Owner owner;
    std::vector<PeerModel*> in_flight;
  };

  std::shared_ptr<Plan> build();
  std::shared_ptr<Plan> plan_of(std::uint64_t generation);
  PeerPlan plan_peer(const registry::Service& service, const registry::Peer& peer,
                     const service::GenerationView& view, const service::PeerImage& image);
  Machine* machine(const std::string& address);
  void note_freed_generations();
  void note_freed_records();
  void leave(Worker& worker);
  void bury_all(std::uint32_t slot);
  void spawn(std::uint32_t slot);
  void start_workers();

  Dice& dice_;
  Scale scale_;
  std::uint64_t machines_seed_;
  Operator operator_;
  service::Arena arena_;
  service::Zone zone_;
  Lives lives_;
  std::int64_t next_pid_ = 1'000;
  std::vector<Grave> graves_;
  std::map<std::string, std::unique_ptr<PeerModel>, std::less<>> peers_;
  std::map<std::string, std::unique_ptr<ServiceModel>> services_;
  std::map<std::string, std::unique_ptr<Machine>> machines_;
  std::map<std::uint64_t, std::shared_ptr<Plan>> plans_;  // of the generations there are
  std::shared_ptr<Plan> current_;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool healed_ = false;
};

}  // namespace kerberos::sim
