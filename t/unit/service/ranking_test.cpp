// SPDX-License-Identifier: MIT
//
// least_conn through a service: the least of all, exactly, over every process of a generation.
#include <array>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::string_view kMethod = "least_conn";

std::vector<registry::Peer> motley(base::Pcg32& random, std::uint32_t count) {
  auto peers = numbered(count);
  for (auto& peer : peers) {
    peer.weight = 1 + random.below(6);
    if (random.below(4) == 0) peer.max_conns = 1 + random.below(4);
    peer.down = random.below(12) == 0;
  }
  for (std::uint32_t i = count - 2; i < count; ++i) peers[i].backup = true;
  return peers;
}

// The heart of it: whoever is picked, nobody who could have served had less.
void nobody_had_less(void**) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    Traffic traffic(seed);
    const auto registry = balanced(kMethod, motley(traffic.random, seed % 2 == 0 ? 9 : 70));
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    std::array processes = {gate.attach(0), gate.attach(1), gate.attach(2), gate.attach(3)};
    for (int i = 0; i < 600; ++i) {
      const base::Instant now = 1'000 + i;
      Client& client = traffic.begin(processes[traffic.random.below(4)]);
      // Some are sent again, to somebody else.
      for (std::uint32_t sent = 0; sent < 3; ++sent) {
        if (client.pick(now) == "-") break;
        assert_false(somebody_had_less(processes[0], client.request));
        if (traffic.random.below(3) != 0) break;
        client.report(client.request.peer % 4 == 0 ? kBad : kNothing, now);  // some of them open
      }
      // In waves, up to two hundred at once.
      const std::uint32_t ends = i / 200 % 2 == 0 ? traffic.random.below(2) : 1 + i % 2;
      for (std::uint32_t k = 0; k < ends && !traffic.clients.empty(); ++k) traffic.end_some(now);
    }
    traffic.end_all(2'000);
    for (const PeerImage& image : processes[0].generation().peers()) {
      assert_int_equal(gate.zone.in_flight(processes[0].record(image).rank), 0);
    }
  }
}

void with_nothing_in_flight_they_take_turns_by_weight(void**) {
  const std::vector<std::pair<std::string, int>> rows[] = {
      {{"a", 5}, {"b", 1}, {"c", 1}}, {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}}, {{"a", 7}}};
  for (const auto& row : rows) {
    const Gate gate;
    std::vector<registry::Peer> peers;
    for (const auto& [id, weight] : row) {
      peers.push_back(peer(id, static_cast<std::uint32_t>(weight)));
    }
    gate.reload(balanced(kMethod, peers));
    Process first = gate.attach(0);
    Process second = gate.attach(1);
    std::string who;
    for (int i = 0; i < 70; ++i) who += serve(i % 2 == 0 ? first : second, 1, 1);
    assert_text(who, Oracle(row).next(70));
  }
}

// Whoever stands idle again takes its turns; nobody else is asked for longer than the busy last.
void who_is_busy_is_left_alone_until_it_is_not(void**) {
  const Gate gate;
  gate.reload(balanced(kMethod, {peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  Client slow(process);
  assert_text(slow.pick(1), "a");
  const std::string who = serve(process, 30, 1);
  assert_true(who.find('a') == std::string::npos);
  slow.report(kGood, 1);
  assert_text(sorted(serve(process, 3, 1)), "abc");
}

// What a request cannot have costs the others the same: it is sent to whoever has the next turn.
void what_is_sent_again_is_spread_over_the_others(void**) {
  const Gate gate;
  auto registry = balanced(kMethod, {peer("a"), peer("b"), peer("c"), peer("d"), peer("e")});
  registry.services[0].breaker.threshold = 0;
  gate.reload(registry);
  Process process = gate.attach(0);
  std::string who;
  for (int i = 0; i < 800; ++i) {
    Client client(process);
    who += client.pick(1);
    client.report(who.back() == 'e' ? kBad : kGood, 1);
    if (who.back() == 'e') who += client.pick(1);
    client.report(kGood, 1);
  }
  for (const char id : {'a', 'b', 'c', 'd', 'e'}) {
    assert_in_range(std::count(who.begin(), who.end(), id), 199, 201);
  }
}

// Two neighbours come back, so that the second look falls on somebody else who is spared.
void what_a_ramp_leaves_is_spread_over_the_others(void**) {
  const Gate gate;
  auto registry = balanced(kMethod, numbered(6));
  registry.services[0].breaker.threshold = 1;
  registry.services[0].breaker.ramp = 20'000;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "2", 1'000);
  trip(process, "3", 1'000);
  assert_text(serve(process, 2, 11'000), "23");
  const std::string who = serve(process, 6'000, 11'000);
  for (const char id : {'2', '3'}) {
    assert_in_range(std::count(who.begin(), who.end(), id), 50, 300);
  }
  for (const char id : {'0', '1', '4', '5'}) {
    assert_in_range(std::count(who.begin(), who.end(), id), 1'250, 1'600);
  }
}

// Whose turn it is may be busy. Then it falls to the next who is not.
void those_who_are_equally_idle_share_evenly(void**) {
  const Gate gate;
  gate.reload(balanced(kMethod, numbered(10)));
  Process process = gate.attach(0);
  std::list<Client> clients;
  for (int i = 0; i < 10; ++i) {
    const std::string who = clients.emplace_back(process).pick(1);
    if (std::stoi(who) % 2 == 0) clients.back().report(kGood, 1);
  }
  const std::string who = serve(process, 1'000, 1);
  for (const char id : {'0', '2', '4', '6', '8'}) {
    assert_int_equal(std::count(who.begin(), who.end(), id), 200);
  }
}

void nobody_but_those_who_are_in_has_a_place_in_the_order(void**) {
  auto down = peer("down");
  down.down = true;
  auto small = peer("small");
  small.max_conns = 1;
  auto spare = peer("spare");
  spare.backup = true;
  const Gate gate;
  gate.reload(balanced(kMethod, {peer("a"), down, small, peer("b"), spare}));
  Process process = gate.attach(0);
  const auto place = [&](const std::string& id, balance::Tier tier = balance::Tier::kPrimary) {
    const auto generation = process.generation();
    const auto number = static_cast<std::uint32_t>(&image_of(process, id) - &generation.peers()[0]);
    return generation.loads(generation.services()[0], tier).key(number);
  };
  constexpr std::uint32_t kOut = balance::Loads::kOut;
  assert_int_equal(place("down"), kOut);
  assert_int_equal(place("spare"), kOut);
  assert_int_equal(place("a", balance::Tier::kBackup), kOut);
  assert_int_equal(place("spare", balance::Tier::kBackup), 0);
  std::list<Client> clients;
  while (place("small") != kOut) clients.emplace_back(process).pick(1'000);
  assert_int_equal(in_flight(process, "small"), 1);
  for (const char* id : {"a", "b"}) {
    assert_int_equal(place(id), (balance::Load{in_flight(process, id), 1}.key()));
  }
  for (Client& client : clients) client.report(kGood, 1'000);
  assert_int_equal(place("small"), 0);
  trip(process, "b", 1'000);
  assert_int_equal(place("b"), kOut);
  assert_text(serve(process, 1, 11'000), "b");
  assert_int_equal(place("b"), 0);
  Service(process, 0).force(0, {.way = breaker::Way::kOpen}, 12'000);
  assert_int_equal(place("a"), kOut);
  Service(process, 0).force(0, {}, 12'000);
  assert_int_equal(place("a"), 0);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nobody_had_less),
      cmocka_unit_test(with_nothing_in_flight_they_take_turns_by_weight),
      cmocka_unit_test(who_is_busy_is_left_alone_until_it_is_not),
      cmocka_unit_test(what_is_sent_again_is_spread_over_the_others),
      cmocka_unit_test(what_a_ramp_leaves_is_spread_over_the_others),
      cmocka_unit_test(those_who_are_equally_idle_share_evenly),
      cmocka_unit_test(nobody_but_those_who_are_in_has_a_place_in_the_order),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
