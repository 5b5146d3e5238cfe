// SPDX-License-Identifier: MIT
#include "core/breaker/lease.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <initializer_list>

#include "unit/cmocka.h"

namespace kerberos::breaker {
namespace {

constexpr base::Instant kLatest = static_cast<base::Instant>(Lease::kDeadlineMask);

void fields_survive_packing(void**) {
  for (const std::uint32_t slot : {0U, 1U, 1023U}) {
    for (const std::uint32_t life : {1U, 33U, Lease::kLifeMask}) {
      for (const std::uint32_t epoch : {0U, 0xaaU, Lease::kEpochMask}) {
        for (const bool answered : {false, true}) {
          for (const base::Instant deadline : {base::Instant{1}, kLatest}) {
            const Lease lease =
                Lease::unpack(Lease{{slot, life}, epoch, answered, deadline}.pack());
            assert_int_equal(lease.owner.slot, slot);
            assert_int_equal(lease.owner.life, life);
            assert_int_equal(lease.epoch, epoch);
            assert_int_equal(lease.answered, answered);
            assert_int_equal(lease.deadline, deadline);
          }
        }
      }
    }
  }
}

// Lives and epochs are longer than a lease has room for; it keeps their low bits.
void what_is_too_long_is_cut_and_does_not_spill(void**) {
  const Lease lease =
      Lease::unpack(Lease{.owner = {3, 0x141}, .epoch = 0x3ff01, .deadline = kLatest + 8}.pack());
  assert_int_equal(lease.owner.slot, 3);
  assert_int_equal(lease.owner.life, 0x01);
  assert_int_equal(lease.epoch, 0x01);
  assert_false(lease.answered);
  assert_int_equal(lease.deadline, 7);
}

void a_lease_is_never_a_free_place(void**) {
  // The first process, in its first life, under the first epoch.
  assert_int_not_equal((Lease{.owner = {0, 1}, .deadline = 0}.pack()), 0);
}

void answering_marks_one_bit(void**) {
  const Lease lease{.owner = {5, 9}, .epoch = 77, .deadline = 123'456};
  const Lease marked = Lease::unpack(lease.pack() | Lease::kAnsweredBit);
  assert_true(marked.answered);
  assert_int_equal(marked.owner.slot, 5);
  assert_int_equal(marked.owner.life, 9);
  assert_int_equal(marked.epoch, 77);
  assert_int_equal(marked.deadline, 123'456);
}

void a_lease_is_orphaned_when_its_owner_is_gone(void**) {
  std::array<std::atomic<std::uint32_t>, 2> lives = {1, 0x141};
  const base::Owners owners(lives);
  const Lease lease = Lease::unpack(Lease{.owner = {1, 0x141}, .deadline = 1}.pack());
  assert_false(lease.orphaned(owners));  // by the low bits of its life
  lives[1] = 0x142;
  assert_true(lease.orphaned(owners));
  lives[1] = 0x143;
  assert_true(lease.orphaned(owners));
  const Lease nobody{.owner = {2, 1}, .deadline = 1};
  assert_true(nobody.orphaned(owners));
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(fields_survive_packing),
      cmocka_unit_test(what_is_too_long_is_cut_and_does_not_spill),
      cmocka_unit_test(a_lease_is_never_a_free_place),
      cmocka_unit_test(answering_marks_one_bit),
      cmocka_unit_test(a_lease_is_orphaned_when_its_owner_is_gone),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
