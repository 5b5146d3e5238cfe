// SPDX-License-Identifier: MIT
//
// What the opaque names of kerberos.h stand for.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "abi/kerberos.h"
#include "core/registry/model.h"
#include "core/registry/source.h"
#include "core/service/process.h"
#include "core/service/zone.h"

struct kerberos_config_s {
  kerberos::registry::Registry registry;
  // The same with what its names stand for, where it follows any, as was found last.
  std::optional<kerberos::registry::Registry> answered;
  // The peers that came from files and want addresses, as service and place in it.
  struct Target {
    std::size_t service;
    std::size_t peer;
  };
  std::vector<Target> targets;
  // The files of certificates that services name, by the first that does.
  std::vector<std::size_t> files;
  // The variables by which routes set headers.
  struct Variable {
    std::size_t service;
    std::string name;
    kerberos::base::Place place;
  };
  std::vector<Variable> header_variables;
  std::vector<kerberos::registry::Source> sources;  // that were read
  std::vector<std::string> variables;               // that they asked for
  std::string idle;                                 // what they said that has no effect
  bool follows = false;                             // names

  [[nodiscard]] kerberos::registry::Peer& peer(Target target) {
    return registry.services[target.service].peers[target.peer];
  }
  // As far as anybody knows addresses.
  [[nodiscard]] const kerberos::registry::Registry& known() const {
    return answered ? *answered : registry;
  }
};

struct kerberos_zone_s {
  kerberos::service::Zone zone;
};

struct kerberos_process_s {
  kerberos::service::Process process;
};

struct kerberos_document_s {
  std::string text;
};

struct kerberos_archive_s {
  std::vector<kerberos::registry::Source> sources;
};

namespace kerberos::abi {

inline std::string_view view(kerberos_text text) {
  return {text.data, text.len};
}
inline std::vector<std::string_view> views(const kerberos_text* words, std::size_t count) {
  std::vector<std::string_view> views;
  for (std::size_t i = 0; i < count; ++i) views.push_back(view(words[i]));
  return views;
}
inline kerberos_text text(std::string_view view) {
  return {view.size(), view.data()};
}

// Copies text into the caller's memory, ended by zero, cut short where the room ends.
inline std::size_t copy(std::string_view from, char* to, std::size_t room) {
  if (room == 0) return 0;
  const std::size_t length = std::min(from.size(), room - 1);
  std::memcpy(to, from.data(), length);
  to[length] = '\0';
  return length;
}

// The object that a *_storage of the caller's holds.
template <class T, class Storage>
T& inside(Storage* storage) {
  static_assert(sizeof(T) <= sizeof(storage->opaque));
  static_assert(alignof(T) <= alignof(std::uint64_t));
  static_assert(std::is_trivially_destructible_v<T>);
  return *reinterpret_cast<T*>(storage->opaque);
}
template <class T, class Storage>
const T& inside(const Storage* storage) {
  return inside<T>(const_cast<Storage*>(storage));
}

}  // namespace kerberos::abi
