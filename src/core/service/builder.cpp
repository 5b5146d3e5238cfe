// SPDX-License-Identifier: MIT
//
// How a generation comes to be: its peers' records found or made, a block taken, filled part after
// part, and given back where something is missing midway.

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <tuple>
#include <vector>

#include "core/balance/schedule.h"
#include "core/service/block.h"
#include "core/service/draw_up.h"
#include "core/service/generation.h"
#include "core/service/layout.h"
#include "core/service/plan.h"
#include "core/service/records.h"
#include "core/service/zone.h"

namespace kerberos::service {
namespace {

// How many of so many peers failures after connect may hold open: at least one may go, and one has
// to stay. A single peer protects itself alone.
std::uint32_t held_max(std::uint32_t peers, std::uint32_t percent) {
  if (peers < 2 || percent >= 100) return peers;
  const auto share = static_cast<std::uint32_t>(std::uint64_t{peers} * percent / 100);
  return std::clamp<std::uint32_t>(share, 1, peers - 1);
}

class Builder {
 public:
  Builder(const Zone& zone, const Plan& plan) : zone_(zone), plan_(plan), records_(zone) {}

  std::uint64_t build(std::uint64_t lineage, const Edition& edition) {
    // Taken back where the zone turns out too small, or the process runs out of memory midway.
    const auto take_back = [](Builder* builder) { builder->give_back(); };
    std::unique_ptr<Builder, decltype(take_back)> undo(this, take_back);
    if (!find_records() || !zone_.make_room(ranks_)) return 0;
    const std::size_t size = block_size(plan_, ranks_);
    if (size > UINT32_MAX) return 0;
    Offset block = zone_.allocate(size);
    if (block == 0 && records_.forget_history()) block = zone_.allocate(size);
    if (block == 0) return 0;
    at_ = block;
    block_ = zone_.at<std::byte>(block);
    auto& generation = *new (block_) Generation();
    fill(generation);
    std::ignore = undo.release();
    ZoneHeader& header = zone_.header();
    generation.bytes = size;
    generation.edition = edition;
    generation.last_answer = header.last_answer;
    generation.id = ++header.last_generation;
    generation.lineage = lineage == 0 ? generation.id : lineage;
    generation.next = header.generations;
    header.generations = block;
    header.kept.fetch_add(1);
    if (lineage == 0) header.pending = block;
    return generation.id;
  }

 private:
  // Refers to the records of all services and peers, in the order of the plan.
  bool find_records() {
    if (!find_names()) return false;
    services_.reserve(plan_.services.size());
    peers_.reserve(plan_.peers);
    for (const auto& service : plan_.services) {
      ServiceRecord* record = records_.service(service.service->name);
      if (record == nullptr) return false;
      refer(services_, record);
      for (const auto& peer : service.peers) {
        PeerRecord* its = records_.peer(record_key(record->number, peer));
        if (its == nullptr) return false;
        refer(peers_, its);
        if (its->window != 0 || !plan_.options[peer.options].windowed()) continue;
        windows_.push_back(its);
        if (!records_.add_window(*its)) return false;
      }
    }
    return true;
  }

  // First those whose answers this generation is made of: they are no history from then on, which
  // others may take the place of.
  bool find_names() {
    std::vector<std::string_view> others;
    for (const std::string& name : *plan_.names) {
      if (NameRecord* record = records_.known_name(name)) {
        refer(*record);
      } else {
        others.push_back(name);
      }
    }
    for (const std::string_view name : others) {
      NameRecord* record = records_.name(name);
      if (record == nullptr) return false;
      refer(*record);
    }
    return true;
  }

  void refer(NameRecord& record) {
    ++record.references;
    names_.push_back(&record);
  }

  template <class Record>
  void refer(std::vector<Record*>& records, Record* record) {
    ++record->references;
    records.push_back(record);
    ranks_ = std::max(ranks_, record->rank + 1);
  }

  void fill(Generation& generation) {
    const Parts parts = place_parts(cursor_, plan_, ranks_);
    generation.ranks = ranks_;
    generation.buckets = plan_.buckets;
    generation.options = static_cast<std::uint32_t>(plan_.options.size());
    generation.services_at = parts.services;
    generation.peers_at = parts.peers;
    generation.options_at = parts.options;
    generation.terms = static_cast<std::uint32_t>(plan_.terms.size());
    generation.terms_at = parts.terms;
    generation.index_at = parts.index;
    generation.places_at = parts.places;
    generation.names = static_cast<std::uint32_t>(names_.size());
    generation.names_at = parts.names;
    for (std::size_t i = 0; i < names_.size(); ++i) {
      reinterpret_cast<Offset*>(block_ + parts.names)[i] = zone_.offset_of(names_[i]);
    }
    if (plan_.table) {
      generation.routes_at = parts.routes;
      plan_.table->write({block_ + parts.routes, plan_.table->size()});
    }
    if (!plan_.options.empty()) {
      std::memcpy(block_ + parts.options, plan_.options.data(),
                  plan_.options.size() * sizeof(breaker::Options));
    }
    add_terms(generation);
    for (const auto& service : plan_.services) add_service(generation, service);
  }

  // Many services trust the same authorities, whose texts are long.
  void add_terms(const Generation& generation) {
    std::map<std::string_view, Text> trusted;
    for (const auto& [file, certificate] : *plan_.certificates) {
      trusted[file] = text(certificate.text);
    }
    auto* at = reinterpret_cast<Terms*>(block_ + generation.terms_at);
    for (const TermsPlan& plan : plan_.terms) {
      Terms& terms = *new (at++) Terms(terms_of(plan));
      terms.name = text(plan.tls_settings.name.value_or(""));
      const auto certificate =
          plan_.certificates->find(plan.tls_settings.trusted_certificate.value_or(""));
      if (certificate == plan_.certificates->end()) continue;
      terms.trusted = trusted[certificate->first];
      std::ranges::copy(certificate->second.digest, terms.trusted_digest);
    }
  }

  void add_service(Generation& generation, const ServicePlan& plan) {
    const ServiceRecord* record = services_[generation.services];
    auto* at = block_ + generation.services_at + generation.services * sizeof(ServiceImage);
    auto* service = new (at) ServiceImage();
    service->record = zone_.offset_of(record);
    service->rank = record->rank;
    place(generation, record->rank, Place::kService | generation.services);
    service->name = text(plan.service->name);
    service->name_hash = balance::hash_of(plan.service->name);
    service->key = text(plan.service->balance.key);
    service->first_peer = generation.peers;
    service->origin = plan.service->origin;
    service->terms = plan.terms;
    service->balance = plan.balance();
    service->room = plan.room;
    add_parts(*service, plan);
    ++generation.services;
    for (const auto& peer : plan.peers) add_peer(generation, *service, peer);
    generation.most_peers = std::max(generation.most_peers, service->peers);
    if (!plan.peers.empty()) {
      // What a service says for all its peers, each of them says.
      const breaker::Options& options = plan_.options[plan.peers.front().options];
      service->held_max = held_max(service->usable, options.max_open_percent);
      service->panic_percent = options.panic_percent;
    }
    index(generation, *service);
    line_up(generation, *service);
  }

  void place(const Generation& generation, std::uint32_t rank, std::uint32_t word) {
    reinterpret_cast<Place*>(block_ + generation.places_at)[rank] = {word};
  }

  // The first image has everybody in who is not down, so that no request ever finds none. Whoever
  // is out is found out at the first pick, for the image is older than the peers' changes.
  void line_up(Generation& generation, ServiceImage& service) {
    const GenerationView view(&generation);
    const auto peers = view.peers(service);
    balance::Workbench bench;
    balance::Roster roster = view.roster(service);
    const balance::Roster::Draft draft = roster.draft();
    balance::Roster::Contents contents;
    for (const PeerImage& peer : peers) {
      bench.in.push_back(peer.down ? 0 : 1);
      if (!peer.down) contents.weights[peer.backup ? 1 : 0] += peer.weight;
    }
    for (const balance::Tier tier : balance::kAllTiers) {
      const auto t = static_cast<std::size_t>(tier);
      contents.lengths[t] = draw_up(view, service, tier, bench.in, draft.tiers[t], bench);
      view.loads(service, tier).rebuild([&](std::uint32_t peer) {
        const bool in = bench.in[peer] != 0 && peers[peer].backup == (t == 1);
        return in ? balance::Load{}.key() : balance::Loads::kOut;
      });
    }
    view.due(service).rebuild([](std::uint32_t) { return DueTimes::kOut; });
    roster.publish(draft, contents, 1, roster.claim(0));
  }

  void add_parts(ServiceImage& service, const ServicePlan& plan) {
    const ServiceParts parts = place_service(cursor_, plan);
    service.entries = parts.entries;
    service.due = parts.due;
    for (std::size_t tier = 0; tier < balance::kTiers; ++tier) {
      const auto& points = plan.points[tier];
      service.loads[tier] = parts.loads[tier];
      service.points[tier] = parts.points[tier];
      service.point_counts[tier] = static_cast<std::uint32_t>(points.size());
      std::copy(points.begin(), points.end(),
                reinterpret_cast<balance::Point*>(block_ + parts.points[tier]));
    }
  }

  void add_peer(Generation& generation, ServiceImage& service, const PeerPlan& peer) {
    const PeerRecord* record = peers_[generation.peers];
    auto* at = block_ + generation.peers_at + generation.peers * sizeof(PeerImage);
    auto* image = new (at) PeerImage();
    image->record = zone_.offset_of(record);
    image->window = record->window;
    image->rank = record->rank;
    place(generation, record->rank, generation.peers + 1);
    image->id = text(peer.id);
    image->address = peer.id == peer.address->text ? image->id : text(peer.address->text);
    image->sockaddr = static_cast<Inside>(cursor_.take(peer.address->bytes.size(), 8));
    std::memcpy(block_ + image->sockaddr, peer.address->bytes.data(), peer.address->bytes.size());
    image->sockaddr_length = static_cast<std::uint16_t>(peer.address->bytes.size());
    image->options = peer.options;
    image->share = peer.share;
    image->service = generation.services - 1;
    image->weight = peer.peer->weight;
    image->max_conns = peer.peer->max_conns;
    image->backup = peer.peer->backup;
    image->down = peer.peer->down;
    if (!image->down) ++service.usable;
    if (!image->down && !image->backup) ++service.primaries;
    ++service.peers;
    ++generation.peers;
  }

  void index(const Generation& generation, const ServiceImage& service) {
    auto* buckets = reinterpret_cast<std::uint32_t*>(block_ + generation.index_at);
    std::uint64_t bucket = service.name_hash;
    while (buckets[bucket & (generation.buckets - 1)] != 0) ++bucket;
    buckets[bucket & (generation.buckets - 1)] = generation.services;
  }

  Text text(std::string_view from) {
    const Offset at = cursor_.take(from.size(), 1);
    std::memcpy(block_ + at, from.data(), from.size());
    return {static_cast<Inside>(at), static_cast<std::uint32_t>(from.size())};
  }

  void give_back() {
    for (auto* peer : windows_) records_.take_window(*peer);
    for (auto* name : names_) --name->references;
    for (auto* service : services_) --service->references;
    for (auto* peer : peers_) --peer->references;
    records_.drop_new();
    if (at_ != 0) zone_.release(at_);
  }

  const Zone& zone_;
  const Plan& plan_;
  Records records_;
  std::vector<NameRecord*> names_;
  std::vector<ServiceRecord*> services_;
  std::vector<PeerRecord*> peers_;
  std::vector<PeerRecord*> windows_;  // records that had none before
  std::uint32_t ranks_ = 0;
  Cursor cursor_;
  Offset at_ = 0;  // of the block
  std::byte* block_ = nullptr;
};

}  // namespace

std::uint64_t build_generation(const Zone& zone, const registry::Registry& registry,
                               std::uint64_t lineage, const Edition& edition) {
  const Plan plan = plan_of(registry);
  return Builder(zone, plan).build(lineage, edition);
}

}  // namespace kerberos::service
