// SPDX-License-Identifier: MIT
//
// The records of peers, services and names: found again by key, made where there are none, each
// with a rank of its own. What a record needs beside itself, a window or the room for a long key,
// comes and goes with it.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/service/layout.h"
#include "core/service/zone.h"

namespace kerberos::service {

// The zone's records by key, for the length of one build.
class Records {
 public:
  explicit Records(const Zone& zone);

  // The record of that key, made where there is none; null where there is no memory for it, even
  // without history. One that no generation comes to refer to is freed by drop_new().
  PeerRecord* peer(std::string_view key);
  ServiceRecord* service(std::string_view key);
  NameRecord* name(std::string_view key);
  // That of a name which is known, or null.
  NameRecord* known_name(std::string_view key);

  // Sees to it that a record that is referred to has a window, from then on for as long as it
  // lives; false: no memory, even without history.
  [[nodiscard]] bool add_window(PeerRecord& record);
  // Takes it back, where no generation has come to know of it.
  void take_window(PeerRecord& record);

  // Gives up the records that no generation refers to; returns whether there were any.
  bool forget_history();

  // Frees the records that no generation has ever referred to.
  void drop_new();

 private:
  void learn();
  PeerRecord* new_peer(std::string_view key);
  ServiceRecord* new_service(std::string_view key);
  std::uint32_t free_rank();
  std::uint32_t take_rank(std::uint32_t rank);

  const Zone& zone_;
  std::unordered_map<std::string_view, PeerRecord*> peers_;
  std::unordered_map<std::string_view, ServiceRecord*> services_;
  std::unordered_map<std::string_view, NameRecord*> names_;
  std::vector<bool> taken_;  // by rank
  std::uint32_t first_free_ = 0;
};

}  // namespace kerberos::service
