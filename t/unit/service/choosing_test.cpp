// SPDX-License-Identifier: MIT
//
// Whatever the method, nobody is overlooked: as long as one peer can serve a request, it gets it.
#include <set>
#include <string>
#include <vector>

#include "core/balance/adaptive.h"
#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::uint32_t kCounts[] = {1, 2, 3, 15, 16, 17, 18, 33, 100, 300};

std::string some_key(std::uint32_t i) {
  return "key " + std::to_string(i);
}

struct Rig {
  Rig(std::string_view method, std::vector<registry::Peer> peers)
      : registry(balanced(method, std::move(peers))), gate(zone_for(registry)) {
    registry.services[0].breaker.threshold = 0;
    gate.reload(registry);
  }
  // So many of a peer's requests are another worker's, who began them unseen.
  void fill(const Process& process, std::uint32_t number, std::uint32_t requests) const {
    process.use(process.record(process.generation().peers()[number]).rank).in_flight = requests;
  }

  registry::Registry registry;
  Gate gate;
};

std::vector<registry::Peer> small(std::uint32_t count) {
  auto peers = numbered(count);
  for (auto& peer : peers) peer.max_conns = 1;
  return peers;
}

void the_only_one_with_a_place_is_found(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : kCounts) {
      Rig rig(method, small(count));
      Process process = rig.gate.attach(0);
      const Process other = rig.gate.attach(1);
      for (std::uint32_t i = 0; i < count; ++i) rig.fill(other, i, 1);
      assert_text(Client(process).pick(1), "-");
      for (const std::uint32_t lone : {0U, count / 2, count - 1}) {
        rig.fill(other, lone, 0);
        for (std::uint32_t i = 0; i < 10; ++i) {
          Client client(process, 0, i % 2 == 0, some_key(i));
          assert_text(client.pick(1), std::to_string(lone));
          Client second(process, 0, true, some_key(i));
          assert_text(second.pick(1), "-");
          client.report(kGood, 1);
        }
        rig.fill(other, lone, 1);
      }
    }
  }
}

void a_request_comes_round_to_everybody(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : {2U, 17U, kAttemptsMax}) {
      auto peers = numbered(count);
      peers[count / 2].weight = 200;  // it has nearly every turn
      Rig rig(method, std::move(peers));
      Process process = rig.gate.attach(0);
      for (std::uint32_t i = 0; i < 10; ++i) {
        Client client(process, 0, true, some_key(i));
        std::set<std::string> seen;
        for (std::uint32_t attempt = 0; attempt < count; ++attempt) {
          assert_true(seen.insert(client.pick(1)).second);
          client.report(kBad, 1);
        }
        assert_false(seen.contains("-"));
        assert_text(client.pick(1), "-");
      }
    }
  }
}

void the_only_one_that_is_in_is_found(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : kCounts) {
      Rig rig(method, numbered(count));
      Process process = rig.gate.attach(0);
      const std::uint32_t lone = count / 3;
      // Nobody is told, so that it is up to the picks to find out.
      for (std::uint32_t i = 0; i < count; ++i) {
        if (i != lone) set_state(process, std::to_string(i), State::kOpen, 90'000);
      }
      for (std::uint32_t i = 0; i < 10; ++i) {
        Client client(process, 0, true, some_key(i));
        assert_text(client.pick(1), std::to_string(lone));
      }
    }
  }
}

void backups_are_asked_when_no_primary_can(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : {2U, 20U, 300U}) {
      auto peers = small(count);
      for (const char* id : {"s", "t"}) {
        peers.push_back(peer(id, 3));
        peers.back().backup = true;
      }
      Rig rig(method, std::move(peers));
      Process process = rig.gate.attach(0);
      const Process other = rig.gate.attach(1);
      for (std::uint32_t i = 0; i < count; ++i) rig.fill(other, i, 1);
      std::string spares;
      for (std::uint32_t i = 0; i < 60; ++i) {
        // All full; then one is not; then it is tried.
        rig.fill(other, count / 2, i % 2 == 0 ? 1 : 0);
        Client client(process, 0, true, some_key(i));
        std::string who = client.pick(1);
        if (i % 2 != 0) {
          assert_text(who, std::to_string(count / 2));
          client.report(kNothing, 1);
          who = client.pick(1);
        }
        spares += who;
        client.report(kGood, 1);
      }
      assert_int_equal(spares.size(), 60);
      assert_int_equal(std::count(spares.begin(), spares.end(), 't') +
                           std::count(spares.begin(), spares.end(), 's'),
                       60);
      assert_in_range(std::count(spares.begin(), spares.end(), 's'), 10, 50);
    }
  }
}

// In panic those who answer badly are asked again, by each method.
void in_panic_those_who_are_held_serve(void**) {
  for (const std::string_view method : kEveryMethod) {
    Rig rig(method, numbered(40));
    rig.registry.services[0].breaker.threshold = 3;
    rig.registry.services[0].breaker.panic_percent = 50;
    rig.gate.reload(rig.registry);
    Process process = rig.gate.attach(0);
    for (std::uint32_t i = 0; i < 4'000 && open_peers(process) < 39; ++i) {
      Client client(process, 0, true, some_key(i));
      client.report(client.pick(1'000) == "5" ? kGood : kError, 1'000);
    }
    assert_true(open_peers(process) > 20);
    std::set<std::string> seen;
    for (std::uint32_t i = 0; i < 2'000; ++i) {
      Client client(process, 0, true, some_key(i));
      seen.insert(client.pick(2'000));
      client.report(kGood, 2'000);
    }
    assert_false(seen.contains("-"));
    assert_int_equal(seen.size(), 40);
  }
}

// Whoever only gets a part of its share is better than a backup.
void a_backup_is_not_asked_for_those_who_achieve_less(void**) {
  auto peers = numbered(3);
  peers.push_back(peer("s"));
  peers.back().backup = true;
  Rig rig("round_robin adaptive", std::move(peers));
  Process process = rig.gate.attach(0);
  constexpr balance::Factor kLeast{.percent = balance::kAdaptiveMin, .at = 1'000};
  for (const char* id : {"0", "1", "2"}) record_of(process, id).pace.factor = kLeast.pack();
  const std::string who = serve(process, 500, 1'001);
  for (const char id : {'0', '1', '2'}) {
    assert_in_range(std::count(who.begin(), who.end(), id), 120, 220);
  }
  assert_int_equal(std::count(who.begin(), who.end(), 's'), 0);
}

// A draw by weight is a draw by weight, and who is busy is drawn less.
void random_and_ewma_go_by_weight_and_load(void**) {
  for (const std::string_view method : {"random", "ewma"}) {
    Rig rig(method, {peer("a", 6), peer("b", 3), peer("c", 3)});
    Process process = rig.gate.attach(0);
    std::string who = serve(process, 6'000, 1'000);
    assert_in_range(std::count(who.begin(), who.end(), 'a'), 2'700, 3'300);
    assert_in_range(std::count(who.begin(), who.end(), 'b'), 1'300, 1'700);
    const Process other = rig.gate.attach(1);
    rig.fill(other, 1, 30);  // the busiest, for its weight
    rig.fill(other, 0, 12);
    who = serve(process, 6'000, 1'000);
    // It is only picked where it was drawn both times, or several.
    assert_true(std::count(who.begin(), who.end(), 'b') < 60);
    assert_true(std::count(who.begin(), who.end(), 'c') > 2'000);
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_only_one_with_a_place_is_found),
      cmocka_unit_test(a_request_comes_round_to_everybody),
      cmocka_unit_test(the_only_one_that_is_in_is_found),
      cmocka_unit_test(backups_are_asked_when_no_primary_can),
      cmocka_unit_test(in_panic_those_who_are_held_serve),
      cmocka_unit_test(a_backup_is_not_asked_for_those_who_achieve_less),
      cmocka_unit_test(random_and_ewma_go_by_weight_and_load),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
