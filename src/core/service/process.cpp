// SPDX-License-Identifier: MIT
#include "core/service/process.h"

#include <algorithm>

namespace kerberos::service {

std::optional<Process> Process::attach(const Zone& zone, std::uint32_t slot, std::int64_t pid,
                                       std::uint64_t id, std::uint64_t seed) {
  Generation* generation = zone.find(id);
  if (generation == nullptr) generation = zone.find(zone.header().current.load());
  if (generation == nullptr) return std::nullopt;
  const auto self = zone.take_slot(slot, pid, *generation);
  if (!self) return std::nullopt;
  Process process(zone, *self, generation, seed);
  // The slot's former owner may have died with probes in flight: look for them at once.
  for (ServiceImage& service : process.generation_.services()) {
    process.generation_.roster(service).hasten(0);
  }
  return process;
}

void Process::bury(ProcessExists exists) {
  if (zone_.bury(exists) == 0) return;
  for (const ServiceImage& service : generation_.services()) record(service).changes.fetch_add(1);
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
  primaries_.reserve(most);
  backups_.reserve(most);
}

}  // namespace kerberos::service
