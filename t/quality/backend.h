// SPDX-License-Identifier: MIT
//
// A peer as a queueing server: so many slots, one request in each, those that find none free wait
// in order. Times are in microseconds from the beginning of the experiment.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>

namespace kerberos::quality {

using Micros = std::int64_t;

inline constexpr Micros kMilli = 1'000;
inline constexpr Micros kSecond = 1'000'000;

// How a peer behaves.
struct Nature {
  std::uint32_t slots = 4;
  double slowness = 1;     // how many times longer than usual everything takes
  bool fails = false;      // answers 500, and does so fast
  Micros stall_every = 0;  // it stands still that often; 0: never
  Micros stall_for = 0;    // and so long
};

// A request, by its place among those under way and how often that place was used before.
struct Ticket {
  std::uint32_t place = 0;
  std::uint32_t age = 0;
};

class Backend {
 public:
  explicit Backend(const Nature& nature) : nature_(nature) {}

  [[nodiscard]] const Nature& nature() const { return nature_; }

  // A request has come: whether it is served at once. Otherwise it waits.
  bool enter(Ticket request) {
    if (busy_ == nature_.slots) {
      waiting_.push_back(request);
      return false;
    }
    ++busy_;
    return true;
  }

  // One has been served; returns whose turn it is. `wanted(request)` tells who still waits.
  template <class Wanted>
  std::optional<Ticket> leave(Wanted&& wanted) {
    while (!waiting_.empty()) {
      const Ticket next = waiting_.front();
      waiting_.pop_front();
      if (wanted(next)) return next;
    }
    --busy_;
    return std::nullopt;
  }

  // When work that begins now is done, stalls and slowness included.
  [[nodiscard]] Micros done(Micros now, Micros work) const {
    Micros end = now + static_cast<Micros>(static_cast<double>(work) * nature_.slowness);
    if (nature_.stall_every == 0) return end;
    // Stalls begin at half of each period, so that none is under way at first.
    for (Micros stall = nature_.stall_every / 2; stall < end; stall += nature_.stall_every) {
      const Micros over = stall + nature_.stall_for;
      if (now < over) end += over - (now > stall ? now : stall);
    }
    return end;
  }

 private:
  Nature nature_;
  std::uint32_t busy_ = 0;
  std::deque<Ticket> waiting_;
};

}  // namespace kerberos::quality
