// SPDX-License-Identifier: MIT
#include "core/breaker/window.h"

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr base::Millis kLength = 10'000;
constexpr base::Millis kSpan = kLength / kBuckets;
constexpr base::Instant kNow = 1'000'000;  // where a bucket begins

void expect(const Tally& tally, std::uint64_t attempts, std::uint64_t failures,
            std::uint64_t slow) {
  assert_int_equal(tally.attempts, attempts);
  assert_int_equal(tally.failures, failures);
  assert_int_equal(tally.slow, slow);
}

void all_zero_is_empty(void**) {
  WindowWords words{};
  for (const base::Instant now :
       {base::Instant{0}, base::Instant{1}, kSpan, kNow, base::Instant{1} << 40U}) {
    for (const std::uint32_t epoch : {0U, 1U, 64U}) {
      expect(Window(words, kLength, epoch).tally(now), 0, 0, 0);
    }
  }
}

void an_attempt_is_counted_as_what_it_was(void**) {
  WindowWords words{};
  Window window(words, kLength, 7);
  window.add(kNow, false, false);
  expect(window.tally(kNow), 1, 0, 0);
  window.add(kNow, true, false);
  expect(window.tally(kNow), 2, 1, 0);
  window.add(kNow, false, true);
  expect(window.tally(kNow), 3, 1, 1);
  window.add(kNow, true, true);
  expect(window.tally(kNow), 4, 2, 2);
}

// Whenever in its tenth it ended, it stays until nine more are over.
void an_attempt_stays_for_its_tenth_and_nine_more(void**) {
  for (const base::Millis into : {base::Millis{0}, base::Millis{1}, kSpan / 2, kSpan - 1}) {
    WindowWords words{};
    Window window(words, kLength, 7);
    window.add(kNow + into, true, true);
    for (unsigned tenth = 0; tenth < kBuckets; ++tenth) {
      expect(window.tally(kNow + tenth * kSpan + (tenth == 0 ? into : 0)), 1, 1, 1);
      expect(window.tally(kNow + tenth * kSpan + kSpan - 1), 1, 1, 1);
    }
    expect(window.tally(kNow + kLength), 0, 0, 0);
  }
}

void a_bucket_that_is_used_again_begins_at_zero(void**) {
  WindowWords words{};
  Window window(words, kLength, 7);
  for (int i = 0; i < 100; ++i) window.add(kNow, true, true);
  window.add(kNow + kLength, false, false);
  // Its bad ones are still written there, and count no more.
  expect(window.tally(kNow + kLength), 1, 0, 0);
  window.add(kNow + kLength, true, false);
  expect(window.tally(kNow + kLength), 2, 1, 0);
}

// Against a list of all there was.
void its_counts_are_exact(void**) {
  struct Attempt {
    base::Instant ended;
    bool failed;
    bool slow;
  };
  for (const base::Millis length : {10, 1'000, 1'009, 10'000, 3'600'000}) {
    const base::Millis span = length / kBuckets;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      base::Pcg32 random(seed);
      WindowWords words{};
      Window window(words, length, 7);
      std::vector<Attempt> all;
      base::Instant now = random.below(1'000'000);
      for (int i = 0; i < 500; ++i) {
        // Now and then nothing for a while, at times for longer than the window.
        const auto step = static_cast<std::uint32_t>(random.below(20) == 0 ? length * 3 / 2 : span);
        now += random.below(step / 4 + 2);
        all.push_back({now, random.below(3) == 0, random.below(4) == 0});
        window.add(now, all.back().failed, all.back().slow);
        Tally expected;
        for (const Attempt& attempt : all) {
          if (attempt.ended / span + kBuckets <= now / span) continue;
          ++expected.attempts;
          expected.failures += attempt.failed ? 1 : 0;
          expected.slow += attempt.slow ? 1 : 0;
        }
        expect(window.tally(now), expected.attempts, expected.failures, expected.slow);
      }
    }
  }
}

void a_window_at_the_beginning_of_time_sees_nothing_before_it(void**) {
  WindowWords words{};
  Window window(words, kLength, 0);
  window.add(0, true, true);
  window.add(kSpan, true, true);
  expect(window.tally(kSpan), 2, 2, 2);
  expect(window.tally(kLength - 1), 2, 2, 2);
  expect(window.tally(kLength), 1, 1, 1);
}

void a_length_that_is_too_short_has_buckets_all_the_same(void**) {
  for (const base::Millis length : {0, 1, 9}) {
    WindowWords words{};
    Window window(words, length, 7);
    window.add(kNow, true, false);
    expect(window.tally(kNow + kBuckets - 1), 1, 1, 0);
    expect(window.tally(kNow + kBuckets), 0, 0, 0);
  }
}

void another_epoch_sees_nothing_of_this_one(void**) {
  WindowWords words{};
  Window(words, kLength, 7).add(kNow, true, true);
  for (const std::uint32_t epoch : {0U, 6U, 8U, 9U, 0x1fffffU}) {
    expect(Window(words, kLength, epoch).tally(kNow), 0, 0, 0);
  }
  expect(Window(words, kLength, 7).tally(kNow), 1, 1, 1);
}

void another_epoch_begins_at_zero_in_the_same_tenth(void**) {
  WindowWords words{};
  for (int i = 0; i < 100; ++i) Window(words, kLength, 7).add(kNow, true, true);
  Window next(words, kLength, 10);
  next.add(kNow, false, false);
  expect(next.tally(kNow), 1, 0, 0);
  next.add(kNow, false, true);
  expect(next.tally(kNow), 2, 0, 1);
}

// Epochs are longer than a stamp has room for.
void an_epoch_sees_nothing_of_before_it_began(void**) {
  constexpr std::uint32_t kAgain = 7 + (1U << 12U);  // the same to a stamp
  WindowWords words{};
  for (unsigned i = 0; i < kBuckets; ++i) {
    Window(words, kLength, 7).add(kNow + i * kSpan, true, true);
  }
  const base::Instant now = kNow + kLength - kSpan;
  expect(Window(words, kLength, kAgain, now).tally(now), 1, 1, 1);  // that very tenth
  expect(Window(words, kLength, kAgain, now + kSpan).tally(now + kSpan), 0, 0, 0);
  for (unsigned i = 0; i < kBuckets; ++i) {
    expect(Window(words, kLength, 7, kNow + i * kSpan + kSpan - 1).tally(now), kBuckets - i,
           kBuckets - i, kBuckets - i);
  }
  expect(Window(words, kLength, 7, kNow - kLength).tally(now), kBuckets, kBuckets, kBuckets);
}

// A process whose clock is behind may look before the epoch began.
void an_epoch_that_is_yet_to_begin_is_empty(void**) {
  WindowWords words{};
  Window(words, kLength, 7).add(kNow, true, true);
  expect(Window(words, kLength, 7, kNow + kSpan).tally(kNow), 0, 0, 0);
}

// Rather too few than some that are another field's.
void what_is_full_stays_full_and_does_not_spill(void**) {
  constexpr std::uint64_t kMost = (1ULL << 36U) - 1;
  WindowWords words{};
  Window window(words, kLength, 7);
  window.add(kNow, true, true);
  words.buckets[0].slow |= kMost;
  window.add(kNow, true, true);
  expect(window.tally(kNow), 2, 2, kMost);
  words.buckets[0].failures |= kMost;
  window.add(kNow, true, true);
  expect(window.tally(kNow), 3, kMost, kMost);
  words.buckets[0].attempts |= kMost;
  window.add(kNow, true, true);
  expect(window.tally(kNow), kMost, kMost, kMost);
}

// A busy peer over a long window.
void a_bucket_has_room_for_an_outage(void**) {
  constexpr std::uint64_t kMany = 1'000'000;
  WindowWords words{};
  Window window(words, 3'600'000, 7);
  for (std::uint64_t i = 0; i < kMany; ++i) window.add(kNow, true, true);
  expect(window.tally(kNow), kMany, kMany, kMany);
}

// Processes cache their clocks.

void an_attempt_that_ended_a_little_before_the_last_is_counted_in_its_own_tenth(void**) {
  WindowWords words{};
  Window window(words, kLength, 7);
  window.add(kNow, true, false);
  window.add(kNow - 1, true, true);
  window.add(kNow, false, false);
  window.add(kNow - kSpan, false, true);
  expect(window.tally(kNow), 4, 2, 2);
  expect(window.tally(kNow + kLength - kSpan), 2, 1, 0);
}

void who_is_behind_does_not_see_what_is_ahead(void**) {
  WindowWords words{};
  Window window(words, kLength, 7);
  window.add(kNow - 1, false, false);
  window.add(kNow, true, true);
  expect(window.tally(kNow - 1), 1, 0, 0);
  expect(window.tally(kNow), 2, 1, 1);
}

// A bucket is begun anew word by word, while somebody is a moment behind.
void who_is_behind_finds_no_failures_without_their_attempts(void**) {
  WindowWords words{};
  Window window(words, kLength, 7);
  for (int i = 0; i < 100; ++i) window.add(kNow, true, true);
  window.add(kNow + kSpan, true, false);
  window.add(kNow + kLength, false, false);
  expect(window.tally(kNow + kLength - 1), 1, 1, 0);
  expect(window.tally(kNow + kLength), 2, 1, 0);
}

void after_a_jump_of_the_clock_it_is_empty(void**) {
  for (const base::Millis jump :
       {kLength, kLength + kSpan, 2 * kLength, base::Millis{86'400'000}, kSpan << 22U}) {
    WindowWords words{};
    Window window(words, kLength, 7);
    for (unsigned i = 0; i < kBuckets; ++i) window.add(kNow + i * kSpan, true, true);
    const base::Instant last = kNow + kLength - kSpan;
    expect(window.tally(last), kBuckets, kBuckets, kBuckets);
    expect(window.tally(last + jump), 0, 0, 0);
    window.add(last + jump, false, true);
    expect(window.tally(last + jump), 1, 0, 1);
  }
}

// By a reload: stamps are then of tenths of another length.
void a_window_of_another_length_counts_for_itself(void**) {
  WindowWords words{};
  for (unsigned i = 0; i < kBuckets; ++i) {
    Window(words, kLength, 7).add(kNow + i * kSpan, true, true);
  }
  const base::Instant now = kNow + kLength;
  Window longer(words, 6 * kLength, 7);
  longer.add(now, false, false);
  expect(longer.tally(now), 1, 0, 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(all_zero_is_empty),
      cmocka_unit_test(an_attempt_is_counted_as_what_it_was),
      cmocka_unit_test(an_attempt_stays_for_its_tenth_and_nine_more),
      cmocka_unit_test(a_bucket_that_is_used_again_begins_at_zero),
      cmocka_unit_test(its_counts_are_exact),
      cmocka_unit_test(a_window_at_the_beginning_of_time_sees_nothing_before_it),
      cmocka_unit_test(a_length_that_is_too_short_has_buckets_all_the_same),
      cmocka_unit_test(another_epoch_sees_nothing_of_this_one),
      cmocka_unit_test(another_epoch_begins_at_zero_in_the_same_tenth),
      cmocka_unit_test(an_epoch_sees_nothing_of_before_it_began),
      cmocka_unit_test(an_epoch_that_is_yet_to_begin_is_empty),
      cmocka_unit_test(what_is_full_stays_full_and_does_not_spill),
      cmocka_unit_test(a_bucket_has_room_for_an_outage),
      cmocka_unit_test(an_attempt_that_ended_a_little_before_the_last_is_counted_in_its_own_tenth),
      cmocka_unit_test(who_is_behind_does_not_see_what_is_ahead),
      cmocka_unit_test(who_is_behind_finds_no_failures_without_their_attempts),
      cmocka_unit_test(after_a_jump_of_the_clock_it_is_empty),
      cmocka_unit_test(a_window_of_another_length_counts_for_itself),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
