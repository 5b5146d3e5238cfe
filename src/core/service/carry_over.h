// SPDX-License-Identifier: MIT
//
// Requests that outlive their generation. A process holds a few generations for the requests that
// began on them; one that is on an older one still, such as a WebSocket that stays for days, is
// carried over to the newest when it next asks.
#pragma once

#include <optional>

#include "core/service/service.h"

namespace kerberos::service {

// The service of a request under way, in the generation that the request holds. Nothing where that
// was let go and the newest has no such service.
std::optional<Service> service_of(Process& process, Request& request);

// The attempt under way has ended, on a peer that its generation has no more: it is counted, and
// decides nothing.
void end_gone(Process& process, Request& request, const breaker::Judgement& judgement,
              base::Instant now);

// The request has ended, and lets go of its generation.
void close(Process& process, Request& request);

}  // namespace kerberos::service
