// SPDX-License-Identifier: MIT
#include "core/service/process.h"

#include <algorithm>
#include <utility>

namespace kerberos::service {

std::optional<Process> Process::attach(const Zone& zone, std::uint32_t slot, std::int64_t pid,
                                       std::uint64_t id, std::uint64_t seed) {
  Generation* generation = zone.find(id);
  if (generation == nullptr) generation = zone.find(zone.header().current.load());
  if (generation == nullptr) return std::nullopt;
  // Whoever leaves takes its pid away.
  const std::int64_t former = slot < kSlots ? zone.header().slots[slot].pid.load() : 0;
  const auto self = zone.take_slot(slot, pid, *generation);
  if (!self) return std::nullopt;
  Process process(zone, *self, generation, seed);
  process.somebody_died_ = former != 0 && former != pid;
  if (process.somebody_died_) process.announce();
  return process;
}

void Process::bury(ProcessExists exists) {
  if (zone_.bury(exists) == 0) return;
  somebody_died_ = true;
  announce();
}

void Process::announce() const {
  for (const ServiceImage& service : generation_.services()) record(service).changes.fetch_add(1);
}

// A living winner logs at once. What is untold at two looks in a row after a death is nobody's.
std::vector<Notice> Process::orphans() {
  std::vector<Notice> found;
  if (!suspects_.empty()) {
    for (const Notice& now : untold()) {
      const bool before = std::ranges::any_of(suspects_, [&](const Notice& suspect) {
        return suspect.peer == now.peer && suspect.transition.epoch == now.transition.epoch;
      });
      if (before) found.push_back(now);
    }
    suspects_.clear();
  }
  if (std::exchange(somebody_died_, false)) suspects_ = untold();
  return found;
}

std::vector<Notice> Process::untold() const {
  std::vector<Notice> notices;
  const auto peers = generation_.peers();
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    const breaker::Breaker breaker(record(peers[i]).breaker, generation_.options(peers[i]));
    if (const auto transition = breaker.untold()) notices.push_back({i, *transition});
  }
  return notices;
}

Process::Process(const Zone& zone, base::Owner self, Generation* generation, std::uint64_t seed)
    : zone_(zone),
      self_(self),
      generation_(generation),
      slot_(&zone.header().slots[self.slot]),
      random_(seed) {
  std::uint32_t most = 0;
  for (const ServiceImage& service : generation_.services()) most = std::max(most, service.peers);
  bench_.reserve(most);
}

}  // namespace kerberos::service
