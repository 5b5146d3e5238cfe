// SPDX-License-Identifier: MIT
//
// The configurations of a simulated world: one to begin with, and what its operator makes of it
// at every reload and change.
#pragma once

#include <cstdint>

#include "core/registry/model.h"
#include "sim/dice.h"

namespace kerberos::sim {

// How large a world is; most are small, so that much happens to few.
struct Scale {
  std::uint32_t services = 1;
  std::uint32_t peers = 1;  // of each service
  std::uint32_t workers = 1;
  std::uint32_t trouble = 60;  // percent of the machines that are ever in trouble
  std::uint32_t steps = 5'000;
  bool quick = false;  // breakers open at the first failure, for no peer sees many requests
};

Scale scale_of(std::uint64_t seed, Dice& dice);

class Operator {
 public:
  Operator(Dice& dice, const Scale& scale);

  [[nodiscard]] const registry::Registry& registry() const { return registry_; }
  // Reorders, adds, removes, weighs and sets parameters anew, or some of it.
  void edit();
  // Services in another order.
  void reorder();

 private:
  registry::Service make_service(std::uint32_t number);
  registry::Peer make_peer(bool may_be_backup);
  registry::BreakerSettings make_breaker();
  registry::Balance make_balance();
  void edit(registry::Service& service);

  Dice& dice_;
  Scale scale_;
  bool backups_;
  bool weights_;
  std::uint32_t next_machine_ = 0;
  registry::Registry registry_;
};

}  // namespace kerberos::sim
