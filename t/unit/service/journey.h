// SPDX-License-Identifier: MIT
//
// What the tests of a request's journey share: looking behind it, and nginx's order as an oracle.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"

namespace kerberos::service {

using breaker::State;

// Sets a peer's state behind everybody's back, as a process that dies right after it has won a
// transition leaves it: done, and told to nobody.
inline void set_state(const Process& process, std::string_view id, State state,
                      base::Instant until) {
  auto& word = record_of(process, id).breaker.word;
  word.store(breaker::Word::unpack(word.load()).next(state, until).pack());
}

inline ServiceRecord& service_of(const Process& process, std::uint32_t service = 0) {
  return process.record(process.generation().services()[service]);
}

inline std::uint64_t in_flight(const Process& process, std::string_view id) {
  return process.zone().in_flight(record_of(process, id).rank);
}

// nginx's smooth weighted round robin, as ngx_http_upstream_get_peer() computes it.
class Oracle {
 public:
  explicit Oracle(std::vector<std::pair<std::string, int>> peers) {
    for (auto& [id, weight] : peers) peers_.push_back({id, weight, 0});
  }
  std::string next() {
    int total = 0;
    One* best = nullptr;
    for (One& one : peers_) {
      one.current += one.weight;
      total += one.weight;
      if (best == nullptr || one.current > best->current) best = &one;
    }
    best->current -= total;
    return best->id;
  }
  std::string next(int times) {
    std::string who;
    while (times-- > 0) who += next();
    return who;
  }

 private:
  struct One {
    std::string id;
    int weight;
    int current;
  };
  std::vector<One> peers_;
};

}  // namespace kerberos::service
