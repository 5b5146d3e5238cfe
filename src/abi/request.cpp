// SPDX-License-Identifier: MIT
#include <new>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/breaker/outcome.h"
#include "core/report/transition.h"
#include "core/service/service.h"

using kerberos::abi::inside;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::breaker::Evidence;
using kerberos::breaker::Freed;
using kerberos::breaker::Outcome;
using kerberos::breaker::State;
using kerberos::service::Notice;
using kerberos::service::Notices;
using kerberos::service::Request;
using kerberos::service::Service;

static_assert(kerberos::service::kAttemptsMax == KERBEROS_ATTEMPTS_MAX);
static_assert(static_cast<int>(kerberos::registry::Origin::kBlock) == KERBEROS_OF_BLOCK);
static_assert(static_cast<int>(kerberos::registry::Origin::kFile) == KERBEROS_OF_REGISTRY);
static_assert(static_cast<int>(Outcome::kNeutral) == KERBEROS_NEUTRAL);
static_assert(static_cast<int>(Outcome::kSuccess) == KERBEROS_SUCCESS);
static_assert(static_cast<int>(Outcome::kFailure) == KERBEROS_FAILURE);

namespace {

Service service_of(kerberos_process* process, const kerberos_request* request) {
  return {process->process, inside<Request>(request).service};
}

void hand_out(const Notices& notices, kerberos_notices* out) {
  out->count = static_cast<uint32_t>(notices.all().size());
  if (out->count != 0) new (out->opaque) Notices(notices);
}

Evidence evidence_of(const kerberos_evidence& shown) {
  return {.freed = static_cast<Freed>(shown.freed),
          .finalize = shown.finalize,
          .finalized = shown.finalized != 0,
          .status = shown.status,
          .header_received = shown.header_received != 0,
          .header_sent = shown.header_sent != 0,
          .request_sent = shown.request_sent != 0,
          .reused = shown.reused != 0,
          .bytes_received = shown.bytes_received != 0,
          .tls = shown.tls != 0,
          .connect_timed_out = shown.connect_timed_out != 0,
          .read_timed_out = shown.read_timed_out != 0,
          .read_eof = shown.read_eof != 0,
          .read_error = shown.read_error != 0,
          .upgraded = shown.upgraded != 0,
          .client_gone = shown.client_gone != 0};
}

}  // namespace

extern "C" {

int kerberos_find(kerberos_process* process, kerberos_origin origin, kerberos_text name,
                  uint32_t* service) {
  const auto generation = process->process.generation();
  const auto found = generation.find(view(name));
  if (!found) return 0;
  if (static_cast<int>(generation.services()[*found].origin) != origin) return 0;
  *service = *found;
  return 1;
}

kerberos_text kerberos_service_name(kerberos_process* process, uint32_t service) {
  const auto generation = process->process.generation();
  return text(generation.text(generation.services()[service].name));
}

int kerberos_service_tls(kerberos_process* process, uint32_t service) {
  return process->process.generation().services()[service].tls ? 1 : 0;
}

uint32_t kerberos_service_peers(kerberos_process* process, uint32_t service) {
  return process->process.generation().services()[service].usable;
}

uint32_t kerberos_peers(kerberos_process* process) {
  return static_cast<uint32_t>(process->process.generation().peers().size());
}

void kerberos_open(kerberos_process* process, uint32_t service, kerberos_request* request) {
  auto* opened = new (request->opaque) Request();
  opened->service = service;
  Service(process->process, service).open(*opened);
}

void kerberos_pick_peer(kerberos_process* process, kerberos_request* request, int64_t now,
                        kerberos_pick* pick, kerberos_notices* notices) {
  auto& held = inside<Request>(request);
  const auto picked = service_of(process, request).pick(held, now);
  hand_out(picked.notices, notices);
  pick->picked = picked.picked ? 1 : 0;
  pick->retry_after = picked.retry_after;
  pick->met = picked.held_out ? KERBEROS_OPEN : KERBEROS_CLOSED;
  if (!picked.picked) return;
  const auto generation = process->process.generation();
  pick->peer = generation.services()[held.service].first_peer + held.peer;
  const auto& peer = generation.peers()[pick->peer];
  pick->sockaddr = generation.bytes(peer.sockaddr);
  pick->sockaddr_len = peer.sockaddr_length;
  pick->address = text(generation.text(peer.address));
  pick->id = text(generation.text(peer.id));
  pick->met = held.pass.probe() ? KERBEROS_HALF_OPEN : KERBEROS_CLOSED;
}

void kerberos_answered(kerberos_process* process, kerberos_request* request) {
  service_of(process, request).answered(inside<Request>(request));
}

kerberos_outcome kerberos_report(kerberos_process* process, kerberos_request* request,
                                 const kerberos_evidence* evidence, int64_t now,
                                 kerberos_notices* notices) {
  const auto judgement = kerberos::breaker::judge(evidence_of(*evidence));
  hand_out(service_of(process, request).report(inside<Request>(request), judgement, now), notices);
  return static_cast<kerberos_outcome>(judgement.outcome);
}

int kerberos_has_other(kerberos_process* process, const kerberos_request* request) {
  return service_of(process, request).has_other(inside<Request>(request)) ? 1 : 0;
}

size_t kerberos_notice_line(kerberos_process* process, const kerberos_notices* notices,
                            uint32_t number, char* line, size_t room, int* warning) {
  const Notice& notice = inside<Notices>(notices).all()[number];
  const auto generation = process->process.generation();
  const auto& peer = generation.peers()[notice.peer];
  *warning = notice.transition.to == State::kOpen ? 1 : 0;
  return kerberos::report::transition_line(notice.transition, generation.service_name(notice.peer),
                                           generation.text(peer.id), {line, room})
      .size();
}

void kerberos_count_fault(kerberos_process* process) {
  process->process.zone().header().faults.fetch_add(1, std::memory_order_relaxed);
}

}  // extern "C"
