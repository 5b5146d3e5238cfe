// SPDX-License-Identifier: MIT
//
// Who is picked: turns, weights, tiers, limits; and that nothing is allocated on the way.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/allocations.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

// Balancing.

void two_equal_peers_alternate_strictly_over_two_processes(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  std::string who;
  for (int i = 0; i < 60; ++i) who += serve(i % 3 == 0 ? first : second, 1, 1);
  std::string expected;
  for (int i = 0; i < 30; ++i) expected += "ab";
  assert_text(who, expected);
}

void weights_follow_nginx_over_two_processes(void**) {
  const std::vector<std::pair<std::string, int>> rows[] = {
      {{"a", 5}, {"b", 1}, {"c", 1}},
      {{"a", 1}, {"b", 2}, {"c", 3}, {"d", 4}},
      {{"a", 3}, {"b", 2}},
      {{"a", 10}, {"b", 20}, {"c", 10}},
      {{"a", 7}},
  };
  for (const auto& row : rows) {
    const Gate gate;
    std::vector<registry::Peer> peers;
    for (const auto& [id, weight] : row) {
      peers.push_back(peer(id, static_cast<std::uint32_t>(weight)));
    }
    gate.reload(one(peers));
    Process first = gate.attach(0);
    Process second = gate.attach(1);
    std::string who;
    for (int i = 0; i < 100; ++i) who += serve(i % 2 == 0 ? first : second, 1, 1);
    assert_text(who, Oracle(row).next(100));
  }
}

void the_share_of_one_that_is_out_goes_to_the_others_evenly(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  assert_text(trip(process, "b", 1'000), "b OPEN");
  const std::string who = serve(process, 100, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'a'), 50);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 50);
  assert_true(who.find("aa") == std::string::npos && who.find("cc") == std::string::npos);
}

void those_who_are_left_share_by_weight(void**) {
  const Gate gate;
  gate.reload(one({peer("a", 5), peer("b", 4), peer("c", 2)}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  const std::string who = serve(process, 300, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 200);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 100);
}

void a_backup_serves_only_while_no_primary_can(void**) {
  const Gate gate;
  auto spare = peer("s");
  auto spare_too = peer("t");
  spare.backup = spare_too.backup = true;
  gate.reload(one({spare, peer("a"), peer("b"), spare_too}));
  Process process = gate.attach(0);
  assert_text(serve(process, 8, 1'000), "abababab");
  trip(process, "a", 1'000);
  assert_text(serve(process, 3, 1'000), "bbb");
  trip(process, "b", 1'000);
  const std::string who = serve(process, 4, 1'000);
  assert_true(who == "stst" || who == "tsts");
  assert_text(serve(process, 2, 11'000), "ab");  // the probes; both close
  const std::string healed = serve(process, 4, 11'000);
  assert_true(healed == "abab" || healed == "baba");
}

void backups_share_by_weight_however_many_they_are(void**) {
  const Gate gate;
  std::vector<registry::Peer> peers = {peer("a")};
  std::vector<std::pair<std::string, int>> weights;
  for (const auto& [id, weight] : {std::pair{"s", 5}, {"t", 1}, {"u", 3}, {"v", 1}}) {
    peers.push_back(peer(id, static_cast<std::uint32_t>(weight)));
    peers.back().backup = true;
    weights.emplace_back(id, weight);
  }
  gate.reload(one(peers));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  const std::string who = serve(process, 100, 1'000);
  for (const auto& [id, weight] : weights) {
    assert_int_equal(std::count(who.begin(), who.end(), id[0]), weight * 10);
  }
}

void a_backup_serves_while_the_primaries_are_full_or_tried(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  auto spare = peer("s");
  spare.backup = true;
  gate.reload(one({small, spare}));
  Process process = gate.attach(0);
  Client first(process);
  assert_text(first.pick(1), "a");
  Client second(process);
  assert_text(second.pick(1), "s");
  first.report(kBad, 1);
  assert_true(first.has_other());
  assert_text(first.pick(1), "s");
  assert_text(Client(process).pick(1), "a");
}

void a_peer_that_is_down_never_serves(void**) {
  const Gate gate;
  auto down = peer("d");
  down.down = true;
  auto down_spare = peer("e");
  down_spare.down = down_spare.backup = true;
  gate.reload(one({down, peer("a"), down_spare}));
  Process process = gate.attach(0);
  assert_text(serve(process, 5, 1'000), "aaaaa");
  trip(process, "a", 1'000);
  Client client(process);
  assert_text(client.pick(1'000), "-");
  assert_false(client.has_other());
}

void services_do_not_disturb_each_other(void**) {
  const Gate gate;
  gate.reload(
      registry_of({named("x", {peer("a"), peer("b")}), named("y", {peer("c"), peer("d")})}));
  Process process = gate.attach(0);
  assert_text(serve(process, 3, 1'000, 0), "aba");
  assert_text(trip(process, "d", 1'000, 1), "d OPEN");
  assert_text(serve(process, 3, 1'000, 1), "ccc");
  assert_text(serve(process, 3, 1'000, 0), "bab");
  assert_int_equal(service_of(process, 0).changes.load(), 0);
}

// Places.

void max_conns_is_exact_over_two_processes(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 3;
  gate.reload(one({small}));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  Client clients[] = {Client(first), Client(second), Client(second)};
  for (Client& client : clients) assert_text(client.pick(1), "a");
  for (Process* process : {&first, &second}) {
    Client refused(*process);
    assert_text(refused.pick(1), "-");
    assert_int_equal(refused.last.retry_after, 1'000);
    assert_false(refused.last.held_out);
  }
  assert_int_equal(in_flight(first, "a"), 3);  // whoever was refused holds nothing

  clients[1].report(kGood, 2);
  assert_int_equal(in_flight(first, "a"), 2);
  Client next(first);
  assert_text(next.pick(2), "a");
  assert_text(Client(second).pick(2), "-");
}

void what_a_dead_process_held_is_free(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(one({small}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Client lost(dead);
  assert_text(lost.pick(1), "a");
  assert_text(Client(alive).pick(1), "-");
  Gate::kill(100);
  gate.sweep();
  assert_text(Client(alive).pick(1), "a");
}

void a_place_is_given_back_once_whatever_the_outcome(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  for (const auto& judgement : {kGood, kBad, kNothing}) {
    Client client(process);
    const std::string id = client.pick(1);
    assert_int_equal(in_flight(process, id), 1);
    client.report(judgement, 1);
    assert_int_equal(in_flight(process, id), 0);
    client.report(judgement, 1);  // nothing is under way
    client.answered(1);
    assert_int_equal(in_flight(process, id), 0);
  }
  std::uint64_t successes = 0;
  std::uint64_t failures = 0;
  std::uint64_t neutral = 0;
  for (const char* id : {"a", "b"}) {
    successes += record_of(process, id).counters.successes.load();
    failures += record_of(process, id).counters.failures.load();
    neutral += record_of(process, id).counters.neutral.load();
  }
  assert_int_equal(record_of(process, "a").counters.requests.load(), 2);
  assert_int_equal(record_of(process, "b").counters.requests.load(), 1);
  assert_int_equal(successes, 1);
  assert_int_equal(failures, 1);
  assert_int_equal(neutral, 1);
}

void a_full_peer_loses_its_turn_to_all_the_others(void**) {
  const Gate gate;
  auto small = peer("b");
  small.max_conns = 1;
  gate.reload(one({peer("a"), small, peer("c")}));
  Process process = gate.attach(0);
  Client first(process);
  Client holder(process);
  assert_text(first.pick(1), "a");
  assert_text(holder.pick(1), "b");
  const std::string who = serve(process, 200, 1);
  assert_int_equal(std::count(who.begin(), who.end(), 'a'), 100);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 100);
}

// Attempts.

void a_request_is_tried_on_each_peer_once(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  Client client(process);
  std::string who;
  for (int i = 0; i < 3; ++i) {
    who += client.pick(1);
    client.report(kBad, 1);
    assert_int_equal(client.has_other(), i < 2);
  }
  assert_text(who, "abc");
  assert_text(client.pick(1), "-");
  assert_int_equal(service_of(process).counters.rejected.load(), 0);  // it was served, badly
  assert_int_equal(service_of(process).counters.requests.load(), 1);
}

void a_stale_connection_leaves_its_peer_untried(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Client client(process);
  for (int i = 0; i < 100; ++i) {
    assert_text(client.pick(1), "a");
    client.report(kStale, 1);
    assert_true(client.has_other());
  }
  assert_text(client.pick(1), "a");
  client.report(kBad, 1);
  assert_text(client.pick(1), "-");
  assert_int_equal(record_of(process, "a").counters.neutral.load(), 100);
  assert_int_equal(record_of(process, "a").counters.failures.load(), 1);
}

void a_request_is_tried_on_32_peers_at_most(void**) {
  const Gate gate;
  std::vector<registry::Peer> peers;
  for (int i = 0; i < 40; ++i) peers.push_back(peer(std::to_string(i)));
  gate.reload(one(peers));
  Process process = gate.attach(0);
  Client client(process);
  std::set<std::string> seen;
  for (std::uint32_t i = 0; i < kAttemptsMax; ++i) {
    assert_true(seen.insert(client.pick(1)).second);
    client.report(kBad, 1);
    assert_int_equal(client.has_other(), i + 1 < kAttemptsMax);
  }
  assert_false(seen.contains("-"));
  assert_text(client.pick(1), "-");
}

// Memory.

void nothing_is_allocated_on_a_request(void**) {
  const Gate gate;
  auto small = peer("c", 3);
  small.max_conns = 1;
  auto spare = peer("d");
  spare.backup = true;
  gate.reload(one({peer("a", 5), peer("b"), small, spare}));
  Process process = gate.attach(0);
  Service service(process, 0);
  std::size_t transitions = 0;
  std::size_t refused = 0;
  const std::size_t zone = gate.arena.asked();

  allocations.arm(0);
  for (int i = 0; i < 4'000; ++i) {
    const base::Instant now = 1'000 + i * 40;
    Request request;
    request.service = 0;
    service.open(request, true);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Pick pick = service.pick(request, now);
      transitions += pick.notices.all().size();
      if (!pick.picked) ++refused;
      service.answered(request, {}, now);
      // For a while everybody fails, then everybody is well again.
      const bool ill = i / 500 % 2 == 1;
      const auto& judgement = ill ? kBad : i % 7 == 0 ? kNothing : kGood;
      transitions += service.report(request, judgement, now).notices.all().size();
      if (!ill || !service.has_other(request)) break;
    }
  }
  const std::size_t counted = allocations.count;

  assert_int_equal(counted, 0);
  assert_int_equal(gate.arena.asked(), zone);
  assert_true(transitions >= 20);
  assert_true(refused >= 20);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(two_equal_peers_alternate_strictly_over_two_processes),
      cmocka_unit_test(weights_follow_nginx_over_two_processes),
      cmocka_unit_test(the_share_of_one_that_is_out_goes_to_the_others_evenly),
      cmocka_unit_test(those_who_are_left_share_by_weight),
      cmocka_unit_test(a_backup_serves_only_while_no_primary_can),
      cmocka_unit_test(backups_share_by_weight_however_many_they_are),
      cmocka_unit_test(a_backup_serves_while_the_primaries_are_full_or_tried),
      cmocka_unit_test(a_peer_that_is_down_never_serves),
      cmocka_unit_test(services_do_not_disturb_each_other),
      cmocka_unit_test(max_conns_is_exact_over_two_processes),
      cmocka_unit_test(what_a_dead_process_held_is_free),
      cmocka_unit_test(a_place_is_given_back_once_whatever_the_outcome),
      cmocka_unit_test(a_full_peer_loses_its_turn_to_all_the_others),
      cmocka_unit_test(a_request_is_tried_on_each_peer_once),
      cmocka_unit_test(a_stale_connection_leaves_its_peer_untried),
      cmocka_unit_test(a_request_is_tried_on_32_peers_at_most),
      cmocka_unit_test(nothing_is_allocated_on_a_request),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
