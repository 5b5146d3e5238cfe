// SPDX-License-Identifier: MIT
#include "core/service/carry_over.h"

namespace kerberos::service {
namespace {

// A rank may have come to another service meanwhile.
std::uint32_t service_in(const GenerationView& generation, const Request& request) {
  const Place place = generation.place(request.service_rank);
  const bool same =
      place.service() && generation.services()[place.number()].name_hash == request.service_hash;
  return same ? place.number() : Request::kNone;
}

// What has its place in the old generation only is looked for in the new one. Whom the request has
// tried is forgotten, how often it was tried is not.
void carry_over(Process& process, Request& request) {
  const GenerationView newest = process.generation();
  process.pins().enter();
  request.generation = newest.id();
  request.service = service_in(newest, request);
  request.tried.fill(Request::kNone);
  if (request.peer == Request::kNone || request.peer == Request::kGone) return;
  const Place place = newest.place(request.rank);
  request.peer = Request::kGone;
  if (!place.peer() || newest.peers()[place.number()].service != request.service) return;
  request.peer = place.number() - newest.services()[request.service].first_peer;
}

}  // namespace

std::optional<Service> service_of(Process& process, Request& request) {
  auto generation = process.pins().find(request.generation);
  if (!generation) {
    carry_over(process, request);
    generation = process.generation();
  }
  if (request.service == Request::kNone) return std::nullopt;
  return Service(process, *generation, request.service);
}

void end_gone(Process& process, Request& request, const breaker::Judgement& judgement,
              base::Instant now) {
  // While a request is counted there, the record stays.
  auto& record = *process.zone().at<PeerRecord>(request.record);
  // One that is off: a probe gives its place back, however late, and nothing is decided.
  const breaker::Options options{.mode = breaker::Mode::kOff};
  breaker::Breaker(record.breaker, options).report(request.pass, {}, now, process.random());
  count_outcome(record, judgement);
  count_out(process, request);
  request.peer = Request::kNone;
}

void close(Process& process, Request& request) {
  process.pins().leave(request.generation);
  request.generation = 0;
}

}  // namespace kerberos::service
