// SPDX-License-Identifier: MIT
#include "core/balance/turn.h"

#include "list.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

void the_list_is_read_once_from_anywhere(void**) {
  const List list({4, 2, 2, 7});
  const struct {
    std::uint64_t start;
    Peers asked;
  } rows[] = {{0, {4, 2, 2, 7}}, {1, {2, 2, 7, 4}},           {3, {7, 4, 2, 2}},
              {4, {4, 2, 2, 7}}, {1ULL << 40U, {4, 2, 2, 7}}, {(1ULL << 40U) + 2, {2, 7, 4, 2}}};
  for (const auto& row : rows) {
    Doors nobody{.refuse = {2, 4, 7}};
    assert_false(first_of(list.entries(), row.start, nobody).has_value());
    assert_true(nobody.asked == row.asked);
  }
}

void the_first_that_accepts_is_it(void**) {
  const List list({4, 2, 2, 7});
  Doors doors{.refuse = {2}};
  assert_int_equal(first_of(list.entries(), 1, doors).value_or(kNobody), 7);
  assert_true(doors.asked == (Peers{2, 2, 7}));
}

void only_taken_is_taken(void**) {
  const List list({0, 1, 2, 3});
  constexpr Turn kTurns[] = {Turn::kRefused, Turn::kSpared, Turn::kCrowded, Turn::kTaken};
  const auto take = [&](std::uint32_t peer) { return kTurns[peer]; };
  for (const std::uint64_t start : {0U, 1U, 2U, 3U}) {
    assert_int_equal(first_of(list.entries(), start, take).value_or(kNobody), 3);
  }
}

void an_empty_list_has_nobody(void**) {
  const List list({});
  Doors doors;
  assert_false(first_of(list.entries(), 5, doors).has_value());
  assert_true(doors.asked.empty());
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_list_is_read_once_from_anywhere),
      cmocka_unit_test(the_first_that_accepts_is_it),
      cmocka_unit_test(only_taken_is_taken),
      cmocka_unit_test(an_empty_list_has_nobody),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
