// SPDX-License-Identifier: MIT
//
// How a generation lies in its block: which part stands where, and how many bytes all of them take.
// Who fills a block asks for the parts in the order in which they were counted.
#pragma once

#include <cstddef>

#include "core/balance/roster.h"
#include "core/service/offset.h"
#include "core/service/plan.h"

namespace kerberos::service {

// Lays out a block: first every part says its size, then the same calls return where it stands.
class Cursor {
 public:
  Offset take(std::size_t size, std::size_t alignment) {
    end_ = (end_ + alignment - 1) / alignment * alignment;
    const Offset at = end_;
    end_ += size;
    return at;
  }
  template <class T>
  Offset take(std::size_t count) {
    return take(count * sizeof(T), alignof(T));
  }
  [[nodiscard]] std::size_t size() const { return end_; }

 private:
  std::size_t end_ = 0;
};

// A block's parts, in the order in which they stand.
struct Parts {
  Offset services;
  Offset peers;
  Offset options;
  Offset terms;
  Offset index;
  Offset places;
  Offset routes;  // where there are any
  Offset names;
};

Parts place_parts(Cursor& cursor, const Plan& plan, std::size_t ranks);

// What a service needs besides its peers.
struct ServiceParts {
  Offset entries;
  Offset due;
  Offset loads[balance::kTiers];
  Offset points[balance::kTiers];
};

ServiceParts place_service(Cursor& cursor, const ServicePlan& plan);

// Of a whole block, with everything that it says.
std::size_t block_size(const Plan& plan, std::size_t ranks);

}  // namespace kerberos::service
