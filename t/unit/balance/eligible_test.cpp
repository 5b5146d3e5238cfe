// SPDX-License-Identifier: MIT
#include "core/balance/eligible.h"

#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

void a_peer_may_be_picked_where_nothing_speaks_against_it(void**) {
  struct {
    const char* name;
    Standing standing;
    bool expected;
  } const rows[] = {
      {"nothing known", {}, false},
      {"admitted", {.admitted = true}, true},
      {"not admitted", {.admitted = false, .limit = 5}, false},
      {"tried by this request", {.admitted = true, .tried = true}, false},
      {"tried and not admitted", {.tried = true}, false},
      {"spared this time", {.admitted = true, .spared = true}, false},
      {"spared, with room", {.admitted = true, .spared = true, .limit = 5}, false},
      {"busy, without a limit", {.admitted = true, .in_flight = 1'000'000}, true},
      {"below max_conns", {.admitted = true, .in_flight = 4, .limit = 5}, true},
      {"at max_conns", {.admitted = true, .in_flight = 5, .limit = 5}, false},
      {"beyond max_conns", {.admitted = true, .in_flight = 6, .limit = 5}, false},
      {"one allowed, none in flight", {.admitted = true, .limit = 1}, true},
      {"one allowed, one in flight", {.admitted = true, .in_flight = 1, .limit = 1}, false},
      {"more in flight than 32 bits hold",
       {.admitted = true, .in_flight = 1ULL << 32U, .limit = 5},
       false},
  };
  for (const auto& row : rows) {
    if (eligible(row.standing) != row.expected) fail_msg("%s", row.name);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_peer_may_be_picked_where_nothing_speaks_against_it),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
