// SPDX-License-Identifier: MIT
#include "core/service/records.h"

#include <cstring>
#include <new>

#include "core/service/names.h"

namespace kerberos::service {
namespace {

template <class Record>
void put_first(const Zone& zone, Record& record, Offset& list) {
  record.next = list;
  list = zone.offset_of(&record);
}

std::string_view key_of(const ServiceRecord& record) {
  return {reinterpret_cast<const char*>(&record + 1), record.key_length};
}

}  // namespace

Records::Records(const Zone& zone) : zone_(zone) {
  learn();
}

void Records::learn() {
  peers_.clear();
  services_.clear();
  names_.clear();
  taken_.clear();
  first_free_ = 0;
  for (Offset next = zone_.header().peer_records; next != 0;) {
    auto* record = zone_.at<PeerRecord>(next);
    peers_.emplace(zone_.key_of(*record), record);
    take_rank(record->rank);
    next = record->next;
  }
  for (Offset next = zone_.header().service_records; next != 0;) {
    auto* record = zone_.at<ServiceRecord>(next);
    services_.emplace(key_of(*record), record);
    take_rank(record->rank);
    next = record->next;
  }
  for (Offset next = zone_.header().name_records; next != 0;) {
    auto* record = zone_.at<NameRecord>(next);
    names_.emplace(key_of(*record), record);
    next = record->next;
  }
}

PeerRecord* Records::peer(std::string_view key) {
  if (const auto known = peers_.find(key); known != peers_.end()) return known->second;
  auto* record = new_peer(key);
  if (record == nullptr) return forget_history() ? peer(key) : nullptr;
  peers_.emplace(zone_.key_of(*record), record);
  return record;
}

PeerRecord* Records::new_peer(std::string_view key) {
  const std::uint32_t rank = take_rank(free_rank());
  const Offset block = zone_.allocate(sizeof(PeerRecord));
  if (block == 0) return nullptr;
  auto* record = new (zone_.at<void>(block)) PeerRecord();
  record->key_length = static_cast<std::uint32_t>(key.size());
  if (key.size() > PeerRecord::kKeyMax) {
    record->key_at = zone_.allocate(key.size());
    if (record->key_at == 0) {
      zone_.release(block);
      return nullptr;
    }
  }
  char* at = record->key_at == 0 ? record->key : zone_.at<char>(record->key_at);
  std::memcpy(at, key.data(), key.size());
  record->rank = rank;
  put_first(zone_, *record, zone_.header().peer_records);
  return record;
}

ServiceRecord* Records::service(std::string_view key) {
  if (const auto known = services_.find(key); known != services_.end()) return known->second;
  auto* record = new_service(key);
  if (record == nullptr) return forget_history() ? service(key) : nullptr;
  services_.emplace(key_of(*record), record);
  return record;
}

ServiceRecord* Records::new_service(std::string_view key) {
  const std::uint32_t rank = take_rank(free_rank());
  const Offset block = zone_.allocate(sizeof(ServiceRecord) + key.size());
  if (block == 0) return nullptr;
  auto* record = new (zone_.at<void>(block)) ServiceRecord();
  record->key_length = static_cast<std::uint32_t>(key.size());
  std::memcpy(reinterpret_cast<char*>(record + 1), key.data(), key.size());
  record->rank = rank;
  record->number = ++zone_.header().last_service;
  put_first(zone_, *record, zone_.header().service_records);
  return record;
}

NameRecord* Records::known_name(std::string_view key) {
  const auto known = names_.find(key);
  return known == names_.end() ? nullptr : known->second;
}

NameRecord* Records::name(std::string_view key) {
  if (NameRecord* known = known_name(key)) return known;
  auto* record = make_name(zone_, key);
  if (record == nullptr) return forget_history() ? name(key) : nullptr;
  names_.emplace(key_of(*record), record);
  return record;
}

bool Records::add_window(PeerRecord& record) {
  if (record.window != 0) return true;
  record.window = zone_.allocate(sizeof(breaker::WindowWords));
  return record.window != 0 || (forget_history() && add_window(record));
}

void Records::take_window(PeerRecord& record) {
  if (record.window != 0) zone_.release(record.window);
  record.window = 0;
}

bool Records::forget_history() {
  if (!zone_.forget_history()) return false;
  learn();
  return true;
}

void Records::drop_new() {
  peers_.clear();
  services_.clear();
  names_.clear();
  zone_.drop_new();
}

std::uint32_t Records::take_rank(std::uint32_t rank) {
  if (taken_.size() <= rank) taken_.resize(rank + 1);
  taken_[rank] = true;
  return rank;
}

std::uint32_t Records::free_rank() {
  while (first_free_ < taken_.size() && taken_[first_free_]) ++first_free_;
  if (first_free_ == taken_.size()) taken_.push_back(false);
  return first_free_;
}

}  // namespace kerberos::service
