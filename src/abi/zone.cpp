// SPDX-License-Identifier: MIT
#include "core/service/zone.h"

#include <memory>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/service/generation.h"

using kerberos::abi::guarded;
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
                                    int (*exists)(int64_t pid), int64_t now, uint64_t* generation) {
  return guarded([&] {
    zone->zone.sweep(exists, now);
    *generation = kerberos::service::build_generation(zone->zone, config->registry);
    return *generation == 0 ? KERBEROS_NO_MEMORY : KERBEROS_OK;
  });
}

void kerberos_zone_publish(kerberos_zone* zone, uint64_t generation) {
  zone->zone.publish(generation);
}

kerberos_result kerberos_attach(kerberos_zone* zone, uint32_t slot, int64_t pid,
                                uint64_t generation, uint64_t seed, kerberos_process** process) {
  return guarded([&] {
    auto attached = Process::attach(zone->zone, slot, pid, generation, seed);
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
  delete process;
}

}  // extern "C"
