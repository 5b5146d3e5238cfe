// SPDX-License-Identifier: MIT
//
// The world around the core: one zone, the worker processes that come, go and die, each with a
// clock of its own, the reloads, and the changes of the registry between them. It keeps an oracle
// for every record and for what every process pins, under the same rules by which the zone keeps
// its records and generations.
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
  std::uint64_t lineage = 0;
  std::vector<ServicePlan> services;
};

struct Worker {
  std::uint32_t slot = 0;
  std::int64_t pid = 0;
  std::unique_ptr<service::Process> process;    // none: it is gone
  std::shared_ptr<Plan> plan;                   // that it has adopted last
  std::map<std::uint64_t, std::uint32_t> held;  // generations that it pins: requests on each
  Millis skew = 0;
  Instant last = 0;          // its clock as it was read last; it never runs back
  Instant paused_until = 0;  // stopped, as by SIGSTOP
  Instant stale_clock = 0;   // what it still believes at first when it goes on; 0: nothing
  Instant quits_at = 0;      // from then on it takes nothing new and leaves when it is idle
  bool retired = false;      // has seen another configuration in force
  std::uint32_t busy = 0;    // journeys under way

  [[nodiscard]] bool alive() const { return process != nullptr; }
  [[nodiscard]] bool quits(Instant now) const { return quits_at != 0 && now >= quits_at; }
  [[nodiscard]] base::Owner self() const { return process->self(); }
  Instant clock(Instant now);

  // What it has to pin by then: it looks what is in force, it goes over to it, a request on that
  // generation has ended, and the zone is in need of what is older than that.
  bool seek(const Plan& current);
  void go_over(const std::shared_ptr<Plan>& current);
  void leave(std::uint64_t generation);
  void let_go_before(std::uint64_t generation);
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

  // A reload: first a generation is built; much later it is put in force, or never.
  void prepare();
  void publish();
  // The registry has changed: a worker builds the next generation and puts it in force, unless it
  // dies in between. Returns whether there was room for one more.
  bool change(bool dies);
  // The worker goes over to what is in force. Returns whether that is new to it.
  bool adopt(Worker& worker);
  // It has found it and pinned it, and no more.
  void seek(Worker& worker);
  // Somebody frees what nobody uses, and, where memory is short, what might have been used again.
  void sweep();
  void forget_history();
  [[nodiscard]] const Plan& plan(std::uint64_t generation) const { return *plans_.at(generation); }
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
  void compare_pins(const Worker& worker) const;
  // Nobody has anything to do any more: what is left is one generation and its records.
  void check_rest();

 private:
  struct Grave {
    base::Owner owner;
    std::vector<PeerModel*> in_flight;
    std::map<std::uint64_t, std::uint32_t> held;
  };

  std::shared_ptr<Plan> build(std::uint64_t lineage);
  std::shared_ptr<Plan> plan_of(std::uint64_t generation);
  PeerPlan plan_peer(const registry::Service& service, const registry::Peer& peer,
                     const service::GenerationView& view, const service::PeerImage& image);
  Machine* machine(const std::string& address);
  void compare_blocks() const;
  [[nodiscard]] bool used(const Plan& plan) const;
  void note_freed_generations();
  void note_freed_records(Millis history = service::kHistory);
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
  std::shared_ptr<Plan> pending_;  // that a reload has built
  Instant pending_since_ = 0;
  std::vector<std::unique_ptr<Worker>> workers_;
  bool healed_ = false;
};

}  // namespace kerberos::sim
