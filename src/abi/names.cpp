// SPDX-License-Identifier: MIT
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/registry/answer.h"
#include "core/report/answers.h"
#include "core/report/resolution.h"
#include "core/service/names.h"

using kerberos::abi::guarded;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::registry::NamedAddress;
using kerberos::report::SavedAddress;
using kerberos::service::Hearing;
using kerberos::service::Names;

namespace {

// Whether it is an address of a kind that we know.
bool take(const kerberos_named& named, NamedAddress& taken) {
  taken.priority = static_cast<std::uint16_t>(named.priority);
  taken.weight = static_cast<std::uint16_t>(named.weight);
  sa_family_t family = 0;
  std::memcpy(&family, static_cast<const char*>(named.sockaddr) + offsetof(sockaddr, sa_family),
              sizeof family);
  if (family == AF_INET) {
    sockaddr_in address{};
    std::memcpy(&address, named.sockaddr, sizeof address);
    taken.port = ntohs(address.sin_port);
    std::memcpy(taken.ip.data(), &address.sin_addr, sizeof address.sin_addr);
    return true;
  }
  if (family == AF_INET6) {
    sockaddr_in6 address{};
    std::memcpy(&address, named.sockaddr, sizeof address);
    taken.v6 = 1;
    taken.port = ntohs(address.sin6_port);
    std::memcpy(taken.ip.data(), &address.sin6_addr, sizeof address.sin6_addr);
    return true;
  }
  return false;
}

Hearing hearing_of(const kerberos_hearing& told) {
  Hearing hearing{.answer = {}, .error = told.error, .partial = told.partial != 0};
  for (size_t i = 0; i < told.count; ++i) {
    NamedAddress address;
    if (take(told.addresses[i], address)) hearing.answer.push_back(address);
  }
  put_in_order(hearing.answer);
  return hearing;
}

}  // namespace

extern "C" {

kerberos_result kerberos_zone_unheard(kerberos_zone* zone, const kerberos_config* config,
                                      int64_t now, kerberos_on_name on_name, void* context) {
  return guarded([&] {
    for (const auto& name : Names(zone->zone).unheard(config->registry, now)) {
      on_name(context, text(name));
    }
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_zone_learn(kerberos_zone* zone, const kerberos_hearing* hearings,
                                    size_t count, int64_t now, kerberos_on_line on_line,
                                    void* context, int* changed) {
  *changed = 0;
  return guarded([&] {
    Names names(zone->zone);
    bool all = true;
    for (size_t i = 0; i < count; ++i) {
      const Hearing hearing = hearing_of(hearings[i]);
      const auto lesson = names.learn(view(hearings[i].name), hearing, now);
      all = all && lesson.kept;
      if (!lesson.kept) continue;
      if (lesson.changed()) *changed = 1;
      const auto line = kerberos::report::line_of(view(hearings[i].name), hearing, lesson);
      if (!line.text.empty()) on_line(context, text(line.text), line.warning ? 1 : 0);
    }
    return all ? KERBEROS_OK : KERBEROS_NO_MEMORY;
  });
}

int kerberos_zone_stale(kerberos_zone* zone) {
  return is_stale(zone->zone) ? 1 : 0;
}

kerberos_result kerberos_save_names(kerberos_zone* zone, kerberos_document** document) {
  return guarded([&] {
    std::vector<SavedAddress> saved;
    for (const auto& [name, answer] : Names(zone->zone).all()) {
      for (const auto& address : answer) saved.push_back({std::string(name), address});
    }
    auto made = std::make_unique<kerberos_document_s>();
    made->text = kerberos::report::to_text(saved);
    *document = made.release();
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_restore_names(kerberos_zone* zone, kerberos_text saved, int64_t now,
                                       size_t* restored, char* problem, size_t room) {
  return guarded([&] {
    const auto reading = kerberos::report::read_answers(view(saved));
    if (!reading.problem.empty()) {
      kerberos::abi::copy(reading.problem, problem, room);
      return KERBEROS_REFUSED;
    }
    std::map<std::string, Hearing> hearings;
    for (const auto& [name, address] : reading.addresses) {
      hearings[name].answer.push_back(address);
    }
    Names names(zone->zone);
    for (auto& [name, hearing] : hearings) {
      put_in_order(hearing.answer);
      if (!names.learn(name, hearing, now).kept) return KERBEROS_NO_MEMORY;
    }
    *restored = hearings.size();
    return KERBEROS_OK;
  });
}

void kerberos_names(kerberos_process* process, kerberos_on_name on_name, void* context) {
  const auto& held = process->process;
  for (const auto name : held.generation().names()) {
    on_name(context, text(key_of(*held.zone().at<kerberos::service::NameRecord>(name))));
  }
}

}  // extern "C"
