// SPDX-License-Identifier: MIT
#include "core/service/plan.h"

#include <cstdint>
#include <set>
#include <string>

#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

constexpr std::size_t kPrimary = 0;
constexpr std::size_t kBackup = 1;

registry::Registry balanced_by(balance::Method method) {
  registry::Registry made = one({peer("a", 2), peer("b", 4), peer("c", 6)});
  made.services[0].peers[2].backup = true;
  made.services[0].balance.options.method = method;
  return made;
}

void ids_are_unique_within_a_service(void**) {
  registry::Registry made =
      registry_of({named("x", {peer("a"), peer("a"), peer("b")}), named("y", {peer("a")})});
  made.services[0].peers[2].id = "a";
  const Plan plan = plan_of(made);
  std::string ids;
  for (const auto& service : plan.services) {
    for (const auto& each : service.peers) ids += each.id + " ";
  }
  assert_text(ids, "a a#2 a#3 a ");
  assert_int_equal(plan.peers, 4);
}

void a_record_is_of_one_service_id_and_address(void**) {
  registry::Registry made = registry_of({named("x", {peer("a"), peer("a"), peer("b"), peer("b")})});
  made.services[0].peers[3].id = "a";
  const Plan plan = plan_of(made);
  const auto& peers = plan.services[0].peers;
  std::set<std::string> keys;
  for (const std::uint32_t service : {1U, 2U, 256U}) {
    for (const PeerPlan& each : peers) keys.insert(record_key(service, each));
  }
  assert_int_equal(keys.size(), 3 * peers.size());
  const auto text = [&](std::size_t i) { return record_key(1, peers[i]).substr(4); };
  assert_text(text(0), "a");
  assert_text(text(1), std::string_view("a#2\0a", 5));
  assert_text(text(2), "b");
  assert_text(text(3), std::string_view("a#3\0b", 5));
}

// A period of each tier's schedule.
void a_schedule_has_room_for_its_weights(void**) {
  const registry::Registry made = balanced_by(balance::Method::kRoundRobin);
  const ServicePlan plan = plan_of(made).services[0];
  assert_int_equal(plan.room.tiers[kPrimary].peers, 3);
  assert_int_equal(plan.room.tiers[kBackup].peers, 1);
  assert_int_equal(plan.peers[0].share, 1);
  assert_int_equal(plan.peers[1].share, 2);
  assert_false(plan.ranked[kPrimary]);
}

void only_least_conn_ranks_its_peers(void**) {
  const registry::Registry made = balanced_by(balance::Method::kLeastConn);
  const ServicePlan plan = plan_of(made).services[0];
  assert_true(plan.ranked[kPrimary]);
  assert_true(plan.ranked[kBackup]);
  const registry::Registry alone = [] {
    registry::Registry without = one({peer("a")});
    without.services[0].balance.options.method = balance::Method::kLeastConn;
    return without;
  }();
  assert_false(plan_of(alone).services[0].ranked[kBackup]);
}

void a_ring_has_points_by_weight_and_room_for_them(void**) {
  const registry::Registry made = balanced_by(balance::Method::kHash);
  const ServicePlan plan = plan_of(made).services[0];
  assert_int_equal(plan.points[kPrimary].size(), 6 * balance::kPointsPerWeight);
  assert_int_equal(plan.points[kBackup].size(), 6 * balance::kPointsPerWeight);
  assert_int_equal(plan.room.tiers[kPrimary].peers, 6 * balance::kPointsPerWeight);
  assert_int_equal(plan.room.tiers[kPrimary].words,
                   balance::ring_words(6 * balance::kPointsPerWeight));
}

void who_is_down_needs_no_room(void**) {
  registry::Registry made = balanced_by(balance::Method::kHash);
  for (auto& each : made.services[0].peers) each.down = !each.backup;
  const ServicePlan plan = plan_of(made).services[0];
  assert_int_equal(plan.room.tiers[kPrimary].words, 0);
  assert_int_equal(plan.points[kBackup].size(), 6 * balance::kPointsPerWeight);
}

void peers_share_options_that_are_the_same(void**) {
  registry::Registry made = one({peer("a"), peer("b"), peer("c")});
  made.services[0].peers[1].breaker.threshold = 9;
  const Plan plan = plan_of(made);
  assert_int_equal(plan.options.size(), 3);
  assert_int_equal(plan.options[plan.services[0].peers[1].options].threshold, 9);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(ids_are_unique_within_a_service),
      cmocka_unit_test(a_record_is_of_one_service_id_and_address),
      cmocka_unit_test(a_schedule_has_room_for_its_weights),
      cmocka_unit_test(only_least_conn_ranks_its_peers),
      cmocka_unit_test(a_ring_has_points_by_weight_and_room_for_them),
      cmocka_unit_test(who_is_down_needs_no_room),
      cmocka_unit_test(peers_share_options_that_are_the_same),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
