// SPDX-License-Identifier: MIT
#include "sim/world.h"

#include <algorithm>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "sim/expect.h"

namespace kerberos::sim {
namespace {

constexpr std::uint32_t kSlots = 256;  // that are ever in use

// What the core asks the system through a bare function.
std::set<std::int64_t>& living() {
  static std::set<std::int64_t> pids;
  return pids;
}

int exists(std::int64_t pid) {
  return living().contains(pid) ? 1 : 0;
}

std::uint32_t most_held(std::uint32_t usable, std::uint32_t percent) {
  if (usable < 2 || percent == 100) return usable;
  const std::uint32_t most = usable * percent / 100;
  if (most == 0) return 1;
  return most == usable ? usable - 1 : most;
}

// Room for all that history keeps, and for many generations that are pinned: nobody checks here
// what a zone does that is too small.
constexpr std::size_t kManyReloads = std::size_t{4} << 20U;
constexpr std::size_t kManyChanges = std::size_t{16} << 20U;

std::size_t zone_size(const registry::Registry& registry) {
  return 4 * service::bytes_needed(registry, kSlots) + kManyReloads + kManyChanges;
}

}  // namespace

Instant Worker::clock(Instant now) {
  if (stale_clock != 0) return std::exchange(stale_clock, 0);
  last = std::max(last, now + skew);
  return last;
}

// Whose generation is in force it knows when it has pinned it.
bool Worker::seek(const Plan& current) {
  if (current.generation == plan->generation || retired) return false;
  if (held.size() == service::kPins) {
    auto oldest = held.begin();
    if (oldest->first == plan->generation) ++oldest;
    held.erase(oldest);
  }
  retired = current.lineage != plan->lineage;
  if (!retired) held[current.generation] = 0;
  return !retired;
}

void Worker::go_over(const std::shared_ptr<Plan>& current) {
  if (held[plan->generation] == 0) held.erase(plan->generation);
  plan = current;
}

void Worker::leave(std::uint64_t generation) {
  const auto pin = held.find(generation);
  if (pin != held.end() && --pin->second == 0 && generation != plan->generation) held.erase(pin);
}

void Worker::let_go_before(std::uint64_t generation) {
  std::erase_if(held, [&](const auto& pin) {
    return pin.first < generation && pin.first != plan->generation;
  });
}

World::World(Dice& dice, const Scale& scale)
    : dice_(dice),
      scale_(scale),
      machines_seed_(dice.seed()),
      operator_(dice, scale),
      arena_(zone_size(operator_.registry())),
      zone_(*service::Zone::create(arena_.memory())),
      lives_(kSlots) {
  living().clear();
  prepare();
  publish();
}

World::~World() {
  living().clear();
}

std::shared_ptr<Plan> World::build(std::uint64_t lineage) {
  const std::uint64_t id = service::build_generation(zone_, operator_.registry(), lineage);
  expect(id != 0, "the zone is too small for a generation");
  if (lineage == 0) zone_.await(pending_since_ = now);
  auto plan = plan_of(id);
  expect_equal(plan->lineage, lineage == 0 ? id : lineage, "lineage of generation ", id);
  plans_[id] = plan;
  return plan;
}

void World::sweep() {
  zone_.sweep(now);
  if (now - pending_since_ >= service::kPendingMax) pending_.reset();
  note_freed_generations();
  note_freed_records();
}

void World::forget_history() {
  zone_.forget_history();
  note_freed_records(0);
}

std::shared_ptr<Plan> World::plan_of(std::uint64_t generation) {
  auto plan = std::make_shared<Plan>();
  plan->generation = generation;
  const service::GenerationView view(zone_.find(generation));
  plan->lineage = view.block()->lineage;
  const auto& wanted = operator_.registry().services;
  expect_equal(view.services().size(), wanted.size(), "services of a generation");
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const service::ServiceImage& image = view.services()[i];
    auto& model = services_[wanted[i].name];
    if (!model) model = std::make_unique<ServiceModel>();
    auto* record = zone_.at<service::ServiceRecord>(image.record);
    expect(model->record == nullptr || model->record == record, "a service lost its record");
    model->record = record;
    ServicePlan service;
    service.model = model.get();
    std::uint32_t usable = 0;
    service.first_peer = image.first_peer;
    expect_equal(image.peers, wanted[i].peers.size(), "peers of a service");
    for (std::size_t k = 0; k < wanted[i].peers.size(); ++k) {
      const registry::Peer& peer = wanted[i].peers[k];
      service.peers.push_back(plan_peer(wanted[i], peer, view, view.peers(image)[k]));
      service.index.emplace(service.peers.back().model, static_cast<std::uint32_t>(k));
      if (!peer.down) ++usable;
    }
    const Options options = registry::complete(wanted[i].breaker);
    service.held_max = most_held(usable, options.max_open_percent);
    service.panic_percent = options.panic_percent;
    service.learns = wanted[i].balance.options.learns();
    expect_equal(image.held_max, service.held_max, "how many may be held");
    plan->services.push_back(std::move(service));
  }
  return plan;
}

PeerPlan World::plan_peer(const registry::Service& service, const registry::Peer& peer,
                          const service::GenerationView& view, const service::PeerImage& image) {
  const std::string& address = peer.addresses[0].text;
  const std::string key = service.name + '\0' + address + '\0' + address;
  auto* record = zone_.at<service::PeerRecord>(image.record);
  const std::string its_key(zone_.key_of(*record));
  expect(its_key.ends_with(address), "the record of ", address, " is another's");
  auto& model = peers_[key];
  if (!model) model = std::make_unique<PeerModel>(service.name + "/" + address, its_key, record);
  expect(model->record == record, model->name, " lost its record");
  ++model->references;
  const Options options = registry::complete(registry::inherit(peer.breaker, service.breaker));
  expect(view.options(image) == options, model->name, " has other options");
  expect(view.text(image.address) == address && image.weight == peer.weight &&
             image.max_conns == peer.max_conns && image.backup == peer.backup &&
             image.down == peer.down,
         model->name, " is not as configured");
  return {model.get(), machine(address), options, peer.max_conns, peer.backup, peer.down};
}

Machine* World::machine(const std::string& address) {
  auto& machine = machines_[address];
  if (!machine) {
    const std::uint64_t number = std::stoull(address.substr(1));
    machine = std::make_unique<Machine>(machines_seed_ + number * 7'919, scale_.trouble);
    if (healed_) machine->heal();
  }
  return machine.get();
}

bool World::used(const Plan& plan) const {
  const auto holds = [&](const auto& held) { return held.contains(plan.generation); };
  return &plan == current_.get() || &plan == pending_.get() ||
         std::ranges::any_of(workers_,
                             [&](const auto& it) { return it->alive() && holds(it->held); }) ||
         std::ranges::any_of(graves_, [&](const Grave& grave) { return holds(grave.held); });
}

// Which generations are gone: exactly those that nobody can use.
void World::note_freed_generations() {
  std::set<std::uint64_t> there;
  for (service::Offset next = zone_.header().generations; next != 0;) {
    const auto* generation = zone_.at<service::Generation>(next);
    there.insert(generation->id);
    next = generation->next;
  }
  for (auto plan = plans_.begin(); plan != plans_.end();) {
    const bool kept = used(*plan->second);
    expect_equal(there.contains(plan->first), kept, "whether generation ", plan->first, " is kept");
    if (kept) {
      ++plan;
      continue;
    }
    for (ServicePlan& service : plan->second->services) {
      for (PeerPlan& peer : service.peers) {
        if (--peer.model->references == 0) peer.model->released = now;
      }
    }
    plan = plans_.erase(plan);
  }
  expect_equal(there.size(), plans_.size(), "generations");
  expect_equal(zone_.header().kept.load(), plans_.size(), "generations that are counted");
}

// Which records are gone: exactly those that nobody has named for so long, and nobody uses.
void World::note_freed_records(Millis history) {
  std::unordered_map<std::string, const service::PeerRecord*> there;
  for (service::Offset next = zone_.header().peer_records; next != 0;) {
    const auto* record = zone_.at<service::PeerRecord>(next);
    there.emplace(zone_.key_of(*record), record);
    next = record->next;
  }
  std::erase_if(peers_, [&](const auto& peer) {
    const PeerModel& model = *peer.second;
    const auto found = there.find(model.key);
    const bool old = model.references == 0 && model.in_flight + model.unburied == 0 &&
                     now - model.released >= history;
    expect_equal(found != there.end(), !old, model.name, ": whether its record is kept");
    expect(old || found->second == model.record, model.name, ": its record is another");
    if (old) std::erase(leased, &model);
    return old;
  });
  expect_equal(there.size(), peers_.size(), "records of peers");
}

void World::start_workers() {
  for (std::uint32_t i = 0, slot = 0; i < scale_.workers; ++slot) {
    const bool taken = std::ranges::any_of(
        workers_, [&](const auto& worker) { return worker->alive() && worker->slot == slot; });
    if (taken) continue;
    spawn(slot);
    ++i;
  }
}

void World::spawn(std::uint32_t slot) {
  bury_all(slot);
  auto worker = std::make_unique<Worker>();
  worker->slot = slot;
  worker->pid = next_pid_++;
  worker->plan = current_;
  worker->skew = dice_.span(0, 10) - 5;
  living().insert(worker->pid);
  worker->held[current_->generation] = 0;
  auto process =
      service::Process::attach(zone_, slot, worker->pid, current_->lineage, dice_.seed());
  expect(process.has_value(), "no memory to attach to slot ", slot);
  worker->process = std::make_unique<service::Process>(std::move(*process));
  lives_[slot] = worker->self().life;
  std::erase_if(workers_, [](const auto& old) { return !old->alive() && old->busy == 0; });
  workers_.push_back(std::move(worker));
}

void World::prepare() {
  operator_.edit();
  zone_.forget_pending();
  pending_.reset();
  zone_.bury(exists);
  bury_all(kSlots);
  sweep();
  pending_ = build(0);
}

void World::publish() {
  zone_.publish(pending_->generation);
  current_ = std::exchange(pending_, nullptr);
  for (auto& worker : workers_) {
    if (worker->quits_at == 0) worker->quits_at = now + dice_.scaled(1, 8'000);
  }
  if (dice_.chance(20)) scale_.workers = dice_.number(1, scale_.workers);
  start_workers();
}

bool World::change(bool dies) {
  sweep();
  std::size_t bytes = 0;
  for (const auto& [id, plan] : plans_) bytes += zone_.find(id)->bytes;
  if (bytes > kManyChanges) return false;
  operator_.edit();
  operator_.reorder();
  const auto plan = build(current_->lineage);
  if (dies) return true;
  zone_.publish(plan->generation);
  current_ = plan;
  return true;
}

bool World::adopt(Worker& worker) {
  const bool other = worker.seek(*current_);
  if (other) worker.go_over(current_);
  expect_equal(worker.process->adopt(), other, "whether slot ", worker.slot, " adopts");
  expect_equal(worker.process->generation().id(), worker.plan->generation, "generation of slot ",
               worker.slot);
  compare_pins(worker);
  return other;
}

void World::seek(Worker& worker) {
  const bool other = worker.seek(*current_);
  expect_equal(worker.process->pins().seek().has_value(), other, "whether slot ", worker.slot,
               " finds something");
  compare_pins(worker);
}

void World::crash(Worker& worker, const std::vector<PeerModel*>& in_flight) {
  for (PeerModel* peer : in_flight) {
    --peer->in_flight;
    ++peer->unburied;
  }
  graves_.push_back({worker.self(), in_flight, worker.held});
  living().erase(worker.pid);
  worker.process.reset();
  worker.busy = 0;
}

void World::restart(std::uint32_t slot) {
  const bool taken = std::ranges::any_of(
      workers_, [&](const auto& worker) { return worker->alive() && worker->slot == slot; });
  if (!taken) spawn(slot);
}

void World::bury(Worker& worker) {
  worker.process->bury(exists);
  bury_all(kSlots);
}

// The slots of the dead are known to be free; kSlots: all of them.
void World::bury_all(std::uint32_t slot) {
  std::erase_if(graves_, [&](const Grave& grave) {
    if (slot != kSlots && grave.owner.slot != slot) return false;
    for (PeerModel* peer : grave.in_flight) {
      --peer->unburied;
      ++peer->lost;
    }
    lives_[grave.owner.slot] = 0;
    return true;
  });
}

void World::dismiss() {
  for (auto& worker : workers_) {
    if (worker->alive() && worker->busy == 0 && worker->quits(now)) leave(*worker);
  }
}

void World::leave(Worker& worker) {
  lives_[worker.slot] = 0;
  worker.process->detach();
  living().erase(worker.pid);
  worker.process.reset();
}

void World::heal() {
  healed_ = true;
  for (auto& [address, machine] : machines_) machine->heal();
}

void World::compare_in_flight(const PeerModel& peer) const {
  expect_equal(zone_.in_flight(peer.record->rank), peer.in_flight + peer.unburied, peer.name,
               ": in flight");
}

// That it pins what requests are on, and the newest, and nothing else.
void World::compare_pins(const Worker& worker) const {
  std::set<std::uint64_t> pinned;
  for (const auto& pin : zone_.header().slots[worker.slot].pins) {
    if (pin.load() != 0) pinned.insert(zone_.at<service::Generation>(pin.load())->id);
  }
  const auto ids = [](const auto& of) { return std::vector(of.begin(), of.end()); };
  std::set<std::uint64_t> wanted;
  for (const auto& [id, requests] : worker.held) wanted.insert(id);
  expect(ids(pinned) == ids(wanted), "slot ", worker.slot, " pins ", pinned.size(),
         " generations, expected ", wanted.size(), " up to ", worker.plan->generation);
}

// That every block of the zone has somebody who knows it.
void World::compare_blocks() const {
  std::size_t blocks = 1;  // the header
  const auto count = [&](service::Offset first, auto next_of) {
    for (service::Offset next = first; next != 0; ++blocks) next = next_of(next);
  };
  const service::ZoneHeader& header = zone_.header();
  count(header.generations, [&](auto at) { return zone_.at<service::Generation>(at)->next; });
  count(header.peer_records, [&](auto at) {
    const auto* record = zone_.at<service::PeerRecord>(at);
    blocks += (record->window != 0 ? 1 : 0) + (record->key_at != 0 ? 1 : 0);
    return record->next;
  });
  count(header.service_records,
        [&](auto at) { return zone_.at<service::ServiceRecord>(at)->next; });
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    const service::Offset uses = header.slots[slot].uses.load();
    if (uses == 0) continue;
    ++blocks;
    for (const auto& chunk : zone_.at<service::Uses>(uses)->chunks) {
      if (chunk.load() == 0) break;
      ++blocks;
    }
  }
  expect_equal(arena_.blocks(), blocks, "blocks in use");
}

void World::check_rest() {
  for (auto& worker : workers_) {
    if (!worker->alive()) continue;
    expect(worker->plan->lineage == current_->lineage, "slot ", worker->slot, " has never left");
    adopt(*worker);
    expect_equal(worker->held.size(), 1U, "generations that slot ", worker->slot,
                 " pins in the end");
  }
  zone_.forget_pending();
  pending_.reset();
  sweep();
  expect_equal(plans_.size(), 1U, "generations in the end");
  now += service::kHistory;
  sweep();
  std::size_t peers = 0;
  for (const ServicePlan& service : current_->services) peers += service.peers.size();
  expect_equal(peers_.size(), peers, "records of peers in the end");
  compare_all();
}

void World::compare_all() {
  compare_blocks();
  for (const auto& worker : workers_) {
    if (worker->alive()) compare_pins(*worker);
  }
  for (const auto& [key, peer] : peers_) {
    peer->compare();
    compare_in_flight(*peer);
  }
  for (const auto& [name, service] : services_) {
    const service::ServiceRecord& record = *service->record;
    expect_equal(record.counters.requests.load(), service->requests, name, ": requests");
    expect_equal(record.counters.rejected.load(), service->rejected, name, ": rejected");
    expect_equal(record.overflow.load(), service->overflow, name, ": overflow");
  }
  for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
    const std::uint32_t life = zone_.header().lives[slot].load();
    expect_equal((life & 1U) != 0 ? life : 0, lives_[slot], "life of slot ", slot);
  }
  expect_equal(zone_.header().faults.load(), 0U, "faults");
}

}  // namespace kerberos::sim
