// SPDX-License-Identifier: MIT
//
// The core as nginx has it: one zone, one service, several worker processes, and reloads.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/model.h"
#include "core/service/process.h"
#include "core/service/service.h"
#include "core/service/zone.h"
#include "unit/service/arena.h"

namespace kerberos::quality {

inline constexpr std::uint32_t kWorkers = 4;

[[noreturn]] void give_up(const char* what);

// The address of the n-th peer.
std::string name_of(std::uint32_t peer);

// A service of peers with these weights, balanced by the words of kerberos_balance. Its breakers
// are off unless `breaker`.
registry::Service service_of(std::string_view balance, const std::vector<std::uint32_t>& weights,
                             bool breaker = false);

// As many peers that all weigh 1.
std::vector<std::uint32_t> equal(std::uint32_t peers);

class Gateway {
 public:
  // `seed` is that of the workers' dice.
  Gateway(const registry::Service& service, std::uint64_t seed);

  // New workers come with the new configuration, and the old ones leave.
  void reload(const registry::Service& service);

  [[nodiscard]] service::Process& worker(std::uint32_t number) { return *workers_[number]; }

 private:
  void begin(const registry::Service& service);

  std::uint64_t seed_;
  service::Arena arena_;
  service::Zone zone_;
  std::vector<std::unique_ptr<service::Process>> workers_;
  std::int64_t next_pid_ = 100;
};

}  // namespace kerberos::quality
