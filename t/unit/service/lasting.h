// SPDX-License-Identifier: MIT
//
// What the tests of requests that outlive their generations share: such a request, led as the
// C face leads it, and a look at what a process pins.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/service/carry_over.h"
#include "core/service/service.h"
#include "unit/service/gate.h"

namespace kerberos::service {

// The ids of the generations that stand in a slot, oldest first: "1 3".
inline std::string pinned(const Gate& gate, std::uint32_t slot) {
  std::multiset<std::uint64_t> ids;
  for (const auto& pin : gate.zone.header().slots[slot].pins) {
    if (pin.load() != 0) ids.insert(gate.zone.at<Generation>(pin.load())->id);
  }
  std::string text;
  for (const std::uint64_t id : ids) text += (text.empty() ? "" : " ") + std::to_string(id);
  return text;
}

// A request that begins on the newest generation of its process. It has to be closed.
class Lasting {
 public:
  explicit Lasting(Process& process, std::uint32_t number = 0, std::string_view key = {})
      : process_(&process) {
    request.service = number;
    Service(process, number).open(request, true, key);
  }

  // The id of the peer that was picked; "-": nobody; "gone": its service is.
  std::string pick(base::Instant now) {
    const auto service = service_of(*process_, request);
    if (!service) return "gone";
    Service its = *service;
    if (!its.pick(request, now).picked) return "-";
    return std::string(its.generation().text(its.peer(request).id));
  }

  // Whether it was reported to a peer that its generation still has.
  bool report(const breaker::Judgement& judgement, base::Instant now) {
    auto service = service_of(*process_, request);
    if (service && request.peer != Request::kGone) {
      ended = service->report(request, judgement, now);
      return true;
    }
    if (request.peer == Request::kGone) end_gone(*process_, request, judgement, now);
    return false;
  }

  void close() { service::close(*process_, request); }

  Request request;
  Ended ended;

 private:
  Process* process_;
};

// The process goes over to this, and lets go of everything before.
inline void overtake(const Gate& gate, Process& process, const registry::Registry& registry,
                     base::Instant now = 2) {
  gate.change(registry, now);
  assert_true(process.adopt());
  process.pins().let_go_before(~0ULL);
  gate.sweep(now);
  assert_text(pinned(gate, process.self().slot), std::to_string(gate.zone.current()->id));
}

// So late that no history is left.
inline void forget(const Gate& gate) {
  gate.sweep(10 * kHistory);
}

inline void assert_nothing_in_flight(const Gate& gate) {
  for (std::uint32_t rank = 0; rank < 64; ++rank) assert_int_equal(gate.zone.in_flight(rank), 0);
}

}  // namespace kerberos::service
