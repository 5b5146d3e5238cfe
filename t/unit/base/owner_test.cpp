// SPDX-License-Identifier: MIT
#include "core/base/owner.h"

#include <array>
#include <atomic>
#include <cstdint>

#include "unit/cmocka.h"

namespace kerberos::base {
namespace {

void an_owner_lives_while_its_life_is_the_slots(void**) {
  const std::array<std::atomic<std::uint32_t>, 3> lives = {1, 7, 0};
  const Owners owners(lives);
  assert_true(owners.alive({.slot = 0, .life = 1}));
  assert_true(owners.alive({.slot = 1, .life = 7}));
  assert_false(owners.alive({.slot = 1, .life = 5}));  // the slot has been taken anew
  assert_false(owners.alive({.slot = 1, .life = 9}));
  assert_false(owners.alive({.slot = 0, .life = 7}));  // that is slot 1's life
}

void an_even_life_is_an_empty_slot(void**) {
  const std::array<std::atomic<std::uint32_t>, 2> lives = {0, 4};
  const Owners owners(lives);
  assert_false(owners.alive({.slot = 0, .life = 0}));
  assert_false(owners.alive({.slot = 1, .life = 4}));
  assert_false(owners.alive({.slot = 1, .life = 3}));
}

void an_owner_dies_when_its_process_leaves(void**) {
  std::array<std::atomic<std::uint32_t>, 1> lives = {1};
  const Owners owners(lives);
  assert_true(owners.alive({.slot = 0, .life = 1}));
  lives[0] = 2;
  assert_false(owners.alive({.slot = 0, .life = 1}));
  lives[0] = 3;  // another process has the slot
  assert_false(owners.alive({.slot = 0, .life = 1}));
  assert_true(owners.alive({.slot = 0, .life = 3}));
}

void a_slot_that_does_not_exist_has_no_owner(void**) {
  const std::array<std::atomic<std::uint32_t>, 1> lives = {1};
  assert_false(Owners(lives).alive({.slot = 1, .life = 1}));
  assert_false(Owners(lives).alive({.slot = UINT32_MAX, .life = 1}));
  assert_false(Owners({}).alive({.slot = 0, .life = 1}));
}

void only_the_bits_that_were_kept_are_compared(void**) {
  const std::array<std::atomic<std::uint32_t>, 1> lives = {0x141};
  const Owners owners(lives);
  assert_true(owners.alive({.slot = 0, .life = 0x01}, 0x3f));
  assert_false(owners.alive({.slot = 0, .life = 0x03}, 0x3f));
  assert_false(owners.alive({.slot = 0, .life = 0x01}));
}

}  // namespace
}  // namespace kerberos::base

int main() {
  using namespace kerberos::base;
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_owner_lives_while_its_life_is_the_slots),
      cmocka_unit_test(an_even_life_is_an_empty_slot),
      cmocka_unit_test(an_owner_dies_when_its_process_leaves),
      cmocka_unit_test(a_slot_that_does_not_exist_has_no_owner),
      cmocka_unit_test(only_the_bits_that_were_kept_are_compared),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
