// SPDX-License-Identifier: MIT
#include "core/service/zone.h"

#include <memory>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/service/generation.h"

using kerberos::abi::guarded;
using kerberos::service::build_generation;
using kerberos::service::Memory;
using kerberos::service::Process;
using kerberos::service::Zone;

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

kerberos_result kerberos_zone_build(kerberos_zone* zone, const kerberos_config* config,
                                    int (*exists)(int64_t pid), int64_t now, uint64_t* lineage) {
  return guarded([&] {
    zone->zone.forget_pending();
    zone->zone.sweep(exists, now);
    *lineage = build_generation(zone->zone, config->registry);
    return *lineage == 0 ? KERBEROS_NO_MEMORY : KERBEROS_OK;
  });
}

void kerberos_zone_publish(kerberos_zone* zone, uint64_t lineage) {
  zone->zone.publish(lineage);
}

kerberos_result kerberos_zone_change(kerberos_zone* zone, const kerberos_config* config,
                                     uint64_t lineage, int (*exists)(int64_t pid), int64_t now,
                                     uint64_t* generation) {
  return guarded([&] {
    const Zone& memory = zone->zone;
    const auto* current = memory.current();
    if (current == nullptr || current->lineage != lineage) return KERBEROS_REFUSED;
    memory.sweep(exists, now);
    *generation = build_generation(memory, config->registry, lineage);
    if (*generation == 0) {
      memory.header().shortage.store(current->id);
      return KERBEROS_NO_MEMORY;
    }
    memory.publish(*generation);
    return KERBEROS_OK;
  });
}

void kerberos_zone_sweep(kerberos_zone* zone, int (*exists)(int64_t pid), int64_t now) {
  zone->zone.sweep(exists, now);
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
