// SPDX-License-Identifier: MIT
//
// What the tests of a request's journey share: looking behind it, and nginx's order as an oracle.
#pragma once

#include <algorithm>
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
  word.store(breaker::Word::unpack(word.load()).next(state, false, until).pack());
}

using breaker::Cause;
using breaker::Judgement;
using breaker::Outcome;

inline Judgement failed(Cause cause, std::uint16_t status = 0) {
  return {.outcome = Outcome::kFailure, .cause = cause, .status = status};
}

// A failure after connect that nobody but the peer is to blame for.
inline const Judgement kError = failed(Cause::kStatus, 500);

// One request that is picked for once and ends so. Returns by whom.
inline std::string send(Process& process, const Judgement& judgement, base::Instant now) {
  Client client(process);
  std::string who = client.pick(now);
  client.report(judgement, now);
  return who;
}

// Lets every attempt on `id` fail after connect until its breaker opens, everybody else do well.
inline void break_down(Process& process, std::string_view id, base::Instant now) {
  for (int i = 0; i < 1000; ++i) {
    Client client(process);
    client.report(client.pick(now) == id ? kError : kGood, now);
    if (!client.told().empty()) return;
  }
  fail_msg("it never opened");
}

// How many peers are open.
inline int open_peers(const Process& process) {
  int open = 0;
  for (const PeerImage& image : process.generation().peers()) {
    const auto word = breaker::Word::unpack(process.record(image).breaker.word.load());
    open += word.state == State::kOpen ? 1 : 0;
  }
  return open;
}

inline std::string sorted(std::string who) {
  std::ranges::sort(who);
  return who;
}

inline std::uint64_t count_of(const Process& process, std::string_view id, Cause cause) {
  return record_of(process, id).causes[static_cast<std::size_t>(cause)].load();
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
