// SPDX-License-Identifier: MIT
#include "core/breaker/word.h"

#include <cstdint>
#include <initializer_list>

#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

void zero_is_a_closed_breaker(void**) {
  const Word word = Word::unpack(0);
  assert_true(word.state == State::kClosed);
  assert_int_equal(word.epoch, 0);
  assert_int_equal(word.until, 0);
  assert_int_equal(Word{}.pack(), 0);
}

void fields_survive_packing(void**) {
  for (const State state : {State::kClosed, State::kOpen, State::kHalfOpen}) {
    for (const std::uint32_t epoch : {0U, 1U, 0x155555U, Word::kEpochMask}) {
      for (const base::Instant until : {0LL, 1LL, 0xaaaaaaaaaaLL, (1LL << 40) - 1}) {
        for (const bool held : {false, true}) {
          const Word word = Word::unpack(Word{state, held, epoch, until}.pack());
          assert_true(word.state == state);
          assert_int_equal(word.held, held);
          assert_int_equal(word.epoch, epoch);
          assert_int_equal(word.until, until);
        }
      }
    }
  }
}

void a_field_that_is_too_large_does_not_spill(void**) {
  const Word word = Word::unpack(
      Word{.epoch = Word::kEpochMask + 3, .until = static_cast<base::Instant>(1LL << 40) + 5}
          .pack());
  assert_true(word.state == State::kClosed);
  assert_false(word.held);
  assert_int_equal(word.epoch, 2);
  assert_int_equal(word.until, 5);
}

void the_next_word_has_the_next_epoch(void**) {
  const Word word = Word{.epoch = 6, .until = 100}.next(State::kOpen, true, 900);
  assert_true(word.state == State::kOpen);
  assert_true(word.held);
  assert_int_equal(word.epoch, 7);
  assert_int_equal(word.until, 900);
  assert_int_equal(Word{.epoch = Word::kEpochMask}.next(State::kOpen, true, 0).epoch, 0);
  assert_false(word.next(State::kClosed, false, 0).held);
}

void a_run_belongs_to_its_epoch(void**) {
  const std::uint64_t run = Run::pack(7, 4);
  assert_int_equal(Run::count(run, 7), 4);
  assert_int_equal(Run::count(run, 6), 0);
  assert_int_equal(Run::count(run, 8), 0);
  assert_int_equal(Run::count(0, 0), 0);
}

void a_run_has_room_for_the_largest(void**) {
  constexpr std::uint64_t kMost = (1ULL << Run::kCountBits) - 1;
  const std::uint64_t run = Run::pack(Word::kEpochMask, kMost);
  assert_int_equal(Run::count(run, Word::kEpochMask), kMost);
  assert_int_equal(Run::count(run, 0), 0);
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(zero_is_a_closed_breaker),
      cmocka_unit_test(fields_survive_packing),
      cmocka_unit_test(a_field_that_is_too_large_does_not_spill),
      cmocka_unit_test(the_next_word_has_the_next_epoch),
      cmocka_unit_test(a_run_belongs_to_its_epoch),
      cmocka_unit_test(a_run_has_room_for_the_largest),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
