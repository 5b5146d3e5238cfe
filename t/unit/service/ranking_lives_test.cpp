// SPDX-License-Identifier: MIT
//
// least_conn when workers die or change: what they had in flight counts no more, and what those of
// another generation have counts as well.
#include <algorithm>
#include <string>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::string_view kMethod = "least_conn";

void what_the_dead_had_in_flight_counts_no_more(void**) {
  const auto registry = balanced(kMethod, numbered(40));
  const Gate gate(zone_for(registry));
  gate.reload(registry);
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Traffic lost(1);
  Traffic traffic(2);
  // The dead leaves much on the even ones, and somebody else a little on the odd ones.
  for (int i = 0; i < 400; ++i) {
    Client& client = lost.begin(dead);
    const std::string who = client.pick(1);
    if (std::stoi(who) % 2 != 0) client.report(kGood, 1);
  }
  for (int i = 0; i < 20; ++i) traffic.begin(alive).pick(1);
  Gate::kill(100);
  // As a worker does that is told so or looks once a second.
  alive.bury(Gate::exists);
  for (int i = 0; i < 200; ++i) {
    Client& client = traffic.begin(alive);
    client.pick(2);
    assert_false(somebody_had_less(alive, client.request));
  }
  traffic.end_all(3);
}

// In the slot of the dead, nginx starts another one at once.
void whoever_takes_the_slot_of_the_dead_finds_the_truth(void**) {
  const auto registry = balanced(kMethod, numbered(40));
  const Gate gate(zone_for(registry));
  gate.reload(registry);
  Process alive = gate.attach(1);
  {
    Process dead = gate.attach(0);
    for (int i = 0; i < 100; ++i) {
      Client client(dead);
      client.pick(1);
    }
  }
  Gate::kill(100);
  Process heir = gate.attach(0, 200);
  Traffic traffic(3);
  for (int i = 0; i < 200; ++i) {
    Client& client = traffic.begin(i % 2 == 0 ? alive : heir);
    client.pick(2);
    assert_false(somebody_had_less(alive, client.request));
  }
}

// Each generation has an order of its own.
void what_an_old_worker_does_is_seen_by_the_new_ones(void**) {
  for (const std::uint32_t count : {3U, 40U, 300U}) {
    const auto registry = balanced(kMethod, numbered(count));
    auto reversed = registry;
    std::ranges::reverse(reversed.services[0].peers);
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process old = gate.attach(0);
    Traffic leaving(1);
    for (std::uint32_t i = 0; i < 3 * count; ++i) leaving.begin(old).pick(1'000);
    gate.reload(reversed);
    Process fresh = gate.attach(1);
    Traffic traffic(2);
    for (int wave = 0; wave < 5; ++wave) {
      for (std::uint32_t i = 0; i < count / 2; ++i) leaving.end_some(1'000);
      leaving.begin(old).pick(1'000);
      // A large service rests between two looks at all, but is right within one round.
      if (count >= balance::Roster::kRestPeers) serve(fresh, static_cast<int>(count), 1'000);
      for (std::uint32_t i = 0; i < count; ++i) {
        Client& client = traffic.begin(fresh);
        client.pick(1'000);
        assert_false(somebody_had_less(fresh, client.request));
      }
    }
    leaving.end_all(1'000);
    traffic.end_all(1'000);
    serve(fresh, static_cast<int>(count), 1'000);
    for (std::uint32_t i = 0; i < count; ++i) {
      assert_int_equal(gate.zone.in_flight(fresh.record(fresh.generation().peers()[i]).rank), 0);
    }
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_the_dead_had_in_flight_counts_no_more),
      cmocka_unit_test(whoever_takes_the_slot_of_the_dead_finds_the_truth),
      cmocka_unit_test(what_an_old_worker_does_is_seen_by_the_new_ones),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
