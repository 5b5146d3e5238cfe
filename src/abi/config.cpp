// SPDX-License-Identifier: MIT
#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/registry/env_variables.h"
#include "core/registry/environment.h"
#include "core/registry/files.h"
#include "core/registry/telling.h"
#include "core/service/generation.h"

using kerberos::abi::guarded;
using kerberos::abi::guarded_or;
using kerberos::abi::inside;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::abi::views;
using kerberos::base::Place;
using kerberos::base::Problems;
using kerberos::registry::Address;
using kerberos::registry::BreakerSettings;
using kerberos::registry::Environment;
using kerberos::registry::FilesReading;
using kerberos::registry::Peer;
using kerberos::registry::Registry;
using kerberos::registry::Service;
using kerberos::registry::Source;
using kerberos::registry::TargetKind;

namespace {

bool taken(const Registry& registry, std::string_view name) {
  return std::any_of(registry.services.begin(), registry.services.end(),
                     [&](const Service& service) { return service.name == name; });
}

Address address_of(const void* sockaddr, size_t length, kerberos_text name) {
  const auto* bytes = static_cast<const unsigned char*>(sockaddr);
  return {{bytes, bytes + length}, std::string(view(name))};
}

// Text of the caller's, copied: a file, or what stands for all variables that define services.
std::vector<Source> sources_of(const kerberos_source* sources, size_t count,
                               const Environment& environment) {
  std::vector<Source> copies;
  copies.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    copies.push_back({std::string(view(sources[i].name)), std::string(view(sources[i].text))});
  }
  return with_variables(std::move(copies), environment);
}

// A client may not reach an upstream block by the name of a service.
void refuse_taken(const Registry& known, FilesReading& reading) {
  for (const Service& service : reading.registry.services) {
    if (!taken(known, service.name)) continue;
    reading.problems.push_back(
        {service.place, "service \"" + service.name + "\" has the name of an upstream block",
         service.source});
  }
  kerberos::registry::sort_problems(reading.problems);
}

// Which file's certificates its peers are verified by; none: its peers speak no TLS.
const std::string* file_of(const Service& service) {
  const auto& file = service.tls_settings.trusted_certificate;
  return service.tls && file ? &*file : nullptr;
}

// Tells what is wrong with a service that was read, and shows the line.
void refuse(const kerberos_config& config, const Service& service, Place place,
            std::string_view why, kerberos_on_message on_message, void* context) {
  // What comes from variables has no place within them.
  if (place.line == 0) place = service.place;
  const Problems problems = {{place, std::string(why), service.source}};
  for (const auto& line : kerberos::registry::told(problems, config.sources)) {
    on_message(context, text(line));
  }
}

void append_header_variables(kerberos_config& config, const Service& service) {
  for (const auto& route : service.routes) {
    for (const auto& header : route.set_headers) {
      for (const auto& piece : header.value) {
        if (piece.kind != kerberos::route::PieceKind::kVariable) continue;
        config.header_variables.push_back(
            {config.registry.services.size(), piece.text, header.place});
      }
    }
  }
}

// Takes over what was read.
void append(kerberos_config& config, FilesReading& reading, const std::vector<Source>& sources) {
  auto& services = config.registry.services;
  const auto before = static_cast<std::uint32_t>(config.sources.size());
  for (auto& service : reading.registry.services) {
    for (std::size_t i = 0; i < service.peers.size(); ++i) {
      config.targets.push_back({services.size(), i});
    }
    const std::string* file = file_of(service);
    if (file != nullptr && config.registry.certificates.try_emplace(*file).second) {
      config.files.push_back(services.size());
    }
    append_header_variables(config, service);
    service.origin = kerberos::registry::Origin::kFile;
    service.source += before;
    services.push_back(std::move(service));
  }
  config.sources.insert(config.sources.end(), sources.begin(), sources.end());
  config.registry.allow_shrink = reading.registry.allow_shrink;
  config.variables.assign(reading.variables.begin(), reading.variables.end());
  config.idle = kerberos::registry::told_idle(reading.idle);
}

}  // namespace

extern "C" {

kerberos_config* kerberos_config_create(void) {
  return guarded_or<kerberos_config*>(nullptr, [] { return new kerberos_config_s(); });
}

kerberos_config* kerberos_config_renew(const kerberos_config* config) {
  return guarded_or<kerberos_config*>(nullptr, [&] {
    auto renewed = std::make_unique<kerberos_config_s>();
    for (const auto& service : config->registry.services) {
      if (service.origin == kerberos::registry::Origin::kBlock)
        renewed->registry.services.push_back(service);
    }
    return renewed.release();
  });
}

void kerberos_config_destroy(kerberos_config* config) {
  delete config;
}

kerberos_result kerberos_config_add_service(kerberos_config* config, kerberos_text name) {
  return guarded([&] {
    if (taken(config->registry, view(name))) return KERBEROS_REFUSED;
    config->registry.services.emplace_back().name = view(name);
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_config_balance(kerberos_config* config, const kerberos_text* words,
                                        size_t count) {
  return guarded([&] {
    auto reading = kerberos::registry::balance_of(views(words, count));
    if (config->registry.services.empty() || !reading.problem.empty()) return KERBEROS_REFUSED;
    config->registry.services.back().balance = std::move(reading.balance);
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_config_add_peer(kerberos_config* config, const kerberos_peer* peer) {
  return guarded([&] {
    if (config->registry.services.empty()) return KERBEROS_REFUSED;
    Peer added;
    added.id = view(peer->id);
    added.weight = peer->weight;
    added.max_conns = peer->max_conns;
    added.backup = peer->backup != 0;
    added.down = peer->down != 0;
    added.breaker = inside<BreakerSettings>(peer->settings);
    config->registry.services.back().peers.push_back(std::move(added));
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_config_add_address(kerberos_config* config, const void* sockaddr,
                                            size_t length, kerberos_text name) {
  return guarded([&] {
    auto& services = config->registry.services;
    if (services.empty() || services.back().peers.empty()) return KERBEROS_REFUSED;
    services.back().peers.back().addresses.push_back(address_of(sockaddr, length, name));
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_config_read(kerberos_config* config, const kerberos_source* sources,
                                     size_t count, const kerberos_text* environment,
                                     size_t variables, const kerberos_settings* inherited,
                                     kerberos_on_message on_message, void* context) {
  return guarded([&] {
    const Environment known(views(environment, variables));
    const auto all = sources_of(sources, count, known);
    auto reading = kerberos::registry::read_files(all, known);
    settle(reading, inside<BreakerSettings>(inherited));
    refuse_taken(config->registry, reading);
    for (const auto& line : kerberos::registry::told(reading.problems, all)) {
      on_message(context, text(line));
    }
    if (!reading.problems.empty()) return KERBEROS_REFUSED;
    append(*config, reading, all);
    return KERBEROS_OK;
  });
}

size_t kerberos_config_variables(const kerberos_config* config) {
  return config->variables.size();
}

kerberos_text kerberos_config_variable(const kerberos_config* config, size_t number) {
  return text(config->variables[number]);
}

kerberos_text kerberos_config_idle(const kerberos_config* config) {
  return text(config->idle);
}

size_t kerberos_config_targets(const kerberos_config* config) {
  return config->targets.size();
}

kerberos_target kerberos_config_target(const kerberos_config* config, size_t number) {
  const auto target = config->targets[number];
  const Service& service = config->registry.services[target.service];
  const Peer& peer = service.peers[target.peer];
  return {text(peer.target), static_cast<kerberos_target_kind>(peer.kind)};
}

static_assert(static_cast<int>(TargetKind::kAddress) == KERBEROS_ADDRESS);
static_assert(static_cast<int>(TargetKind::kName) == KERBEROS_NAME);
static_assert(static_cast<int>(TargetKind::kSrv) == KERBEROS_SRV);

kerberos_result kerberos_config_refuse_target(const kerberos_config* config, size_t number,
                                              kerberos_text why, kerberos_on_message on_message,
                                              void* context) {
  return guarded([&] {
    const auto target = config->targets[number];
    const Service& service = config->registry.services[target.service];
    refuse(*config, service, service.peers[target.peer].place, view(why), on_message, context);
    return KERBEROS_OK;
  });
}

void kerberos_config_follow(kerberos_config* config, size_t number) {
  config->peer(config->targets[number]).followed = true;
  config->follows = true;
}

int kerberos_config_follows(const kerberos_config* config) {
  return config->follows ? 1 : 0;
}

kerberos_result kerberos_config_resolve(kerberos_config* config, size_t number,
                                        const void* sockaddr, size_t length, kerberos_text name) {
  return guarded([&] {
    Peer& peer = config->peer(config->targets[number]);
    peer.addresses.push_back(address_of(sockaddr, length, name));
    return KERBEROS_OK;
  });
}

size_t kerberos_config_files(const kerberos_config* config) {
  return config->files.size();
}

kerberos_text kerberos_config_file(const kerberos_config* config, size_t number) {
  return text(*file_of(config->registry.services[config->files[number]]));
}

kerberos_result kerberos_config_tell_file(kerberos_config* config, size_t number,
                                          kerberos_text text, const uint64_t digest[2]) {
  return guarded([&] {
    auto& registry = config->registry;
    const Service& service = registry.services[config->files[number]];
    registry.certificates[*file_of(service)] = {std::string(view(text)), {digest[0], digest[1]}};
    return KERBEROS_OK;
  });
}

kerberos_result kerberos_config_refuse_file(const kerberos_config* config, size_t number,
                                            kerberos_text why, kerberos_on_message on_message,
                                            void* context) {
  return guarded([&] {
    const Service& service = config->registry.services[config->files[number]];
    refuse(*config, service, service.certificate_place, view(why), on_message, context);
    return KERBEROS_OK;
  });
}

size_t kerberos_config_services(const kerberos_config* config) {
  return config->registry.services.size();
}

kerberos_text kerberos_config_key(const kerberos_config* config, size_t service) {
  return text(config->registry.services[service].balance.key);
}

int kerberos_config_in_registry(const kerberos_config* config, size_t service) {
  return config->registry.services[service].origin == kerberos::registry::Origin::kFile ? 1 : 0;
}

kerberos_result kerberos_config_refuse_key(const kerberos_config* config, size_t number,
                                           kerberos_text why, kerberos_on_message on_message,
                                           void* context) {
  return guarded([&] {
    const Service& service = config->registry.services[number];
    refuse(*config, service, service.balance_place, view(why), on_message, context);
    return KERBEROS_OK;
  });
}

size_t kerberos_config_header_variables(const kerberos_config* config) {
  return config->header_variables.size();
}

kerberos_text kerberos_config_header_variable(const kerberos_config* config, size_t number) {
  return text(config->header_variables[number].name);
}

kerberos_result kerberos_config_refuse_header_variable(const kerberos_config* config, size_t number,
                                                       kerberos_text why,
                                                       kerberos_on_message on_message,
                                                       void* context) {
  return guarded([&] {
    const auto& variable = config->header_variables[number];
    const Service& service = config->registry.services[variable.service];
    refuse(*config, service, variable.place, view(why), on_message, context);
    return KERBEROS_OK;
  });
}

size_t kerberos_config_peers(const kerberos_config* config) {
  size_t peers = 0;
  for (const auto& service : config->known().services) {
    for (const auto& peer : service.peers) peers += peer.addresses.size();
  }
  return peers;
}

size_t kerberos_config_bytes(const kerberos_config* config, size_t processes) {
  return guarded_or<size_t>(
      0, [&] { return kerberos::service::bytes_needed(config->known(), processes); });
}

}  // extern "C"
