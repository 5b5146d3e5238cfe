// SPDX-License-Identifier: MIT
#include "core/service/names.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <type_traits>

#include "core/registry/follow.h"
#include "core/service/generation.h"

namespace kerberos::service {
namespace {

using registry::Answer;
using registry::NamedAddress;

static_assert(std::is_trivially_copyable_v<NamedAddress>);

Answer answer_of(const Zone& zone, const NameRecord& record) {
  if (record.answer == 0) return {};
  const auto* kept = zone.at<NameAnswer>(record.answer);
  const auto* first = reinterpret_cast<const NamedAddress*>(kept + 1);
  return {first, first + kept->count};
}

// What was known, with what is new: an address that came again is as it came.
Answer added(const Answer& former, const Answer& news) {
  Answer all = news;
  for (const NamedAddress& known : former) {
    const bool again = std::ranges::any_of(news, [&](const NamedAddress& one) {
      return one.ip == known.ip && one.v6 == known.v6 && one.port == known.port;
    });
    if (!again) all.push_back(known);
  }
  put_in_order(all);
  return all;
}

// Whether somebody has heard of it what is still there when it is built.
bool is_heard(const NameRecord& record, base::Instant now) {
  const bool goes = record.references == 0 && base::elapsed(record.released, now) >= kHistory;
  return !goes && (record.answer != 0 || record.error.load() != 0);
}

}  // namespace

std::string_view key_of(const NameRecord& record) {
  return {reinterpret_cast<const char*>(&record + 1), record.key_length};
}

NameRecord* make_name(const Zone& zone, std::string_view name) {
  const Offset block = zone.allocate(sizeof(NameRecord) + name.size());
  if (block == 0) return nullptr;
  auto* record = new (zone.at<void>(block)) NameRecord();
  record->key_length = static_cast<std::uint32_t>(name.size());
  std::memcpy(reinterpret_cast<char*>(record + 1), name.data(), name.size());
  record->next = zone.header().name_records;
  zone.header().name_records = block;
  return record;
}

bool is_stale(const Zone& zone) {
  Generation* current = zone.current();
  if (current == nullptr) return false;
  return std::ranges::any_of(GenerationView(current).names(), [&](Offset name) {
    return zone.at<NameRecord>(name)->number > current->last_answer;
  });
}

Names::Names(const Zone& zone) : zone_(zone) {
  for (Offset next = zone.header().name_records; next != 0;) {
    auto* record = zone.at<NameRecord>(next);
    records_.emplace(key_of(*record), record);
    next = record->next;
  }
}

Answer Names::answer(std::string_view name) const {
  const auto known = records_.find(name);
  return known == records_.end() ? Answer{} : answer_of(zone_, *known->second);
}

std::vector<std::pair<std::string_view, Answer>> Names::all() const {
  std::vector<std::pair<std::string_view, Answer>> all;
  for (const auto& [name, record] : records_) {
    if (record->answer != 0) all.emplace_back(name, answer_of(zone_, *record));
  }
  std::ranges::sort(all);
  return all;
}

Lesson Names::learn(std::string_view name, const Hearing& hearing, base::Instant now) {
  NameRecord* record = this->record(name, now);
  Lesson lesson;
  lesson.kept = record != nullptr;
  if (record == nullptr) return lesson;
  lesson.error = record->error.load();
  lesson.former = lesson.now = answer_of(zone_, *record);
  if (hearing.answer.empty()) {
    record->error.store(hearing.error);
    return lesson;
  }
  lesson.now = hearing.partial ? added(lesson.former, hearing.answer) : hearing.answer;
  lesson.kept = !lesson.changed() || replace_answer(*record, lesson.now);
  if (lesson.kept) record->error.store(0);
  return lesson;
}

NameRecord* Names::record(std::string_view name, base::Instant now) {
  const auto known = records_.find(name);
  NameRecord* record = known != records_.end() ? known->second : make_name(zone_, name);
  if (record == nullptr) return nullptr;
  if (record->references == 0) record->released = now;
  records_.emplace(key_of(*record), record);
  return record;
}

// Whoever does this may die at any line: it is the old answer then, or the new one.
bool Names::replace_answer(NameRecord& record, const Answer& answer) const {
  const std::size_t size = answer.size() * sizeof(NamedAddress);
  const Offset block = zone_.allocate(sizeof(NameAnswer) + size);
  if (block == 0) return false;
  auto* kept = new (zone_.at<void>(block)) NameAnswer();
  kept->count = answer.size();
  std::uninitialized_copy(answer.begin(), answer.end(), reinterpret_cast<NamedAddress*>(kept + 1));
  record.number = ++zone_.header().last_answer;
  const Offset former = record.answer;
  record.answer = block;
  record.addresses.store(static_cast<std::uint32_t>(answer.size()));
  if (former != 0) zone_.release(former);
  return true;
}

std::vector<std::string> Names::unheard(const registry::Registry& registry,
                                        base::Instant now) const {
  std::vector<std::string> unheard;
  for (auto& name : registry::names_of(registry)) {
    const auto known = records_.find(name);
    const bool heard = known != records_.end() && is_heard(*known->second, now);
    if (!heard) unheard.push_back(std::move(name));
  }
  return unheard;
}

bool Names::answers_all(const registry::Registry& registry) const {
  return std::ranges::none_of(registry::names_of(registry),
                              [&](const std::string& name) { return answer(name).empty(); });
}

std::optional<registry::Registry> Names::answered(const registry::Registry& registry) const {
  std::map<std::string, Answer, std::less<>> answers;
  for (auto& name : registry::names_of(registry)) {
    Answer known = answer(name);
    answers.emplace(std::move(name), std::move(known));
  }
  if (answers.empty()) return std::nullopt;
  return registry::with_answers(registry,
                                [&](std::string_view name) { return &answers.find(name)->second; });
}

}  // namespace kerberos::service
