// SPDX-License-Identifier: MIT
//
// One roster, built and read by eight at once. Where a test says that something happens before
// something else it writes a plain variable on one side and reads it on the other: ThreadSanitizer
// then sees whether the roster orders them.
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

#include "core/balance/roster.h"
#include "crew.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr base::Instant kNow = 1'000'000;

struct Shared {
  RosterWords words{};
  RosterRoom room = {.tiers = {{.peers = 32, .words = 32}, {.peers = 8, .words = 8}}};
  std::vector<std::atomic<std::uint32_t>> entries =
      std::vector<std::atomic<std::uint32_t>>(room.entries());
  std::atomic<bool> stuck = false;

  Roster roster() { return {words, room, entries.data()}; }
};

// An image that tells its version: its length, and each of its entries, follow from it.
std::uint32_t length_of(std::uint64_t version) {
  return static_cast<std::uint32_t>(version % 32) + 1;
}

Roster::Contents write(const Roster::Draft& draft, std::uint64_t version) {
  for (std::uint32_t i = 0; i < length_of(version); ++i) {
    draft.tiers[0][i].store(static_cast<std::uint32_t>(version), std::memory_order_relaxed);
  }
  Roster::Contents contents;
  contents.lengths[0] = length_of(version);
  return contents;
}

// Who sees a version sees the whole of its image, and whatever its builder did before.
void readers_see_what_was_published(void**) {
  constexpr std::uint64_t kVersions = 300;
  Shared shared;
  std::uint64_t beside = 0;  // not atomic, on purpose
  std::atomic<std::uint64_t> seen = 0;
  std::atomic<std::uint64_t> wrong = 0;
  const Patience patience;
  run_crew([&](std::size_t i) {
    Roster roster = shared.roster();
    for (std::uint64_t version = 1; version <= kVersions; ++version) {
      if (i == 0) {
        const base::Instant claim = roster.claim(kNow);
        const Roster::Draft draft = roster.draft();
        const Roster::Contents contents = write(draft, version);
        beside = version;
        roster.publish(draft, contents, version, claim);
      }
      while (roster.version() != version && !patience.over()) std::this_thread::yield();
      const Lineup lineup = roster.lineup();
      bool whole = beside == version && lineup.primary.size() == length_of(version);
      for (std::uint32_t at = 0; at < lineup.primary.size(); ++at) {
        whole = whole && lineup.primary[at] == version;
      }
      if (!whole) ++wrong;
      ++seen;
      // The next is built when all have seen this one.
      while (seen.load() < version * kCrew && !patience.over()) std::this_thread::yield();
    }
  });
  assert_false(patience.over());
  assert_int_equal(wrong, 0);
}

// Builders keep out of one another's way, and each begins where the last one ended.
void one_builds_at_a_time(void**) {
  constexpr int kBuilds = 5'000;  // each
  Shared shared;
  std::uint64_t builds = 0;  // not atomic, on purpose
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<int> building = 0;
  const Patience patience;
  run_crew([&](std::size_t) {
    Roster roster = shared.roster();
    int done = 0;
    while (done < kBuilds && !patience.over()) {
      const base::Instant claim = roster.claim(kNow);
      if (claim == 0) {
        std::this_thread::yield();
        continue;
      }
      // Relaxed, so that it is the claim alone that orders the builds.
      if (building.fetch_add(1, std::memory_order_relaxed) != 0) ++wrong;
      ++builds;
      const std::uint64_t version = roster.version() + 1;
      const Roster::Draft draft = roster.draft();
      const Roster::Contents contents = write(draft, version);
      building.fetch_sub(1, std::memory_order_relaxed);
      roster.publish(draft, contents, version, claim);
      ++done;
    }
  });
  assert_false(patience.over());
  assert_int_equal(wrong, 0);
  assert_int_equal(builds, kCrew * kBuilds);
  assert_int_equal(shared.roster().version(), kCrew * kBuilds);
  assert_int_equal(shared.words.claim.load(), 0);
}

// Readers that are overtaken may see a mixture, but never what was never written.
void what_is_read_was_written_once(void**) {
  constexpr std::uint64_t kVersions = 3'000;
  Shared shared;
  std::atomic<bool> done = false;
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<std::uint64_t> reads = 0;
  const Patience patience;
  run_crew([&](std::size_t i) {
    Roster roster = shared.roster();
    if (i == 0) {
      for (std::uint64_t version = 1; version <= kVersions; ++version) {
        const base::Instant claim = roster.claim(kNow);
        const Roster::Draft draft = roster.draft();
        const Roster::Contents contents = write(draft, version);
        roster.publish(draft, contents, version, claim);
        if (version % 16 == 0) std::this_thread::yield();
      }
      // Not before somebody has read, or nothing was tested.
      while (reads.load() == 0 && !patience.over()) std::this_thread::yield();
      done = true;
      return;
    }
    while (!done.load() && !patience.over()) {
      const Lineup lineup = roster.lineup();
      bool sane = lineup.primary.size() <= shared.room.tiers[0].peers &&
                  lineup.backup.size() == 0 && lineup.out == 0;
      for (std::uint32_t at = 0; at < lineup.primary.size(); ++at) {
        sane = sane && lineup.primary[at] <= kVersions;
      }
      if (!sane) ++wrong;
      ++reads;
    }
  });
  assert_false(patience.over());
  assert_int_equal(wrong, 0);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(readers_see_what_was_published),
      cmocka_unit_test(one_builds_at_a_time),
      cmocka_unit_test(what_is_read_was_written_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
