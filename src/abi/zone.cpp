// SPDX-License-Identifier: MIT
#include "core/service/zone.h"

#include <memory>
#include <string>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/service/generation.h"
#include "core/service/leader.h"
#include "core/service/names.h"
#include "core/service/refusal.h"

using kerberos::abi::guarded;
using kerberos::abi::guarded_or;
using kerberos::abi::view;
using kerberos::registry::Origin;
using kerberos::registry::Registry;
using kerberos::service::build_generation;
using kerberos::service::Edition;
using kerberos::service::Generation;
using kerberos::service::GenerationView;
using kerberos::service::Leader;
using kerberos::service::Memory;
using kerberos::service::Names;
using kerberos::service::Process;
using kerberos::service::write_refusal;
using kerberos::service::Zone;
using kerberos::service::ZoneHeader;

namespace {

Edition inside(const kerberos_edition& edition) {
  return {{edition.digest[0], edition.digest[1]}, edition.unix_ms};
}

// Processes shall let go of the generations before the one in force, so that there may be memory
// soon.
void ask_for_memory(const Zone& zone) {
  if (zone.current() != nullptr) zone.header().shortage.store(zone.current()->id);
}

bool same(const Edition& one, const kerberos_edition& other) {
  return one.digest[0] == other.digest[0] && one.digest[1] == other.digest[1];
}

// The configuration's registry with what the zone knows of its names.
const Registry& answered(const Zone& zone, kerberos_config& config) {
  if (config.follows) config.answered = Names(zone).answered(config.registry);
  return config.known();
}

kerberos_result put_in_force(const Zone& zone, kerberos_config& config, uint64_t lineage,
                             const Edition& edition, int64_t now, uint64_t* generation) {
  zone.sweep(now);
  *generation = build_generation(zone, answered(zone, config), lineage, edition);
  if (*generation == 0) {
    ask_for_memory(zone);
    return KERBEROS_NO_MEMORY;
  }
  zone.publish(*generation);
  return KERBEROS_OK;
}

}  // namespace

extern "C" {

kerberos_result kerberos_zone_open(const kerberos_memory* memory, void** header,
                                   kerberos_zone** zone) {
  return guarded([&] {
    const Memory given{memory->base, memory->size, memory->context, memory->allocate,
                       memory->release};
    auto handle = std::make_unique<kerberos_zone_s>();  // before anything is made in the zone
    const bool fresh = *header == nullptr;
    const auto opened = fresh ? Zone::create(given) : Zone::reopen(given, *header);
    if (!opened) return fresh ? KERBEROS_NO_MEMORY : KERBEROS_REFUSED;
    handle->zone = *opened;
    *header = &opened->header();
    *zone = handle.release();
    return KERBEROS_OK;
  });
}

void kerberos_zone_close(kerberos_zone* zone) {
  delete zone;
}

kerberos_result kerberos_zone_build(kerberos_zone* zone, kerberos_config* config,
                                    const kerberos_edition* edition, int (*exists)(int64_t pid),
                                    int64_t now, uint64_t* lineage) {
  return guarded([&] {
    zone->zone.forget_pending();
    zone->zone.bury(exists);
    zone->zone.sweep(now);
    *lineage = build_generation(zone->zone, answered(zone->zone, *config), 0, inside(*edition));
    zone->zone.await(now);
    if (*lineage == 0) ask_for_memory(zone->zone);
    return *lineage == 0 ? KERBEROS_NO_MEMORY : KERBEROS_OK;
  });
}

void kerberos_zone_publish(kerberos_zone* zone, uint64_t lineage) {
  zone->zone.publish(lineage);
  write_refusal(zone->zone.header().refusal, {});
}

kerberos_result kerberos_zone_change(kerberos_zone* zone, kerberos_config* config, uint64_t lineage,
                                     const kerberos_edition* edition, int64_t now,
                                     uint64_t* generation) {
  return guarded([&] {
    const auto* current = zone->zone.current();
    if (current == nullptr || current->lineage != lineage) return KERBEROS_REFUSED;
    const auto result =
        put_in_force(zone->zone, *config, lineage, inside(*edition), now, generation);
    if (result == KERBEROS_OK) write_refusal(zone->zone.header().refusal, {});
    return result;
  });
}

kerberos_result kerberos_zone_refresh(kerberos_zone* zone, kerberos_config* config,
                                      uint64_t lineage, const kerberos_edition* edition,
                                      int64_t now, uint64_t* generation) {
  return guarded([&] {
    const auto* current = zone->zone.current();
    if (current == nullptr || current->lineage != lineage || !same(current->edition, *edition)) {
      return KERBEROS_REFUSED;
    }
    return put_in_force(zone->zone, *config, lineage, current->edition, now, generation);
  });
}

void kerberos_zone_refuse(kerberos_zone* zone, const kerberos_edition* edition,
                          kerberos_text text) {
  guarded([&] {
    write_refusal(
        zone->zone.header().refusal,
        {edition->unix_ms, {edition->digest[0], edition->digest[1]}, std::string(view(text))});
    return KERBEROS_OK;
  });
}

kerberos_known kerberos_zone_knows(kerberos_zone* zone, uint64_t lineage,
                                   const kerberos_edition* edition) {
  ZoneHeader& header = zone->zone.header();
  const bool refused = header.refusal.length.load() != 0;
  const auto* current = zone->zone.current();
  if (current == nullptr || current->lineage != lineage) return KERBEROS_SUPERSEDED;
  if (same(current->edition, *edition)) {
    if (!refused) return KERBEROS_IN_FORCE;
    write_refusal(header.refusal, {});
    return KERBEROS_REPAIRED;
  }
  const Edition last{{header.refusal.digest[0].load(), header.refusal.digest[1].load()}, 0};
  if (refused && same(last, *edition)) {
    return KERBEROS_REFUSED_BEFORE;
  }
  return KERBEROS_NEW;
}

int kerberos_zone_shrinks(kerberos_zone* zone, kerberos_config* config, size_t* before,
                          size_t* after) {
  *before = *after = 0;
  if (config->registry.allow_shrink) return 0;
  const auto* current = zone->zone.current();
  if (current == nullptr) return 0;
  return guarded_or(0, [&] {
    const GenerationView generation(const_cast<Generation*>(current));
    for (const auto& service : generation.services()) {
      if (service.origin == Origin::kFile) *before += service.peers;
    }
    for (const auto& service : answered(zone->zone, *config).services) {
      if (service.origin != Origin::kFile) continue;
      for (const auto& peer : service.peers) *after += peer.addresses.size();
    }
    // A name that could not be resolved once is no file that was cut off.
    const bool known = !config->follows || Names(zone->zone).answers_all(config->registry);
    return known && *after * 2 < *before ? 1 : 0;
  });
}

void kerberos_zone_sweep(kerberos_zone* zone, int64_t now) {
  zone->zone.sweep_generations(now);
}

kerberos_result kerberos_attach(kerberos_zone* zone, uint32_t slot, int64_t pid, uint64_t lineage,
                                uint64_t seed, kerberos_process** process) {
  return guarded([&] {
    auto attached = Process::attach(zone->zone, slot, pid, lineage, seed);
    if (!attached) return KERBEROS_NO_MEMORY;
    *process = new kerberos_process_s{std::move(*attached)};
    return KERBEROS_OK;
  });
}

int kerberos_lead(kerberos_process* process, int64_t now) {
  const auto& held = process->process;
  return Leader(held.zone().header().leader).lead(held.self(), held.zone().owners(), now) ? 1 : 0;
}

int kerberos_leads(const kerberos_process* process) {
  const auto& held = process->process;
  return Leader(held.zone().header().leader).leads(held.self()) ? 1 : 0;
}

void kerberos_resign(kerberos_process* process) {
  const auto& held = process->process;
  Leader(held.zone().header().leader).resign(held.self());
}

void kerberos_bury(kerberos_process* process, int (*exists)(int64_t pid)) {
  process->process.bury(exists);
}

void kerberos_detach(kerberos_process* process) {
  process->process.detach();
}

void kerberos_process_free(kerberos_process* process) {
  process->process.release();
  delete process;
}

}  // extern "C"
