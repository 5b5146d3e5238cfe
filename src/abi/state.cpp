// SPDX-License-Identifier: MIT
#include <memory>
#include <utility>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/report/archive.h"
#include "core/report/state.h"
#include "core/service/state.h"

using kerberos::abi::guarded;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::registry::Source;
using kerberos::service::GenerationView;

extern "C" {

kerberos_result kerberos_save_breakers(kerberos_process* process, int64_t now, int64_t unix_ms,
                                       uint64_t* mark, kerberos_document** document) {
  return guarded([&] {
    const auto& zone = process->process.zone();
    const GenerationView generation = process->process.generation();
    *document = nullptr;
    // Before the text: what changes between them is found by the next look.
    const std::uint64_t next = kerberos::service::mark_of(zone, generation) | 1U;
    if (next == *mark) return KERBEROS_OK;
    auto made = std::make_unique<kerberos_document_s>();
    made->text = kerberos::report::to_text(kerberos::service::save_state(zone, generation, now),
                                           {now, unix_ms});
    *mark = next;
    *document = made.release();
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_restore_breakers(kerberos_zone* zone, uint64_t generation,
                                          kerberos_text saved, int64_t now, int64_t unix_ms,
                                          kerberos_restored* restored, char* problem, size_t room) {
  return guarded([&] {
    auto* built = zone->zone.find(generation);
    if (built == nullptr) return KERBEROS_FAULT;
    const auto reading = kerberos::report::read_state(view(saved), {now, unix_ms});
    if (!reading.problem.empty()) {
      kerberos::abi::copy(reading.problem, problem, room);
      return KERBEROS_REFUSED;
    }
    const auto known =
        kerberos::service::restore_state(zone->zone, GenerationView(built), reading.peers, now);
    *restored = {known.peers, known.open, known.unknown, reading.skipped};
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_save_sources(const kerberos_source* sources, size_t count,
                                      kerberos_document** document) {
  return guarded([&] {
    std::vector<Source> all;
    for (size_t i = 0; i < count; ++i) {
      all.push_back({std::string(view(sources[i].name)), std::string(view(sources[i].text))});
    }
    auto made = std::make_unique<kerberos_document_s>();
    made->text = kerberos::report::to_text(all);
    if (made->text.empty()) return KERBEROS_REFUSED;
    *document = made.release();
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_restore_sources(kerberos_text saved, kerberos_archive** archive,
                                         char* problem, size_t room) {
  return guarded([&] {
    auto reading = kerberos::report::read_archive(view(saved));
    if (!reading.problem.empty()) {
      kerberos::abi::copy(reading.problem, problem, room);
      return KERBEROS_REFUSED;
    }
    *archive = new kerberos_archive_s{std::move(reading.sources)};
    return KERBEROS_OK;
  });
}

size_t kerberos_archive_sources(const kerberos_archive* archive) {
  return archive->sources.size();
}

kerberos_source kerberos_archive_source(const kerberos_archive* archive, size_t number) {
  const Source& source = archive->sources[number];
  return {text(source.name), text(source.text)};
}

void kerberos_archive_free(kerberos_archive* archive) {
  delete archive;
}

}  // extern "C"
