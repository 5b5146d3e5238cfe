// SPDX-License-Identifier: MIT
#include "core/service/leader.h"

#include <array>

#include "unit/cmocka.h"

namespace kerberos::service {
namespace {

constexpr base::Instant kNow = 1'000'000;

// Two slots, whose lives are odd while somebody has them.
struct Office {
  std::array<std::atomic<std::uint32_t>, 2> lives{3, 7};
  std::atomic<std::uint64_t> word{0};

  [[nodiscard]] base::Owner who(std::uint32_t slot) const { return {slot, lives[slot].load()}; }
  bool lead(base::Owner self, base::Instant now) {
    return Leader(word).lead(self, base::Owners(lives), now);
  }
};

void the_first_who_asks_leads(void**) {
  Office office;
  assert_true(office.lead(office.who(0), kNow));
  assert_false(office.lead(office.who(1), kNow));
  assert_false(office.lead(office.who(1), kNow + Leader::kLease - 1));
}

void who_asks_again_goes_on(void**) {
  Office office;
  for (int i = 0; i < 10; ++i) assert_true(office.lead(office.who(0), kNow + i * 1'000));
  assert_false(office.lead(office.who(1), kNow + 9'000 + Leader::kLease - 1));
}

void who_is_late_is_followed(void**) {
  Office office;
  office.lead(office.who(0), kNow);
  assert_true(office.lead(office.who(1), kNow + Leader::kLease));
  assert_false(office.lead(office.who(0), kNow + Leader::kLease));
}

void who_has_died_is_followed_at_once(void**) {
  Office office;
  const base::Owner dead = office.who(0);
  office.lead(dead, kNow);
  office.lives[0] += 2;  // another has the slot
  assert_true(office.lead(office.who(1), kNow + 1));
  assert_false(office.lead(office.who(0), kNow + 2));
}

void who_came_to_the_slot_of_the_dead_is_not_the_dead(void**) {
  Office office;
  office.lead(office.who(0), kNow);
  office.lives[0] += 2;
  assert_true(office.lead(office.who(0), kNow + 1));
}

void who_was_late_leads_until_another_does(void**) {
  Office office;
  assert_false(Leader(office.word).leads(office.who(0)));
  office.lead(office.who(0), kNow);
  assert_true(Leader(office.word).leads(office.who(0)));
  assert_false(Leader(office.word).leads(office.who(1)));
  office.lead(office.who(1), kNow + Leader::kLease);
  assert_false(Leader(office.word).leads(office.who(0)));
  assert_true(Leader(office.word).leads(office.who(1)));
}

void who_resigns_is_followed_at_once(void**) {
  Office office;
  office.lead(office.who(0), kNow);
  Leader(office.word).resign(office.who(1));  // has nothing to give
  assert_false(office.lead(office.who(1), kNow));
  Leader(office.word).resign(office.who(0));
  assert_true(office.lead(office.who(1), kNow));
}

void a_clock_that_steps_back_keeps_nobody_in_office(void**) {
  Office office;
  office.lead(office.who(0), kNow);
  assert_true(office.lead(office.who(1), kNow - 10'000));
}

}  // namespace
}  // namespace kerberos::service

using namespace kerberos::service;

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_first_who_asks_leads),
      cmocka_unit_test(who_asks_again_goes_on),
      cmocka_unit_test(who_is_late_is_followed),
      cmocka_unit_test(who_has_died_is_followed_at_once),
      cmocka_unit_test(who_came_to_the_slot_of_the_dead_is_not_the_dead),
      cmocka_unit_test(who_was_late_leads_until_another_does),
      cmocka_unit_test(who_resigns_is_followed_at_once),
      cmocka_unit_test(a_clock_that_steps_back_keeps_nobody_in_office),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
