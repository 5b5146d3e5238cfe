// SPDX-License-Identifier: MIT
#include "core/service/block.h"

#include <utility>
#include <vector>

#include "core/balance/least_conn.h"
#include "core/service/layout.h"
#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

void every_part_stands_where_the_one_before_it_ends(void**) {
  Cursor cursor;
  assert_int_equal(cursor.take(3, 1), 0);
  assert_int_equal(cursor.take(5, 1), 3);
  assert_int_equal(cursor.take<std::uint64_t>(2), 8);
  assert_int_equal(cursor.take(0, 1), 24);
  assert_int_equal(cursor.take(1, 1), 24);
  assert_int_equal(cursor.take(0, kLine), kLine);
  assert_int_equal(cursor.size(), kLine);
}

// Two of each, so that a part too short by one runs into the next.
void no_part_reaches_into_the_next(void**) {
  const registry::Registry registry = registry_of({named("x", {peer("10.0.0.1:80"), peer("y")}),
                                                   named("z", {peer("a"), peer("b"), peer("c")})});
  const Plan plan = plan_of(registry);
  constexpr std::size_t kRanks = 9;
  Cursor cursor;
  const Parts parts = place_parts(cursor, plan, kRanks);
  assert_true(parts.services >= sizeof(Generation));
  assert_true(parts.peers >= parts.services + 2 * sizeof(ServiceImage));
  assert_true(parts.options >= parts.peers + 5 * sizeof(PeerImage));
  assert_true(parts.terms >= parts.options + plan.options.size() * sizeof(breaker::Options));
  assert_true(parts.index >= parts.terms + plan.terms.size() * sizeof(Terms));
  assert_true(parts.places >= parts.index + plan.buckets * sizeof(std::uint32_t));
  assert_true(cursor.size() >= parts.places + kRanks * sizeof(Place));
  for (const auto& [at, alignment] :
       std::vector<std::pair<Offset, std::size_t>>{{parts.services, alignof(ServiceImage)},
                                                   {parts.peers, alignof(PeerImage)},
                                                   {parts.options, alignof(breaker::Options)},
                                                   {parts.terms, alignof(Terms)},
                                                   {parts.index, alignof(std::uint32_t)},
                                                   {parts.places, alignof(Place)}}) {
    assert_int_equal(at % alignment, 0);
  }
}

// What every process writes shares no line with what it does not.
void what_is_written_begins_a_line(void**) {
  registry::Registry registry = one({});
  for (int i = 0; i < 40; ++i) registry.services[0].peers.push_back(peer(std::to_string(i)));
  registry.services[0].balance.options.method = balance::Method::kLeastConn;
  const ServicePlan plan = plan_of(registry).services[0];
  Cursor cursor;
  cursor.take(1, 1);
  const ServiceParts parts = place_service(cursor, plan);
  assert_int_equal(parts.entries, kLine);
  assert_int_equal(parts.due % kLine, 0);
  assert_true(parts.due >= parts.entries + plan.room.entries() * sizeof(std::uint32_t));
  assert_int_equal(parts.loads[0] % kLine, 0);
  assert_true(parts.loads[0] >= parts.due + DueTimes::keys(40) * sizeof(base::Instant));
  assert_int_equal(parts.loads[1], 0);  // nobody to rank there
  assert_true(cursor.size() >= parts.loads[0] + balance::Loads::keys(40) * sizeof(std::uint32_t));
}

void a_block_has_room_for_what_it_says(void**) {
  const auto size = [](const registry::Registry& registry) {
    return block_size(plan_of(registry), 1);
  };
  constexpr std::size_t kLong = 16 * kLine;  // moves nothing off its line
  registry::Registry registry = one({peer("a")});
  const std::size_t before = size(registry);
  registry.services[0].name += std::string(kLong, 'x');
  assert_int_equal(size(registry), before + kLong);
  registry.services[0].balance.key += std::string(kLong, 'x');
  assert_int_equal(size(registry), before + 2 * kLong);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_part_stands_where_the_one_before_it_ends),
      cmocka_unit_test(no_part_reaches_into_the_next),
      cmocka_unit_test(what_is_written_begins_a_line),
      cmocka_unit_test(a_block_has_room_for_what_it_says),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
