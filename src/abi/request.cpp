// SPDX-License-Identifier: MIT
#include <algorithm>
#include <array>
#include <new>
#include <span>
#include <string_view>

#include "abi/guard.h"
#include "abi/handles.h"
#include "core/breaker/outcome.h"
#include "core/report/transition.h"
#include "core/service/carry_over.h"
#include "core/service/service.h"

using kerberos::abi::guarded;
using kerberos::abi::guarded_or;
using kerberos::abi::inside;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::breaker::Breaker;
using kerberos::breaker::Evidence;
using kerberos::breaker::Freed;
using kerberos::breaker::Mode;
using kerberos::breaker::Options;
using kerberos::breaker::Outcome;
using kerberos::breaker::State;
using kerberos::service::Notice;
using kerberos::service::Notices;
using kerberos::service::Process;
using kerberos::service::Request;
using kerberos::service::Service;
using kerberos::service::service_of;

static_assert(kerberos::service::kAttemptsMax == KERBEROS_ATTEMPTS_MAX);
static_assert(static_cast<int>(kerberos::registry::Origin::kBlock) == KERBEROS_OF_BLOCK);
static_assert(static_cast<int>(kerberos::registry::Origin::kFile) == KERBEROS_OF_REGISTRY);
static_assert(static_cast<int>(Outcome::kNeutral) == KERBEROS_NEUTRAL);
static_assert(static_cast<int>(Outcome::kSuccess) == KERBEROS_SUCCESS);
static_assert(static_cast<int>(Outcome::kFailure) == KERBEROS_FAILURE);

namespace {

void hand_out(const Notices& notices, kerberos_notices* out) {
  out->count = static_cast<uint32_t>(notices.all().size());
  if (out->count != 0) new (out->opaque) Notices(notices);
}

Evidence evidence_of(const kerberos_evidence& shown) {
  return {.freed = static_cast<Freed>(shown.freed),
          .finalize = shown.finalize,
          .finalized = shown.finalized != 0,
          .status = shown.status,
          .grpc_status = shown.grpc_status,
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
          .client_gone = shown.client_gone != 0,
          .retry_after = shown.retry_after != 0,
          .duration = shown.duration};
}

std::string_view line_of(const Notice& notice, std::span<char> room, int* warning) {
  const auto& generation = notice.generation;
  *warning = notice.transition.to == State::kOpen ? 1 : 0;
  return kerberos::report::transition_line(notice.transition, generation.service_name(notice.peer),
                                           generation.text(generation.peers()[notice.peer].id),
                                           room);
}

bool tell(const Process& process, const Notice& notice) {
  const auto& peer = notice.generation.peers()[notice.peer];
  return Breaker(process.record(peer).breaker, notice.generation.options(peer))
      .told(notice.transition.epoch);
}

// What an attempt on a peer that is gone is judged by.
const Options& no_options() {
  static const Options options;
  return options;
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

uint32_t kerberos_service_peers(kerberos_process* process, uint32_t service) {
  return process->process.generation().services()[service].usable;
}

uint32_t kerberos_service_rank(kerberos_process* process, uint32_t service) {
  return process->process.generation().services()[service].rank;
}

kerberos_text kerberos_service_key(kerberos_process* process, uint32_t service) {
  const auto generation = process->process.generation();
  return text(generation.text(generation.services()[service].key));
}

uint64_t kerberos_changes(kerberos_process* process, uint32_t rank) {
  const auto& held = process->process;
  const auto place = held.generation().place(rank);
  if (!place.service()) return UINT64_MAX;
  const auto& service = held.generation().services()[place.number()];
  return held.record(service).changes.load(std::memory_order_relaxed);
}

int kerberos_peer_out(kerberos_process* process, uint32_t rank, int64_t now) {
  const auto& held = process->process;
  const auto place = held.generation().place(rank);
  if (!place.peer()) return 1;
  const auto& image = held.generation().peers()[place.number()];
  const Breaker breaker(held.record(image).breaker, held.generation().options(image));
  return image.down || breaker.shut(now) ? 1 : 0;
}

void kerberos_count_idle(kerberos_process* process, uint32_t rank, int change) {
  process->process.use(rank).idle.fetch_add(static_cast<std::uint32_t>(change),
                                            std::memory_order_relaxed);
}

int kerberos_has_peer(kerberos_process* process, uint32_t rank) {
  return process->process.generation().place(rank).peer() ? 1 : 0;
}

int kerberos_adopt(kerberos_process* process) {
  return guarded_or<int>(0, [&] { return process->process.adopt() ? 1 : 0; });
}

void kerberos_open(kerberos_process* process, uint32_t service, int replayable, kerberos_text key,
                   kerberos_request* request) {
  auto* opened = new (request->opaque) Request();
  opened->service = service;
  Service(process->process, service).open(*opened, replayable != 0, view(key));
}

void kerberos_pick_peer(kerberos_process* process, kerberos_request* request, int64_t now,
                        kerberos_pick* pick, kerberos_notices* notices) {
  auto& held = inside<Request>(request);
  auto service = service_of(process->process, held);
  pick->picked = 0;
  pick->retry_after = 0;
  pick->replay_within = 0;
  pick->met = KERBEROS_CLOSED;
  notices->count = 0;
  if (!service) return;
  const auto picked = service->pick(held, now);
  hand_out(picked.notices, notices);
  pick->picked = picked.picked ? 1 : 0;
  pick->retry_after = picked.retry_after;
  pick->met = picked.held_out ? KERBEROS_OPEN : KERBEROS_CLOSED;
  if (!picked.picked) return;
  const auto& generation = service->generation();
  const auto& peer = service->peer(held);
  pick->peer = peer.rank;
  pick->sockaddr = generation.bytes(peer.sockaddr);
  pick->sockaddr_len = peer.sockaddr_length;
  pick->address = text(generation.text(peer.address));
  pick->id = text(generation.text(peer.id));
  pick->met = held.pass.probe() ? KERBEROS_HALF_OPEN : KERBEROS_CLOSED;
  const auto& options = generation.options(peer);
  // Who only observes changes nothing about the request.
  if (held.pass.probe() && held.replayable && options.mode == Mode::kEnforce &&
      service->has_other(held)) {
    pick->replay_within = options.probe_timeout;
  }
}

int kerberos_get_terms(kerberos_process* process, kerberos_request* request,
                       kerberos_terms* terms) {
  const auto service = service_of(process->process, inside<Request>(request));
  if (!service) return 0;
  const auto& generation = service->generation();
  const auto& said = service->terms();
  terms->connect = said.connect;
  terms->send = said.send;
  terms->read = said.read;
  terms->kept = {said.connections, said.idle, said.requests, said.total};
  terms->tls = said.tls ? 1 : 0;
  terms->verify = said.verify;
  terms->name = text(generation.text(said.name));
  terms->trusted = text(generation.text(said.trusted));
  std::ranges::copy(said.trusted_digest, terms->digest);
  return 1;
}

void kerberos_answered(kerberos_process* process, kerberos_request* request,
                       const kerberos_evidence* evidence, int64_t now) {
  auto& held = inside<Request>(request);
  auto service = service_of(process->process, held);
  if (!service || held.peer == Request::kGone) return;
  service->answered(held, judge(evidence_of(*evidence), service->options(held)), now);
}

kerberos_outcome kerberos_report(kerberos_process* process, kerberos_request* request,
                                 const kerberos_evidence* evidence, int64_t now,
                                 kerberos_notices* notices) {
  auto& held = inside<Request>(request);
  auto service = service_of(process->process, held);
  notices->count = 0;
  if (!service || held.peer == Request::kGone) {
    const auto judgement = judge(evidence_of(*evidence), no_options());
    if (held.peer == Request::kGone) end_gone(process->process, held, judgement, now);
    return static_cast<kerberos_outcome>(judgement.outcome);
  }
  const auto judgement = judge(evidence_of(*evidence), service->options(held));
  const auto ended = service->report(held, judgement, now);
  hand_out(ended.notices, notices);
  return static_cast<kerberos_outcome>(ended.judgement.outcome);
}

int kerberos_has_other(kerberos_process* process, kerberos_request* request) {
  auto& held = inside<Request>(request);
  const auto service = service_of(process->process, held);
  return service && service->has_other(held) ? 1 : 0;
}

void kerberos_close(kerberos_process* process, kerberos_request* request) {
  close(process->process, inside<Request>(request));
}

size_t kerberos_notice_line(const kerberos_notices* notices, uint32_t number, char* line,
                            size_t room, int* warning) {
  return line_of(inside<Notices>(notices).all()[number], {line, room}, warning).size();
}

void kerberos_told(kerberos_process* process, const kerberos_notices* notices) {
  if (notices->count == 0) return;
  for (const Notice& notice : inside<Notices>(notices).all()) tell(process->process, notice);
}

void kerberos_tell_orphans(kerberos_process* process, kerberos_on_line on_line, void* context) {
  guarded([&] {
    for (const Notice& notice : process->process.orphans()) {
      // First, for others may have found it too.
      if (!tell(process->process, notice)) continue;
      std::array<char, KERBEROS_LINE_MAX> room{};
      int warning = 0;
      const auto line = line_of(notice, room, &warning);
      on_line(context, text(line), warning);
    }
    return KERBEROS_OK;
  });
}

void kerberos_count_fault(kerberos_process* process) {
  process->process.zone().header().faults.fetch_add(1, std::memory_order_relaxed);
}

}  // extern "C"
