// SPDX-License-Identifier: MIT
#include "core/service/zone.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <span>

#include "core/service/generation.h"

namespace kerberos::service {
namespace {

template <class Record>
void let_go(Record& record, base::Instant now) {
  if (--record.references == 0) record.released = now;
}

}  // namespace

void Zone::release_record(const PeerRecord& record) const {
  if (record.window != 0) release(record.window);
  if (record.key_at != 0) release(record.key_at);
  release(offset_of(&record));
}

void Zone::release_record(const NameRecord& record) const {
  if (record.answer != 0) release(record.answer);
  release(offset_of(&record));
}

// Frees the records of a list that nobody refers to and that `old` lets go.
template <class Record, class Old>
bool Zone::drop_records(Offset* link, const Old& old) const {
  bool any = false;
  while (*link != 0) {
    auto* record = at<Record>(*link);
    if (record->references != 0 || !old(*record)) {
      link = &record->next;
      continue;
    }
    *link = record->next;
    release_record(*record);
    any = true;
  }
  return any;
}

// A record keeps its place while some process has requests or connections there, also where no
// generation names it: whoever came to its rank would be taken for it.
template <class Old>
bool Zone::drop_records(const Old& old) const {
  const auto lets_go = [&](const auto& record) {
    return old(record) && in_flight(record.rank) == 0 && idle(record.rank) == 0;
  };
  const bool peers = drop_records<PeerRecord>(&header_->peer_records, lets_go);
  const bool services = drop_records<ServiceRecord>(&header_->service_records, lets_go);
  const bool names = drop_records<NameRecord>(&header_->name_records, old);
  return peers || services || names;
}

std::optional<Zone> Zone::create(const Memory& memory) {
  const Zone bare(memory, nullptr);
  const Offset block = bare.allocate(sizeof(ZoneHeader));
  if (block == 0) return std::nullopt;
  auto* header = new (bare.at<void>(block)) ZoneHeader();
  header->layout = kLayout;
  header->size = memory.size;
  header->magic = kMagic;
  return Zone(memory, header);
}

std::optional<Zone> Zone::reopen(const Memory& memory, void* header) {
  auto* known = static_cast<ZoneHeader*>(header);
  if (known->magic != kMagic || known->layout != kLayout || known->size != memory.size) {
    return std::nullopt;
  }
  return Zone(memory, known);
}

Offset Zone::allocate(std::size_t size) const {
  void* block = memory_.allocate(memory_.context, size);
  if (block == nullptr) return 0;
  std::memset(block, 0, size);
  return offset_of(block);
}

Offset Zone::allocate_or_forget(std::size_t size) const {
  const Offset block = allocate(size);
  return block == 0 && forget_history() ? allocate(size) : block;
}

void Zone::release(Offset block) const {
  memory_.release(memory_.context, at<void>(block));
}

Generation* Zone::current() const {
  const Offset block = header_->current.load();
  return block == 0 ? nullptr : at<Generation>(block);
}

void Zone::publish(std::uint64_t id) const {
  const Generation* generation = find(id);
  if (generation == nullptr) return;
  const Offset block = offset_of(generation);
  if (header_->pending == block) header_->pending = 0;
  header_->current.store(block);
}

Generation* Zone::find(std::uint64_t id) const {
  for (Offset next = header_->generations; next != 0;) {
    auto* generation = at<Generation>(next);
    if (generation->id == id) return generation;
    next = generation->next;
  }
  return nullptr;
}

std::uint32_t Zone::bury(ProcessExists exists) const {
  std::uint32_t dead = 0;
  const std::uint32_t used = header_->slots_used.load();
  for (std::uint32_t i = 0; i < used; ++i) {
    const std::uint32_t life = header_->lives[i].load();
    if ((life & 1U) == 0 || exists(header_->slots[i].pid.load()) != 0) continue;
    leave_slot({i, life});
    ++dead;
  }
  return dead;
}

void Zone::sweep(base::Instant now) const {
  sweep_generations(now);
  drop_records(
      [now](const auto& record) { return base::elapsed(record.released, now) >= kHistory; });
}

void Zone::sweep_generations(base::Instant now) const {
  const bool late = base::elapsed(header_->pending_since, now) >= kPendingMax;
  if (header_->pending != 0 && late) forget_pending();
  std::uint32_t kept = 0;
  for (Offset* link = &header_->generations; *link != 0;) {
    auto* generation = at<Generation>(*link);
    if (in_use(*link)) {
      link = &generation->next;
      ++kept;
      continue;
    }
    const Offset block = *link;
    *link = generation->next;
    release_records(GenerationView(generation), now);
    release(block);
  }
  header_->kept.store(kept);  // counted anew: a builder may have died before it could count
}

void Zone::drop_new() const {
  drop_records([](const auto& record) { return record.released == 0; });
}

bool Zone::forget_history() const {
  return drop_records([](const auto&) { return true; });
}

// Whether it is in force, will be, or some process may still use it. One that was built for a
// reload that failed is none of these once the next has been built.
bool Zone::in_use(Offset generation) const {
  if (generation == header_->current.load() || generation == header_->pending) return true;
  const std::uint32_t used = header_->slots_used.load();
  for (std::uint32_t i = 0; i < used; ++i) {
    if ((header_->lives[i].load() & 1U) == 0) continue;
    for (const auto& pin : header_->slots[i].pins) {
      if (pin.load() == generation) return true;
    }
  }
  return false;
}

void Zone::release_records(const GenerationView& generation, base::Instant now) const {
  for (const ServiceImage& service : generation.services()) {
    let_go(*at<ServiceRecord>(service.record), now);
  }
  for (const PeerImage& peer : generation.peers()) let_go(*at<PeerRecord>(peer.record), now);
  for (const Offset name : generation.names()) let_go(*at<NameRecord>(name), now);
}

std::optional<base::Owner> Zone::take_slot(std::uint32_t slot, std::int64_t pid,
                                           std::uint32_t ranks) const {
  if (slot >= kSlots) return std::nullopt;
  Slot& mine = header_->slots[slot];
  const std::uint32_t former = header_->lives[slot].load();
  // A process without a master takes its slot again at every reload, and goes on serving the
  // requests of the generations before.
  const bool again = (former & 1U) != 0 && mine.pid.load() == pid;
  // An even life first: what the former owner counted is nobody's while it is wiped.
  if (!again) header_->lives[slot].store((former + 1) & ~1U);
  if (!make_room(mine, ranks)) return std::nullopt;
  if (again) return base::Owner{slot, former};
  for (const auto& chunk : at<Uses>(mine.uses.load())->chunks) {
    if (chunk.load() == 0) break;
    for (Use& use : std::span(at<Use>(chunk.load()), Uses::kChunk)) {
      use.in_flight.store(0);
      use.idle.store(0);
    }
  }
  for (auto& pin : mine.pins) pin.store(0);
  mine.pid.store(pid);
  if (header_->slots_used.load() <= slot) header_->slots_used.store(slot + 1);
  const base::Owner owner{slot, ((former + 1) & ~1U) + 1};
  header_->lives[slot].store(owner.life);
  return owner;
}

bool Zone::make_room(std::uint32_t ranks) const {
  const std::uint32_t used = header_->slots_used.load();
  for (std::uint32_t i = 0; i < used; ++i) {
    if ((header_->lives[i].load() & 1U) != 0 && !make_room(header_->slots[i], ranks)) return false;
  }
  return true;
}

bool Zone::make_room(Slot& slot, std::uint32_t ranks) const {
  if (ranks > Uses::kRanksMax) return false;
  if (slot.uses.load() == 0) slot.uses.store(allocate_or_forget(sizeof(Uses)));
  if (slot.uses.load() == 0) return false;
  Uses& uses = *at<Uses>(slot.uses.load());
  for (std::uint32_t i = 0; i * Uses::kChunk < ranks; ++i) {
    if (uses.chunks[i].load() != 0) continue;
    const Offset chunk = allocate_or_forget(Uses::kChunk * sizeof(Use));
    if (chunk == 0) return false;
    uses.chunks[i].store(chunk);
  }
  return true;
}

void Zone::leave_slot(base::Owner owner) const {
  std::uint32_t life = owner.life;
  if (!header_->lives[owner.slot].compare_exchange_strong(life, owner.life + 1)) return;
  for (auto& pin : header_->slots[owner.slot].pins) pin.store(0);
  header_->slots[owner.slot].pid.store(0);
}

std::uint64_t Zone::in_flight(std::uint32_t rank) const {
  return sum(rank, &Use::in_flight);
}

std::uint64_t Zone::idle(std::uint32_t rank) const {
  return sum(rank, &Use::idle);
}

std::uint64_t Zone::sum(std::uint32_t rank, std::atomic<std::uint32_t> Use::*what) const {
  std::uint64_t sum = 0;
  const std::uint32_t used = header_->slots_used.load(std::memory_order_relaxed);
  for (std::uint32_t i = 0; i < used; ++i) {
    const std::uint32_t life = header_->lives[i].load(std::memory_order_acquire);
    const Offset uses = header_->slots[i].uses.load(std::memory_order_acquire);
    if ((life & 1U) == 0 || uses == 0) continue;
    const Offset chunk =
        at<Uses>(uses)->chunks[rank / Uses::kChunk].load(std::memory_order_acquire);
    if (chunk == 0) continue;
    const std::uint32_t count = (at<Use>(chunk)[rank % Uses::kChunk].*what).load();
    // Not of a process that left meanwhile: its slot may be another's by now.
    if (header_->lives[i].load() == life) sum += count;
  }
  return sum;
}

}  // namespace kerberos::service
