// SPDX-License-Identifier: MIT
#include "core/balance/roster.h"

#include <cstdint>

#include "rig.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

constexpr base::Instant kNow = 5'000'000;

// Images.

void before_the_first_build_there_is_nobody(void**) {
  Rig rig;
  assert_int_equal(rig.roster().version(), 0);
  const Lineup lineup = rig.roster().lineup();
  assert_int_equal(lineup.primary.size(), 0);
  assert_int_equal(lineup.backup.size(), 0);
  assert_int_equal(lineup.out, 0);
  assert_true(lineup.empty());
}

void what_is_published_is_what_is_read(void**) {
  Rig rig;
  rig.build(1, kNow, {3, 1, 4, 1}, {5, 9}, 2);
  assert_int_equal(rig.roster().version(), 1);
  const Lineup lineup = rig.roster().lineup();
  assert_true(read(lineup.primary) == (Peers{3, 1, 4, 1}));
  assert_true(read(lineup.backup) == (Peers{5, 9}));
  assert_int_equal(lineup.out, 2);
  assert_false(lineup.empty());
}

void each_build_replaces_the_one_before(void**) {
  Rig rig;
  for (std::uint32_t version = 1; version < 20; ++version) {
    const Peers primary(version % 5, version);
    const Peers backup(version % 4, version + 100);
    rig.build(version, kNow, primary, backup, version % 3);
    assert_int_equal(rig.roster().version(), version);
    assert_true(read(rig.roster().lineup().primary) == primary);
    assert_true(read(rig.roster().lineup().backup) == backup);
    assert_int_equal(rig.roster().lineup().out, version % 3);
  }
}

void panic_is_of_the_image_that_says_so(void**) {
  Rig rig;
  rig.build(1, kNow, {0, 1});
  assert_false(rig.roster().lineup().panic);
  rig.build(2, kNow, {0, 1}, {}, 1, true);
  assert_true(rig.roster().lineup().panic);
  // A draft is nobody's business before it is published, and its flag no more than its entries.
  const base::Instant claim = rig.roster().claim(kNow);
  const Roster::Draft draft = rig.roster().draft();
  const Roster::Contents calm = Rig::write(draft, {0});
  assert_true(rig.roster().lineup().panic);
  rig.roster().publish(draft, calm, 3, claim);
  assert_false(rig.roster().lineup().panic);
}

void a_version_may_be_as_large_as_any_count_of_changes(void**) {
  Rig rig;
  rig.build(1ULL << 40U, kNow, {1});
  assert_true(rig.roster().version() == 1ULL << 40U);
  assert_true(read(rig.roster().lineup().primary) == Peers{1});
}

void a_draft_is_not_seen_before_it_is_published(void**) {
  Rig rig;
  rig.build(1, kNow, {1, 2}, {3}, 1);
  const base::Instant claim = rig.roster().claim(kNow);
  assert_true(claim != 0);
  const Roster::Draft draft = rig.roster().draft();
  Rig::write(draft, {7, 7, 7, 7}, {7, 7, 7}, 2);
  assert_int_equal(rig.roster().version(), 1);
  assert_true(read(rig.roster().lineup().primary) == (Peers{1, 2}));
  assert_true(read(rig.roster().lineup().backup) == Peers{3});
  assert_int_equal(rig.roster().lineup().out, 1);
}

// Whoever reads while two builds pass by reads the buffer that is being written.
void an_image_that_was_overtaken_stays_within_its_room(void**) {
  Rig rig;
  rig.build(1, kNow, {1, 1, 1, 1}, {2, 2, 2});
  const Lineup stale = rig.roster().lineup();
  rig.build(2, kNow, {4});
  rig.build(3, kNow, {5}, {6});
  assert_true(read(stale.primary) == (Peers{5, 1, 1, 1}));
  assert_true(read(stale.backup) == (Peers{6, 2, 2}));
}

void torn_lengths_do_not_lead_outside_the_room(void**) {
  Rig rig;
  rig.build(1, kNow, {1}, {2});
  for (auto& contents : rig.words.contents) {
    contents.lengths[0] = 5;
    contents.lengths[1] = UINT32_MAX;
  }
  const Lineup lineup = rig.roster().lineup();
  assert_int_equal(lineup.primary.size(), 4);
  assert_int_equal(lineup.backup.size(), 3);
  read(lineup.primary);
  read(lineup.backup);
}

// Each part has its room in each buffer, and all of them together are the room that was asked for.
void parts_and_buffers_do_not_overlap(void**) {
  Rig rig;
  assert_int_equal(rig.room.entries(), 14);
  rig.build(1, kNow, {10, 11, 12, 13}, {14, 15, 16});
  const Lineup first = rig.roster().lineup();
  rig.build(2, kNow, {20, 21, 22, 23}, {24, 25, 26});
  assert_true(read(first.primary) == (Peers{10, 11, 12, 13}));
  assert_true(read(first.backup) == (Peers{14, 15, 16}));
}

// Claims.

void one_at_a_time_may_build(void**) {
  Rig rig;
  assert_true(rig.roster().claim(kNow) != 0);
  assert_int_equal(rig.roster().claim(kNow), 0);
  assert_int_equal(rig.roster().claim(kNow + Roster::kClaim - 1), 0);
}

void publishing_gives_the_claim_back(void**) {
  Rig rig;
  rig.build(1, kNow, {1});
  assert_int_equal(rig.words.claim.load(), 0);
  assert_true(rig.roster().claim(kNow) != 0);
}

// It died, or has slept through.
void a_builder_that_takes_too_long_is_taken_over(void**) {
  Rig rig;
  const base::Instant slow = rig.roster().claim(kNow);
  const base::Instant fast = rig.roster().claim(kNow + Roster::kClaim);
  assert_true(fast != 0);
  assert_true(fast != slow);
  assert_int_equal(rig.roster().claim(kNow + Roster::kClaim), 0);
}

void a_builder_that_was_taken_over_publishes_nothing(void**) {
  Rig rig;
  rig.build(1, kNow, {1});
  const base::Instant slow = rig.roster().claim(kNow);
  const Roster::Draft draft = rig.roster().draft();
  const Roster::Contents late = Rig::write(draft, {9, 9, 9});
  const base::Instant fast = rig.roster().claim(kNow + Roster::kClaim);

  rig.roster().publish(draft, late, 2, slow);
  assert_int_equal(rig.roster().version(), 1);
  assert_true(read(rig.roster().lineup().primary) == Peers{1});
  assert_int_equal(rig.words.claim.load(), fast);  // the other one's claim stands

  const Roster::Draft again = rig.roster().draft();
  rig.roster().publish(again, Rig::write(again, {4, 5}), 3, fast);
  assert_int_equal(rig.roster().version(), 3);
  assert_true(read(rig.roster().lineup().primary) == (Peers{4, 5}));
}

void a_builder_that_comes_too_late_undoes_nothing(void**) {
  Rig rig;
  rig.build(1, kNow, {1});
  const base::Instant slow = rig.roster().claim(kNow);
  const Roster::Draft draft = rig.roster().draft();
  const Roster::Contents late = Rig::write(draft, {9});
  rig.build(2, kNow + Roster::kClaim, {4, 5});
  rig.roster().publish(draft, late, 2, slow);
  assert_int_equal(rig.roster().version(), 2);
  assert_true(read(rig.roster().lineup().primary) == (Peers{4, 5}));
}

// Processes' clocks differ a little.
void a_clock_that_is_behind_takes_nothing_over(void**) {
  Rig rig;
  assert_true(rig.roster().claim(kNow) != 0);
  assert_int_equal(rig.roster().claim(kNow - 50), 0);
}

// A rest between two builds.

void a_service_rests_until_its_builder_says(void**) {
  Rig rig;
  assert_false(rig.roster().resting(kNow));
  rig.build(1, kNow, {1}, {}, 0, false, kNow + 39);
  assert_true(rig.roster().resting(kNow + 38));
  assert_false(rig.roster().resting(kNow + 39));
  // Who cannot do without a build takes it all the same.
  assert_true(rig.roster().claim(kNow + 1) != 0);
}

// Weights.

void the_weights_of_those_who_are_in_stand_beside_them(void**) {
  Rig rig;
  const base::Instant claim = rig.roster().claim(kNow);
  const Roster::Draft draft = rig.roster().draft();
  Roster::Contents contents = Rig::write(draft, {1, 2}, {3});
  contents.weights[0] = 1ULL << 40U;
  contents.weights[1] = 7;
  rig.roster().publish(draft, contents, 1, claim);
  assert_true(rig.roster().lineup().weights[0] == 1ULL << 40U);
  assert_true(rig.roster().lineup().weights[1] == 7);
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(before_the_first_build_there_is_nobody),
      cmocka_unit_test(what_is_published_is_what_is_read),
      cmocka_unit_test(each_build_replaces_the_one_before),
      cmocka_unit_test(panic_is_of_the_image_that_says_so),
      cmocka_unit_test(a_version_may_be_as_large_as_any_count_of_changes),
      cmocka_unit_test(a_draft_is_not_seen_before_it_is_published),
      cmocka_unit_test(an_image_that_was_overtaken_stays_within_its_room),
      cmocka_unit_test(torn_lengths_do_not_lead_outside_the_room),
      cmocka_unit_test(parts_and_buffers_do_not_overlap),
      cmocka_unit_test(one_at_a_time_may_build),
      cmocka_unit_test(publishing_gives_the_claim_back),
      cmocka_unit_test(a_builder_that_takes_too_long_is_taken_over),
      cmocka_unit_test(a_builder_that_was_taken_over_publishes_nothing),
      cmocka_unit_test(a_builder_that_comes_too_late_undoes_nothing),
      cmocka_unit_test(a_clock_that_is_behind_takes_nothing_over),
      cmocka_unit_test(a_service_rests_until_its_builder_says),
      cmocka_unit_test(the_weights_of_those_who_are_in_stand_beside_them),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
