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
  assert_int_equal(lineup.out.size(), 0);
}

void what_is_published_is_what_is_read(void**) {
  Rig rig;
  rig.build(1, kNow, {3, 1, 4, 1}, {5, 9}, {2, 6});
  assert_int_equal(rig.roster().version(), 1);
  const Lineup lineup = rig.roster().lineup();
  assert_true(read(lineup.primary) == (Peers{3, 1, 4, 1}));
  assert_true(read(lineup.backup) == (Peers{5, 9}));
  assert_true(read(lineup.out) == (Peers{2, 6}));
}

void each_build_replaces_the_one_before(void**) {
  Rig rig;
  for (std::uint32_t version = 1; version < 20; ++version) {
    const Peers primary(version % 5, version);
    const Peers backup(version % 4, version + 100);
    const Peers out(version % 3, version + 200);
    rig.build(version, kNow, primary, backup, out);
    assert_int_equal(rig.roster().version(), version);
    assert_true(read(rig.roster().lineup().primary) == primary);
    assert_true(read(rig.roster().lineup().backup) == backup);
    assert_true(read(rig.roster().lineup().out) == out);
  }
}

void panic_is_of_the_image_that_says_so(void**) {
  Rig rig;
  rig.build(1, kNow, {0, 1});
  assert_false(rig.roster().lineup().panic);
  rig.build(2, kNow, {0, 1}, {}, {1}, Due::kNever, true);
  assert_true(rig.roster().lineup().panic);
  assert_true(read(rig.roster().lineup().out) == Peers({1}));
  // A draft is nobody's business before it is published, and its flag no more than its entries.
  const base::Instant claim = rig.roster().claim(kNow);
  const Roster::Draft draft = rig.roster().draft();
  const RosterRoom lengths = Rig::write(draft, {0}, {}, {});
  assert_true(rig.roster().lineup().panic);
  rig.roster().publish(draft, {.lengths = lengths, .due = Due::kNever}, 3, rig.roster().due(),
                       claim);
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
  rig.build(1, kNow, {1, 2}, {3}, {0});
  const base::Instant claim = rig.roster().claim(kNow);
  assert_true(claim != 0);
  const Roster::Draft draft = rig.roster().draft();
  Rig::write(draft, {7, 7, 7, 7}, {7, 7, 7}, {7, 7});
  assert_int_equal(rig.roster().version(), 1);
  assert_true(read(rig.roster().lineup().primary) == (Peers{1, 2}));
  assert_true(read(rig.roster().lineup().backup) == Peers{3});
  assert_true(read(rig.roster().lineup().out) == Peers{0});
}

// Whoever reads while two builds pass by reads the buffer that is being written.
void an_image_that_was_overtaken_stays_within_its_room(void**) {
  Rig rig;
  rig.build(1, kNow, {1, 1, 1, 1}, {2, 2, 2}, {3, 3});
  const Lineup stale = rig.roster().lineup();
  rig.build(2, kNow, {4});
  rig.build(3, kNow, {5}, {6}, {7});
  assert_true(read(stale.primary) == (Peers{5, 1, 1, 1}));
  assert_true(read(stale.backup) == (Peers{6, 2, 2}));
  assert_true(read(stale.out) == (Peers{7, 3}));
}

void torn_lengths_do_not_lead_outside_the_room(void**) {
  Rig rig;
  rig.build(1, kNow, {1}, {2}, {3});
  for (auto& lengths : rig.words.lengths) {
    lengths.primary = 5;
    lengths.backup = UINT32_MAX;
    lengths.out = 3;
  }
  const Lineup lineup = rig.roster().lineup();
  assert_int_equal(lineup.primary.size(), 4);
  assert_int_equal(lineup.backup.size(), 3);
  assert_int_equal(lineup.out.size(), 2);
  read(lineup.primary);
  read(lineup.backup);
  read(lineup.out);
}

// Each part has its room in each buffer, and all of them together are the room that was asked for.
void parts_and_buffers_do_not_overlap(void**) {
  Rig rig;
  assert_int_equal(rig.room.entries(), 18);
  rig.build(1, kNow, {10, 11, 12, 13}, {14, 15, 16}, {17, 18});
  const Lineup first = rig.roster().lineup();
  rig.build(2, kNow, {20, 21, 22, 23}, {24, 25, 26}, {27, 28});
  assert_true(read(first.primary) == (Peers{10, 11, 12, 13}));
  assert_true(read(first.backup) == (Peers{14, 15, 16}));
  assert_true(read(first.out) == (Peers{17, 18}));
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
  rig.build(1, kNow, {1}, {}, {}, kNow + 100);
  const base::Instant slow = rig.roster().claim(kNow);
  const Due seen = rig.roster().due();
  const Roster::Draft draft = rig.roster().draft();
  const RosterRoom lengths = Rig::write(draft, {9, 9, 9});
  const base::Instant fast = rig.roster().claim(kNow + Roster::kClaim);

  rig.roster().publish(draft, {.lengths = lengths, .due = kNow + 900}, 2, seen, slow);
  assert_int_equal(rig.roster().version(), 1);
  assert_true(read(rig.roster().lineup().primary) == Peers{1});
  assert_int_equal(rig.roster().due().at(), kNow + 100);
  assert_int_equal(rig.words.claim.load(), fast);  // the other one's claim stands

  const Roster::Draft again = rig.roster().draft();
  rig.roster().publish(again, {.lengths = Rig::write(again, {4, 5}), .due = kNow}, 3,
                       rig.roster().due(), fast);
  assert_int_equal(rig.roster().version(), 3);
  assert_true(read(rig.roster().lineup().primary) == (Peers{4, 5}));
}

void a_builder_that_comes_too_late_undoes_nothing(void**) {
  Rig rig;
  rig.build(1, kNow, {1});
  const base::Instant slow = rig.roster().claim(kNow);
  const Due seen = rig.roster().due();
  const Roster::Draft draft = rig.roster().draft();
  const RosterRoom lengths = Rig::write(draft, {9});
  rig.build(2, kNow + Roster::kClaim, {4, 5});
  rig.roster().publish(draft, {.lengths = lengths, .due = kNow}, 2, seen, slow);
  assert_int_equal(rig.roster().version(), 2);
  assert_true(read(rig.roster().lineup().primary) == (Peers{4, 5}));
}

// Processes' clocks differ a little.
void a_clock_that_is_behind_takes_nothing_over(void**) {
  Rig rig;
  assert_true(rig.roster().claim(kNow) != 0);
  assert_int_equal(rig.roster().claim(kNow - 50), 0);
}

// When the next probe is due.

void somebody_is_due_at_the_earliest_that_was_said(void**) {
  Rig rig;
  rig.build(1, kNow, {}, {}, {0}, kNow + 1'000);
  assert_int_equal(rig.roster().due().at(), kNow + 1'000);
  rig.roster().hasten(kNow + 500);
  assert_int_equal(rig.roster().due().at(), kNow + 500);
  rig.roster().hasten(kNow + 800);
  assert_int_equal(rig.roster().due().at(), kNow + 500);
  rig.roster().hasten(0);
  assert_int_equal(rig.roster().due().at(), 0);
}

void whoever_has_looked_may_postpone(void**) {
  Rig rig;
  rig.build(1, kNow, {}, {}, {0}, kNow);
  const Due seen = rig.roster().due();
  rig.roster().postpone(seen, kNow + 700);
  assert_int_equal(rig.roster().due().at(), kNow + 700);
  rig.roster().postpone(rig.roster().due(), Due::kNever);
  assert_int_equal(rig.roster().due().at(), Due::kNever);
}

void nobody_postpones_past_news(void**) {
  Rig rig;
  rig.build(1, kNow, {}, {}, {0}, kNow + 500);
  const Due seen = rig.roster().due();
  rig.roster().hasten(kNow + 100);
  rig.roster().postpone(seen, kNow + 900);
  assert_int_equal(rig.roster().due().at(), kNow + 100);
}

// The count of writes tells them apart from what stood there before.
void news_that_look_like_no_news_count_all_the_same(void**) {
  for (const base::Instant news : {kNow, kNow + 400}) {
    Rig rig;
    rig.build(1, kNow, {}, {}, {0}, kNow);
    const Due seen = rig.roster().due();
    rig.roster().hasten(news);
    rig.roster().postpone(seen, kNow + 900);
    assert_int_equal(rig.roster().due().at(), kNow);
  }
}

void of_two_who_looked_the_first_postpones(void**) {
  Rig rig;
  rig.build(1, kNow, {}, {}, {0}, kNow);
  const Due one = rig.roster().due();
  const Due other = rig.roster().due();
  rig.roster().postpone(one, kNow + 300);
  rig.roster().postpone(other, kNow + 900);
  assert_int_equal(rig.roster().due().at(), kNow + 300);
}

void a_build_postpones_as_well(void**) {
  Rig rig;
  rig.build(1, kNow, {}, {}, {0}, kNow + 100);
  rig.build(2, kNow, {}, {}, {0}, kNow + 900);
  assert_int_equal(rig.roster().due().at(), kNow + 900);
}

void a_build_does_not_postpone_past_news_but_hastens(void**) {
  struct {
    base::Instant news, found, expected;
  } const rows[] = {
      {kNow + 100, kNow + 900, kNow + 100},
      {kNow + 400, kNow + 200, kNow + 200},
  };
  for (const auto& row : rows) {
    Rig rig;
    rig.build(1, kNow, {}, {}, {0}, kNow + 500);
    const base::Instant claim = rig.roster().claim(kNow);
    const Due seen = rig.roster().due();
    const Roster::Draft draft = rig.roster().draft();
    const RosterRoom lengths = Rig::write(draft, {}, {}, {0});
    rig.roster().hasten(row.news);
    rig.roster().publish(draft, {.lengths = lengths, .due = row.found}, 2, seen, claim);
    assert_int_equal(rig.roster().due().at(), row.expected);
  }
}

void the_count_of_writes_wraps_around_without_touching_the_time(void**) {
  Due due{.bits = 0};
  due.bits = due.next(Due::kNever);
  assert_int_equal(due.at(), Due::kNever);
  due.bits |= (1ULL << Due::kWritesBits) - 1;
  assert_int_equal(due.at(), Due::kNever);
  const Due next{.bits = due.next(kNow)};
  assert_int_equal(next.at(), kNow);
  assert_int_equal(next.bits & ((1ULL << Due::kWritesBits) - 1), 0);
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
      cmocka_unit_test(somebody_is_due_at_the_earliest_that_was_said),
      cmocka_unit_test(whoever_has_looked_may_postpone),
      cmocka_unit_test(nobody_postpones_past_news),
      cmocka_unit_test(news_that_look_like_no_news_count_all_the_same),
      cmocka_unit_test(of_two_who_looked_the_first_postpones),
      cmocka_unit_test(a_build_postpones_as_well),
      cmocka_unit_test(a_build_does_not_postpone_past_news_but_hastens),
      cmocka_unit_test(the_count_of_writes_wraps_around_without_touching_the_time),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
