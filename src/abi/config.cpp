// SPDX-License-Identifier: MIT
#include <algorithm>
#include <utility>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/registry/reader.h"
#include "core/service/generation.h"

using kerberos::abi::guarded;
using kerberos::abi::guarded_or;
using kerberos::abi::inside;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::abi::views;
using kerberos::base::Problem;
using kerberos::registry::Address;
using kerberos::registry::BreakerSettings;
using kerberos::registry::Peer;
using kerberos::registry::Registry;
using kerberos::registry::Service;

namespace {

bool taken(const Registry& registry, std::string_view name) {
  return std::any_of(registry.services.begin(), registry.services.end(),
                     [&](const Service& service) { return service.name == name; });
}

Address address_of(const void* sockaddr, size_t length, kerberos_text name) {
  const auto* bytes = static_cast<const unsigned char*>(sockaddr);
  return {{bytes, bytes + length}, std::string(view(name))};
}

// What a service of a file contradicts in what it inherits, or what is taken already.
void check(const Registry& known, const Service& service, std::vector<Problem>& problems) {
  if (taken(known, service.name)) {
    problems.push_back({service.place, "service \"" + service.name +
                                           "\" has the name of an upstream block or of a service "
                                           "of another file"});
  }
  const auto what = kerberos::registry::contradiction(service.breaker);
  if (!what.empty()) {
    problems.push_back({service.place, "service \"" + service.name + "\": " + what});
  }
}

// Takes over the services of a file.
void append(kerberos_config& config, Registry& added) {
  auto& services = config.registry.services;
  for (auto& service : added.services) {
    for (std::size_t i = 0; i < service.peers.size(); ++i) {
      config.targets.push_back({services.size(), i});
    }
    service.origin = kerberos::registry::Origin::kFile;
    services.push_back(std::move(service));
  }
}

}  // namespace

extern "C" {

kerberos_config* kerberos_config_create(void) {
  return guarded_or<kerberos_config*>(nullptr, [] { return new kerberos_config_s(); });
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

kerberos_result kerberos_config_read(kerberos_config* config, kerberos_text yaml,
                                     const kerberos_settings* inherited,
                                     kerberos_on_problem on_problem, void* context) {
  return guarded([&] {
    auto reading = kerberos::registry::read(view(yaml));
    for (auto& service : reading.registry.services) {
      service.breaker = inherit(service.breaker, inside<BreakerSettings>(inherited));
    }
    if (reading.problems.empty()) {
      for (const auto& service : reading.registry.services) {
        check(config->registry, service, reading.problems);
      }
    }
    for (const auto& problem : reading.problems) {
      on_problem(context, problem.place.line, problem.place.column, text(problem.text));
    }
    if (!reading.problems.empty()) return KERBEROS_REFUSED;
    append(*config, reading.registry);
    return KERBEROS_OK;
  });
}

size_t kerberos_config_targets(const kerberos_config* config) {
  return config->targets.size();
}

kerberos_target kerberos_config_target(const kerberos_config* config, size_t number) {
  const auto target = config->targets[number];
  const Peer& peer = config->registry.services[target.service].peers[target.peer];
  return {text(peer.target), peer.place.line, peer.place.column};
}

kerberos_result kerberos_config_resolve(kerberos_config* config, size_t number,
                                        const void* sockaddr, size_t length, kerberos_text name) {
  return guarded([&] {
    Peer& peer = config->peer(config->targets[number]);
    peer.addresses.push_back(address_of(sockaddr, length, name));
    return KERBEROS_OK;
  });
}

size_t kerberos_config_services(const kerberos_config* config) {
  return config->registry.services.size();
}

kerberos_text kerberos_config_key(const kerberos_config* config, size_t service) {
  return text(config->registry.services[service].balance.key);
}

size_t kerberos_config_peers(const kerberos_config* config) {
  size_t peers = 0;
  for (const auto& service : config->registry.services) {
    for (const auto& peer : service.peers) peers += peer.addresses.size();
  }
  return peers;
}

size_t kerberos_config_bytes(const kerberos_config* config, size_t processes) {
  return guarded_or<size_t>(
      0, [&] { return kerberos::service::bytes_needed(config->registry, processes); });
}

}  // extern "C"
