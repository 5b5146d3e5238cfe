// SPDX-License-Identifier: MIT
#include "core/service/process.h"

#include <algorithm>
#include <utility>

namespace kerberos::service {

std::optional<Process> Process::attach(const Zone& zone, std::uint32_t slot, std::int64_t pid,
                                       std::uint64_t lineage, std::uint64_t seed) {
  Generation* generation = zone.current();
  if (generation == nullptr || generation->lineage != lineage) {
    Generation* first = zone.find(lineage);
    if (first != nullptr) generation = first;
  }
  if (generation == nullptr) return std::nullopt;
  // Whoever leaves takes its pid away.
  const std::int64_t former = slot < kSlots ? zone.header().slots[slot].pid.load() : 0;
  const auto self = zone.take_slot(slot, pid, generation->ranks);
  if (!self) return std::nullopt;
  const auto pins = Pins::begin(zone, zone.header().slots[slot], *generation);
  if (!pins) return std::nullopt;
  Process process(zone, *self, *pins, seed);
  process.somebody_died_ = former != 0 && former != pid;
  if (process.somebody_died_) process.announce();
  return process;
}

bool Process::adopt() {
  const auto pin = pins_.seek();
  if (!pin) return false;
  prepare(pins_.at(*pin));
  pins_.go_over(*pin);
  return true;
}

// What a request on that generation will need, and may not allocate.
void Process::prepare(const GenerationView& generation) {
  bench_.reserve(generation.most_peers());
  const auto routes = generation.routes();
  if (routes) regexes_.adopt(routes->expressions());
}

void Process::bury(ProcessExists exists) {
  pins_.let_go_before(zone_.header().shortage.load(std::memory_order_relaxed));
  if (zone_.bury(exists) == 0) return;
  somebody_died_ = true;
  announce();
}

void Process::announce() const {
  for (const ServiceImage& service : generation().services()) record(service).changes.fetch_add(1);
}

// A living winner logs at once. What is untold at two looks in a row after a death is nobody's.
std::vector<Notice> Process::orphans() {
  std::vector<Notice> found;
  if (!suspects_.empty()) {
    for (const Notice& now : untold()) {
      const bool before = std::ranges::any_of(suspects_, [&](const Suspect& suspect) {
        return suspect.rank == now.rank() && suspect.epoch == now.transition.epoch;
      });
      if (before) found.push_back(now);
    }
    suspects_.clear();
  }
  if (std::exchange(somebody_died_, false)) {
    for (const Notice& notice : untold()) {
      suspects_.push_back({notice.rank(), notice.transition.epoch});
    }
  }
  return found;
}

std::vector<Notice> Process::untold() const {
  std::vector<Notice> notices;
  const GenerationView view = generation();
  const auto peers = view.peers();
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    if (const auto transition = breaker(peers[i], view).untold())
      notices.push_back({view, i, *transition});
  }
  return notices;
}

Process::Process(const Zone& zone, base::Owner self, const Pins& pins, std::uint64_t seed)
    : zone_(zone), self_(self), pins_(pins), slot_(&zone.header().slots[self.slot]), random_(seed) {
  prepare(generation());
}

}  // namespace kerberos::service
