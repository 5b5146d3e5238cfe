// SPDX-License-Identifier: MIT
//
// What stands where in the zone. Plain structs, offsets instead of pointers: the memory outlives
// the code that wrote it, and is read by processes that run another copy of it.
//
// - Records live as long as some generation refers to them, and are found again by their key:
//   a peer's breaker and counters survive a reload.
// - A generation is one block, immutable but for its rosters: services, peers, options, terms,
//   names.
// - Slots tell which processes are attached, what they pin, and hold what dies with them.
//
// Lists and blocks change only under the zone's mutex, which the caller holds. Requests walk no
// list: they read a generation and write atomics.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/balance/method.h"
#include "core/balance/roster.h"
#include "core/base/instant.h"
#include "core/breaker/breaker.h"
#include "core/breaker/options.h"
#include "core/registry/model.h"
#include "core/service/offset.h"
#include "core/service/refusal.h"
#include "core/service/terms.h"

namespace kerberos::service {

inline constexpr std::uint64_t kMagic = 0x4b45524245524f53;  // "KERBEROS"
inline constexpr std::uint32_t kLayout = 7;                  // raise it with any change below
inline constexpr std::uint32_t kSlots = 1024;                // nginx's NGX_MAX_PROCESSES
inline constexpr std::size_t kLine = 64;                     // a cache line
inline constexpr std::uint32_t kPins = 8;                    // generations that a process may hold

// The words of a peer that every pick reads stand apart from those that every request writes. There
// are thousands of these and nginx's slab rounds up to powers of two, so it is 512 bytes: what only
// some peers need (a window, a long key) is a block of its own.
struct PeerRecord {
  static constexpr std::size_t kKeyMax = 44;  // longer keys stand elsewhere

  alignas(kLine) breaker::Words breaker;
  Offset window;           // breaker::WindowWords; 0: nobody has asked for one yet
  base::Instant released;  // when the last generation let go of it
  Offset key_at;           // 0: in here
  struct alignas(kLine) Counters {
    std::atomic<std::uint64_t> requests;  // attempts that began, ended or not
    std::atomic<std::uint64_t> successes;
    std::atomic<std::uint64_t> failures;
    std::atomic<std::uint64_t> neutral;
    std::atomic<std::uint64_t> responses[4];  // by the hundreds of their status, from 200
  } counters;
  std::atomic<std::uint64_t> informational;             // responses from 100 to 199
  std::atomic<std::uint64_t> causes[breaker::kCauses];  // of what was no plain success
  // What is known of its pace, where its service's method wants to know.
  struct Pace {
    std::atomic<std::uint64_t> peak;     // balance::Peak, in ms until the response header
    std::atomic<std::uint64_t> latency;  // balance::Average, in ms until the response header
    std::atomic<std::uint64_t> errors;   // balance::Average, of attempts
    std::atomic<std::uint64_t> factor;   // balance::Factor
  } pace;
  // What a build looks through.
  alignas(kLine) Offset next;
  std::uint32_t references;  // generations that name it
  std::uint32_t rank;        // its place among what a process uses
  std::uint32_t key_length;
  char key[kKeyMax];
};
static_assert(sizeof(PeerRecord) == 512);

struct ServiceRecord {
  struct alignas(kLine) Counters {
    std::atomic<std::uint64_t> requests;
    std::atomic<std::uint64_t> rejected;
    std::atomic<std::uint64_t> primary_turn;
    std::atomic<std::uint64_t> backup_turn;
    std::atomic<std::uint64_t> latency;  // balance::Average of all its peers
    std::atomic<std::uint64_t> errors;   // balance::Average
  } counters;
  // How often a peer changed sides. A roster built from an older count is stale, in whichever
  // generation it stands. On a line of its own: every request reads it, transitions write it.
  alignas(kLine) std::atomic<std::uint64_t> changes;
  std::atomic<std::uint64_t> overflow;    // trips that max_open did not allow
  std::atomic<base::Instant> full_until;  // until when it is not asked again
  Offset next;
  base::Instant released;
  std::uint32_t references;
  std::uint32_t rank;        // its place among what a process uses, where anybody counts that
  std::uint32_t number;      // by which its peers know it: no other record ever has it
  std::uint32_t key_length;  // the key follows
};

// A name that is followed, and the last answer that was good. Answers change under the zone's
// mutex, and as a whole: what `answer` refers to never does.
struct NameRecord {
  Offset next;
  base::Instant released;
  std::uint32_t references;
  std::uint32_t key_length;              // the key follows
  Offset answer;                         // NameAnswer, 0: nobody has heard one yet
  std::uint64_t number;                  // of the answer, among all that were ever kept
  std::atomic<std::uint32_t> addresses;  // of the answer
  std::atomic<std::uint32_t> error;      // why the last question had no answer; 0: it had one
};

struct NameAnswer {
  std::uint64_t count;  // of registry::NamedAddress, which follow
};

// One line, and all that a pick reads of a generation for a peer.
struct alignas(kLine) PeerImage {
  Offset record;  // in the zone
  Offset window;  // its record's
  Text id;
  Text address;  // as text
  Inside sockaddr;
  std::uint16_t sockaddr_length;
  bool backup;
  bool down;
  std::uint32_t options;  // which of the generation's
  std::uint32_t share;    // its weight, fitted to the schedule
  std::uint32_t weight;   // as configured
  std::uint32_t max_conns;
  std::uint32_t service;  // whose it is
  std::uint32_t rank;     // its record's
};
static_assert(sizeof(PeerImage) == kLine);

struct ServiceImage {
  Offset record;  // in the zone
  Text name;
  std::uint64_t name_hash;
  std::uint32_t rank;  // its record's
  std::uint32_t first_peer;
  std::uint32_t peers;
  std::uint32_t usable;     // peers that are not down
  std::uint32_t primaries;  // of these, those that are no backups
  std::uint32_t held_max;   // how many may be held open by failures after connect
  std::uint32_t panic_percent;
  std::uint32_t terms;  // which of the generation's
  registry::Origin origin;
  balance::Options balance;
  Text key;  // of hash
  balance::RosterRoom room;
  Offset entries;                  // of the roster
  Offset due;                      // DueTimes: when the peers that are out may be probed
  Offset loads[balance::kTiers];   // Loads, where the method ranks peers by load
  Offset points[balance::kTiers];  // balance::Point[], where the method hashes
  std::uint32_t point_counts[balance::kTiers];
  alignas(kLine) balance::RosterWords roster;
};

// Who has a rank in a generation.
struct Place {
  static constexpr std::uint32_t kService = 1U << 31U;

  std::uint32_t word;  // 0: nobody; 1 + the peer's number, or kService + the service's number

  [[nodiscard]] bool peer() const { return word != 0 && (word & kService) == 0; }
  [[nodiscard]] bool service() const { return (word & kService) != 0; }
  [[nodiscard]] std::uint32_t number() const { return peer() ? word - 1 : word & ~kService; }
};

// What a generation was made of, and when.
struct Edition {
  std::uint64_t digest[2] = {};  // of the registry's texts
  std::int64_t unix_ms = 0;
};

// A configuration and the changes to its registry while it is in force are one lineage, named by
// the first generation. Processes of one configuration adopt no generation of another's.
struct Generation {
  std::uint64_t id;
  std::uint64_t lineage;
  Edition edition;
  Offset next;                // in the zone, the one built before
  std::uint64_t last_answer;  // that was known to whoever built it
  std::uint64_t bytes;
  std::uint32_t services;
  std::uint32_t peers;
  std::uint32_t most_peers;  // of a service
  std::uint32_t options;
  std::uint32_t terms;
  std::uint32_t ranks;    // one more than the highest rank of its peers and services
  std::uint32_t buckets;  // a power of two, of the index of names
  Offset services_at;     // ServiceImage[services]
  Offset peers_at;        // PeerImage[peers]
  Offset options_at;      // breaker::Options[options]
  Offset terms_at;        // Terms[terms]
  Offset index_at;        // std::uint32_t[buckets]: 1 + service, 0: empty
  Offset places_at;       // Place[ranks]
  Offset routes_at;       // route::TableImage, 0: none
  Offset names_at;        // Offset[names], in the zone: NameRecord
  std::uint32_t names;
};

// What a process uses of a peer. Nobody but that process writes it, and with the process it dies:
// what a killed worker had in flight counts no more.
struct Use {
  std::atomic<std::uint32_t> in_flight;  // requests
  std::atomic<std::uint32_t> idle;       // connections that it keeps open
};

// By rank, in chunks of a page: there may come to be more while the process counts.
struct Uses {
  static constexpr std::uint32_t kChunk = 512;
  static constexpr std::uint32_t kChunks = 512;
  static constexpr std::uint32_t kRanksMax = kChunk * kChunks;

  std::atomic<Offset> chunks[kChunks];  // Use[kChunk]
};

struct Slot {
  std::atomic<std::int64_t> pid;
  std::atomic<Offset> uses;         // Uses
  std::atomic<Offset> pins[kPins];  // Generation, that the process may still use; 0: none
};

struct ZoneHeader {
  std::uint64_t magic;
  std::uint32_t layout;
  std::uint64_t size;
  Offset generations;               // newest first
  std::atomic<std::uint32_t> kept;  // how many these are
  Offset peer_records;
  Offset service_records;
  Offset name_records;
  std::uint64_t last_generation;
  std::uint64_t last_answer;    // number given to an answer
  std::uint32_t last_service;   // number given to a record
  std::atomic<Offset> current;  // the generation in force
  base::Instant pending_since;
  Offset pending;                     // one that a configuration has built and not yet published
  std::atomic<std::uint64_t> leader;  // Leader
  RefusalWords refusal;
  std::atomic<std::uint64_t> shortage;    // no memory: generations before this id are to be let go
  std::atomic<std::uint64_t> unmatched;   // requests that no route was for
  std::atomic<std::uint64_t> faults;      // internal faults that were survived
  std::atomic<std::uint32_t> slots_used;  // one more than the highest slot ever taken
  std::atomic<std::uint32_t> lives[kSlots];
  Slot slots[kSlots];
};

}  // namespace kerberos::service
