// SPDX-License-Identifier: MIT
//
// What DNS said last of the names that are followed, kept in the zone: a reload, a change of the
// registry and the death of whoever asked for them lose nothing. All under the zone's mutex.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/instant.h"
#include "core/registry/answer.h"
#include "core/registry/model.h"
#include "core/service/layout.h"
#include "core/service/zone.h"

namespace kerberos::service {

// The name that a record is of.
std::string_view key_of(const NameRecord& record);

// A record of a name that has none, or null: no memory. It is nobody's yet.
NameRecord* make_name(const Zone& zone, std::string_view name);

// Whether names of the generation in force stand for something else than when it was built: who
// learnt that may have died since, or have led for a configuration that is over.
bool is_stale(const Zone& zone);

// What came of a question: an answer, or why there is none.
struct Hearing {
  registry::Answer answer;  // in order; empty: none
  std::uint32_t error = 0;  // why, as DNS has it (RFC 1035), or the system
  bool partial = false;     // there may be more addresses than these
};

// What was known before, and what is now.
struct Lesson {
  bool kept = true;         // false: the zone has no memory for it
  registry::Answer former;  // empty: none
  registry::Answer now;
  std::uint32_t error = 0;

  [[nodiscard]] bool changed() const { return former != now; }
};

// The zone's names, for as long as its mutex is held.
class Names {
 public:
  explicit Names(const Zone& zone);

  // The last answer that was good; empty: there was none yet.
  [[nodiscard]] registry::Answer answer(std::string_view name) const;

  // Every name that has an answer.
  [[nodiscard]] std::vector<std::pair<std::string_view, registry::Answer>> all() const;

  // Keeps what was heard. What has no answer leaves the one before, and what is only a part of one
  // takes nothing away. A name that no generation has is made, and kept from now on as long as
  // history is.
  Lesson learn(std::string_view name, const Hearing& hearing, base::Instant now);

  // The names of the registry of which nobody has heard anything, good or bad, but what is so old
  // that the next sweep takes it away.
  [[nodiscard]] std::vector<std::string> unheard(const registry::Registry& registry,
                                                 base::Instant now) const;

  // Whether there is an answer to each name of the registry.
  [[nodiscard]] bool answers_all(const registry::Registry& registry) const;

  // The registry with what its names stand for; nothing where it follows none.
  [[nodiscard]] std::optional<registry::Registry> answered(
      const registry::Registry& registry) const;

 private:
  // Made where there is none; null: no memory.
  NameRecord* record(std::string_view name, base::Instant now);
  bool replace_answer(NameRecord& record, const registry::Answer& answer) const;

  const Zone& zone_;
  std::unordered_map<std::string_view, NameRecord*> records_;
};

}  // namespace kerberos::service
