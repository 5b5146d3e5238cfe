// SPDX-License-Identifier: MIT
#include "core/service/service.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "unit/service/allocations.h"
#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

using breaker::State;

// Sets a peer's state behind everybody's back, as a process that dies right after it has won a
// transition leaves it: done, and told to nobody.
void set_state(const Process& process, std::string_view id, State state, base::Instant until) {
  auto& word = record_of(process, id).breaker.word;
  word.store(breaker::Word::unpack(word.load()).next(state, until).pack());
}

ServiceRecord& service_of(const Process& process, std::uint32_t service = 0) {
  return process.record(process.generation().services()[service]);
}

std::uint64_t in_flight(const Process& process, std::string_view id) {
  return process.zone().in_flight(record_of(process, id).rank);
}

// nginx's smooth weighted round robin, as ngx_http_upstream_get_peer() computes it.
class Oracle {
 public:
  explicit Oracle(std::vector<std::pair<std::string, int>> peers) {
    for (auto& [id, weight] : peers) peers_.push_back({id, weight, 0});
  }
  std::string next() {
    int total = 0;
    One* best = nullptr;
    for (One& one : peers_) {
      one.current += one.weight;
      total += one.weight;
      if (best == nullptr || one.current > best->current) best = &one;
    }
    best->current -= total;
    return best->id;
  }
  std::string next(int times) {
    std::string who;
    while (times-- > 0) who += next();
    return who;
  }

 private:
  struct One {
    std::string id;
    int weight;
    int current;
  };
  std::vector<One> peers_;
};

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
  gate.zone.sweep(Gate::exists);
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
    client.answered();
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

void a_neutral_outcome_leaves_its_peer_untried(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Client client(process);
  for (int i = 0; i < 100; ++i) {
    assert_text(client.pick(1), "a");
    client.report(kNothing, 1);
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

// Breakers.

void each_transition_is_announced_once_and_to_its_winner(void**) {
  const Gate gate;
  gate.reload(registry_of({named("other", {peer("x")}), named("product", {peer("a"), peer("b")})}));
  Process first = gate.attach(0);
  Process second = gate.attach(1);

  // Three failures in a row, wherever they happen.
  Client one_(first, 1);
  Client two(second, 1);
  Client three(first, 1);
  Client four(second, 1);
  Client five(first, 1);
  Client six(second, 1);
  for (Client* client : {&one_, &two, &three, &four, &five, &six}) client->pick(1'000);
  one_.report(kBad, 1'000);
  three.report(kBad, 1'001);
  two.report(kGood, 1'001);
  assert_text(one_.told() + two.told() + three.told(), "");
  const auto notices = Service(first, 1).report(
      five.request, {breaker::Outcome::kFailure, breaker::Cause::kStatus, 503}, 1'002);
  assert_int_equal(notices.all().size(), 1);
  const Notice& opened = notices.all()[0];
  assert_text(id_of(first, opened.peer), "a");
  assert_true(opened.transition.from == State::kClosed);
  assert_true(opened.transition.to == State::kOpen);
  assert_true(opened.transition.reason == breaker::Reason::kConsecutive);
  assert_true(opened.transition.last == breaker::Cause::kStatus);
  assert_int_equal(opened.transition.status, 503);
  assert_int_equal(opened.transition.failures, 3);
  assert_int_equal(opened.transition.span, 10'000);
  four.report(kGood, 1'003);
  six.report(kGood, 1'003);
  assert_text(four.told() + six.told(), "");
  assert_text(serve(second, 3, 1'003, 1), "bbb");

  // The probe, and nobody else's business meanwhile.
  Client probe(second, 1);
  assert_text(probe.pick(11'002), "a");
  assert_text(probe.told(), "a HALF_OPEN");
  assert_true(probe.request.pass.probe());
  Client beside(first, 1);
  assert_text(beside.pick(11'003), "b");
  beside.report(kGood, 11'003);
  assert_text(beside.told(), "");
  probe.report(kGood, 12'002);
  assert_text(probe.told(), "a CLOSED");

  const std::string who = serve(first, 4, 12'002, 1);
  assert_true(who == "abab" || who == "baba");
  assert_int_equal(record_of(first, "a").breaker.trips.load(), 1);
}

void a_failed_probe_opens_it_again(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client probe(process);
  assert_text(probe.pick(11'000), "b");
  probe.told();
  probe.report(kBad, 12'000);
  assert_text(probe.told(), "b OPEN");
  assert_text(serve(process, 3, 21'999), "aaa");
  assert_text(serve(process, 1, 22'000), "b");
}

void a_service_of_one_peer_opens_too(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  assert_text(trip(process, "a", 1'000), "a OPEN");
  assert_text(Client(process).pick(1'000), "-");
}

void where_nobody_can_be_had_the_client_learns_when(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  trip(process, "b", 3'000);
  for (const auto& [now, wait] : {std::pair{4'000, 7'000}, {10'999, 1}}) {
    Client client(process);
    assert_text(client.pick(now), "-");
    assert_int_equal(client.last.retry_after, wait);
    assert_true(client.last.held_out);
    assert_int_equal(client.last.notices.all().size(), 0);
  }
  assert_int_equal(service_of(process).counters.rejected.load(), 2);

  // The only one who is due is taken: until its probe must have come back, or the other is due.
  Client probe(process);
  assert_text(probe.pick(11'000), "a");
  Client client(process);
  assert_text(client.pick(11'500), "-");
  assert_int_equal(client.last.retry_after, 1'500);
  Client other(process);
  assert_text(other.pick(13'000), "b");
  Client late(process);
  assert_text(late.pick(13'500), "-");
  assert_int_equal(late.last.retry_after, 2'500);  // probe_timeout is 5 s
}

void of_full_and_open_peers_the_sooner_one_is_told(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(one({small, peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client holder(process);
  assert_text(holder.pick(1'000), "a");
  Client far(process);
  assert_text(far.pick(2'000), "-");
  assert_int_equal(far.last.retry_after, 1'000);
  Client near(process);
  assert_text(near.pick(10'700), "-");
  assert_int_equal(near.last.retry_after, 300);
}

void a_service_of_nobody_cannot_tell_when(void**) {
  const Gate gate;
  auto down = peer("a");
  down.down = true;
  gate.reload(one({down}));
  Process process = gate.attach(0);
  Client client(process);
  assert_text(client.pick(1'000), "-");
  assert_int_equal(client.last.retry_after, 0);
  assert_int_equal(service_of(process).counters.rejected.load(), 1);
}

void probes_are_as_many_as_allowed_over_all_processes(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.probes = 3;
  registry.services[0].breaker.successes = 3;
  gate.reload(registry);
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  trip(first, "b", 1'000);
  assert_text(serve(second, 3, 10'999), "aaa");
  std::vector<Client> probes;
  for (int i = 0; i < 3; ++i) {
    probes.emplace_back(i % 2 == 0 ? first : second);
    assert_text(probes.back().pick(11'000), "b");
    assert_text(probes.back().told(), i == 0 ? "b HALF_OPEN" : "");
  }
  assert_text(serve(first, 4, 11'000) + serve(second, 4, 11'000), "aaaaaaaa");

  // A place that is free again is offered at once.
  probes[1].report(kGood, 11'100);
  assert_text(probes[1].told(), "");
  Client fourth(second);
  assert_text(fourth.pick(11'100), "b");
  assert_text(serve(first, 2, 11'100), "aa");
  probes[0].report(kGood, 11'200);
  fourth.report(kGood, 11'200);
  assert_text(probes[0].told() + fourth.told(), "b CLOSED");
  probes[2].report(kBad, 11'300);  // of a time that is over
  assert_text(probes[2].told(), "");
  assert_true(state_of(first, "b") == State::kClosed);
}

void a_probe_that_came_to_nothing_gives_its_place_back(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client probe(process);
  assert_text(probe.pick(11'000), "b");
  probe.told();
  probe.report(kNothing, 11'001);
  assert_text(probe.told(), "");
  assert_true(state_of(process, "b") == State::kHalfOpen);
  assert_text(Client(process).pick(11'001), "b");
}

void a_probe_without_an_answer_has_failed(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client probe(process);
  probe.pick(11'000);
  probe.told();
  Client early(process);
  assert_text(early.pick(15'999), "a");
  assert_text(early.told(), "");
  Client witness(process);
  assert_text(witness.pick(16'000), "a");
  assert_text(witness.told(), "b OPEN");
  probe.report(kGood, 16'001);
  assert_text(probe.told(), "");
  assert_int_equal(in_flight(process, "b"), 0);
  assert_text(serve(process, 2, 25'999), "aa");
}

void a_probe_that_was_answered_is_good_whenever_its_body_ends(void**) {
  const Gate gate;
  gate.reload(one({peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client probe(process);
  assert_text(probe.pick(11'000), "b");
  probe.answered();
  probe.told();
  Client witness(process);
  assert_text(witness.pick(16'000), "b");  // the one that its pick has closed
  assert_text(witness.told(), "b CLOSED");
  probe.report(kGood, 90'000);
  assert_text(probe.told(), "");
}

void a_probe_whose_process_died_is_given_back_without_a_verdict(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  trip(alive, "b", 1'000);
  Client lost(dead);
  assert_text(lost.pick(11'000), "b");
  assert_text(serve(alive, 2, 11'001), "aa");
  Process heir = gate.attach(0, 777);  // long before probe_timeout
  Client probe(alive);
  assert_text(probe.pick(11'002), "b");
  assert_text(probe.told(), "");
  probe.report(kGood, 11'003);
  assert_text(probe.told(), "b CLOSED");
  const std::string who = serve(heir, 2, 11'003);
  assert_true(who == "ab" || who == "ba");
}

void the_probe_of_a_process_that_was_buried_is_offered_to_both_generations(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process old = gate.attach(1);
  gate.reload(one({peer("a"), peer("b")}));
  Process fresh = gate.attach(2);
  for (Process* burying : {&old, &fresh}) {
    set_state(old, "b", State::kOpen, 2'000);
    for (Process* process : {&dead, &old, &fresh}) serve(*process, 2, 1'000);
    Client lost(dead);
    while (lost.pick(2'000) != "b") lost.report(kNothing, 2'000);
    for (Process* process : {&old, &fresh}) assert_text(serve(*process, 2, 2'001), "aa");
    Gate::kill(dead.self().slot == 0 ? 100 : 103);
    burying->bury(Gate::exists);
    Process& other = burying == &old ? fresh : old;
    Client probe(other);
    assert_text(probe.pick(2'002), "b");
    probe.report(kGood, 2'003);
    dead = gate.attach(3);  // the next to die
  }
}

void a_probe_finds_no_way_to_a_full_peer(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(one({small, peer("b")}));
  Process process = gate.attach(0);
  Client holder(process);
  assert_text(holder.pick(1'000), "a");
  set_state(process, "a", State::kOpen, 2'000);
  assert_text(serve(process, 2, 1'000), "bb");
  Client client(process);
  assert_text(client.pick(2'000), "b");
  assert_text(client.told(), "a HALF_OPEN");
  for (const auto& lease : record_of(process, "a").breaker.leases) {
    assert_int_equal(lease.load(), 0);
  }
  assert_int_equal(in_flight(process, "a"), 1);
  assert_text(serve(process, 2, 2'000), "bb");
  holder.report(kGood, 2'001);
  assert_text(Client(process).pick(2'001), "a");
}

void one_pick_announces_no_more_than_it_can_carry(void**) {
  const Gate gate;
  auto registry = one({});
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) {
    registry.services[0].peers.push_back(peer(id));
  }
  registry.services[0].breaker.threshold = 1;
  gate.reload(registry);
  Process process = gate.attach(0);
  for (int i = 0; i < 6; ++i) {
    Client client(process);
    client.pick(1'000);
    client.report(kBad, 1'000);
  }
  std::vector<Client> probes;
  for (int i = 0; i < 6; ++i) {
    probes.emplace_back(process);
    assert_text(probes.back().pick(11'000), std::string(1, static_cast<char>('a' + i)));
  }
  // All six are overdue at once: their failures are told by whoever comes, each of them once.
  std::string told;
  int picks = 0;
  for (bool more = true; more; ++picks) {
    Client client(process);
    assert_text(client.pick(16'000), "-");
    assert_true(client.last.notices.all().size() <= Notices::kMax);
    more = !client.last.notices.all().empty();
    told += client.told() + (more ? ", " : "");
    if (!more) assert_int_equal(client.last.retry_after, 10'000);
  }
  assert_text(told, "a OPEN, b OPEN, c OPEN, d OPEN, e OPEN, f OPEN, ");
  assert_true(picks > 1);
}

void a_probe_is_offered_to_who_has_not_tried_that_peer(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.threshold = 1;
  registry.services[0].breaker.timeout = 100;
  gate.reload(registry);
  Process process = gate.attach(0);
  Client client(process);
  assert_text(client.pick(1'000), "a");
  client.report(kBad, 1'000);
  assert_text(client.pick(1'200), "b");  // "a" is due, but not to this one
  assert_true(state_of(process, "a") == State::kOpen);
  assert_text(Client(process).pick(1'200), "a");
}

void a_breaker_that_is_off_never_opens(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.enabled = false;
  gate.reload(registry);
  Process process = gate.attach(0);
  std::string who;
  for (int i = 0; i < 50; ++i) {
    Client client(process);
    who += client.pick(1'000);
    client.report(kBad, 1'000);
    assert_text(client.told(), "");
  }
  assert_int_equal(std::count(who.begin(), who.end(), 'a'), 25);
  assert_int_equal(record_of(process, "a").counters.failures.load(), 25);
}

void a_breaker_that_is_turned_off_lets_its_peer_in_again(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  gate.reload(registry);
  Process old = gate.attach(0);
  trip(old, "b", 1'000);
  registry.services[0].breaker.enabled = false;
  gate.reload(registry);
  Process fresh = gate.attach(1);
  const std::string who = serve(fresh, 4, 1'000) + serve(fresh, 4, 50'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 4);
  assert_text(serve(old, 2, 1'000), "aa");
}

void a_peer_has_its_own_threshold(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].peers[0].breaker.threshold = 0;
  registry.services[0].peers[1].breaker.threshold = 1;
  gate.reload(registry);
  Process process = gate.attach(0);
  std::string told;
  for (int i = 0; i < 20; ++i) {
    Client client(process);
    client.pick(1'000);
    client.report(kBad, 1'000);
    told += client.told();
  }
  assert_text(told, "b OPEN");
  assert_text(serve(process, 2, 1'000), "aa");
}

// The roster heals.

void who_opened_and_died_before_telling_is_found_out(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  serve(process, 3, 1'000);
  set_state(process, "b", State::kOpen, 11'000);
  assert_int_equal(service_of(process).changes.load(), 0);
  const std::string who = serve(process, 101, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 0);
  assert_int_equal(std::count(who.begin(), who.end(), '-'), 0);
  // All but the pick that found out went by the new line-up.
  assert_true(std::count(who.begin(), who.end(), 'a') >= 50);
  assert_true(std::count(who.begin(), who.end(), 'c') >= 50);
  assert_text(serve(process, 1, 11'000), "b");
}

void who_closed_and_died_before_telling_is_found_out(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  assert_text(serve(process, 2, 1'000), "aa");
  set_state(process, "b", State::kClosed, 2'000);
  const std::string who = serve(process, 8, 11'000);  // at the latest when it would be due
  assert_true(std::count(who.begin(), who.end(), 'b') >= 3);
  Client client(process);
  client.pick(11'000);
  assert_false(client.request.pass.probe());
}

void the_last_peer_that_closed_unnoticed_serves_the_request_that_notices(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  set_state(process, "a", State::kClosed, 2'000);
  Client client(process);
  assert_text(client.pick(11'000), "a");
  assert_false(client.request.pass.probe());
}

void the_last_peer_that_opened_unnoticed_is_held_out_for_who_notices(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  serve(process, 1, 1'000);
  set_state(process, "a", State::kOpen, 11'000);
  Client client(process);
  assert_text(client.pick(1'000), "-");
  assert_true(client.last.held_out);
  assert_int_equal(client.last.retry_after, 10'000);
}

void a_builder_that_died_holds_nobody_up_for_long(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  serve(process, 2, 1'000);
  auto roster = process.generation().roster(process.generation().services()[0]);
  assert_int_not_equal(roster.claim(1'000), 0);  // and is never heard of again
  set_state(process, "b", State::kOpen, 31'000);
  // The old line-up serves: "b" is passed over pick by pick.
  assert_text(serve(process, 4, 1'500), "aaaa");
  const std::uint64_t stale = roster.version();
  assert_text(serve(process, 4, 1'000 + balance::Roster::kClaim), "aaaa");
  assert_int_not_equal(roster.version(), stale);
}

// Two generations.

void both_generations_see_what_happens_in_either(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  serve(old, 2, 1'000);
  gate.reload(one({peer("c"), peer("b"), peer("a")}));
  Process fresh = gate.attach(1);
  serve(fresh, 3, 1'000);

  assert_text(trip(old, "b", 1'000), "b OPEN");
  std::string who = serve(fresh, 20, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 0);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 10);
  assert_text(serve(old, 2, 1'000), "aa");

  Client probe(fresh);
  assert_text(probe.pick(11'000), "b");
  assert_text(serve(old, 3, 11'000), "aaa");  // its probe is taken
  probe.report(kGood, 11'001);
  assert_text(probe.told(), "b HALF_OPEN, b CLOSED");
  who = serve(old, 10, 11'001);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 5);

  assert_text(trip(fresh, "a", 12'000), "a OPEN");
  assert_text(serve(old, 3, 12'000), "bbb");
}

void a_transition_of_a_peer_that_the_new_generation_lacks_is_of_no_harm(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  gate.reload(one({peer("a"), peer("c")}));
  Process fresh = gate.attach(1);
  trip(old, "b", 1'000);
  const std::string who = serve(fresh, 4, 1'000);
  assert_true(who == "acac" || who == "caca");
}

void max_conns_counts_the_requests_of_both_generations(void**) {
  const Gate gate;
  auto small = peer("b");
  small.max_conns = 2;
  gate.reload(one({small}));
  Process old = gate.attach(0);
  gate.reload(one({small, peer("c")}));
  Process fresh = gate.attach(1);
  Client first(old);
  Client second(old);
  assert_text(first.pick(1), "b");
  assert_text(second.pick(1), "b");
  assert_text(serve(fresh, 3, 1), "ccc");
  assert_int_equal(record_of(fresh, "b").counters.successes.load(), 0);
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
    service.open(request);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Pick pick = service.pick(request, now);
      transitions += pick.notices.all().size();
      if (!pick.picked) ++refused;
      service.answered(request);
      // For a while everybody fails, then everybody is well again.
      const bool ill = i / 500 % 2 == 1;
      const auto& judgement = ill ? kBad : i % 7 == 0 ? kNothing : kGood;
      transitions += service.report(request, judgement, now).all().size();
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
      cmocka_unit_test(a_neutral_outcome_leaves_its_peer_untried),
      cmocka_unit_test(a_request_is_tried_on_32_peers_at_most),
      cmocka_unit_test(each_transition_is_announced_once_and_to_its_winner),
      cmocka_unit_test(a_failed_probe_opens_it_again),
      cmocka_unit_test(a_service_of_one_peer_opens_too),
      cmocka_unit_test(where_nobody_can_be_had_the_client_learns_when),
      cmocka_unit_test(of_full_and_open_peers_the_sooner_one_is_told),
      cmocka_unit_test(a_service_of_nobody_cannot_tell_when),
      cmocka_unit_test(probes_are_as_many_as_allowed_over_all_processes),
      cmocka_unit_test(a_probe_that_came_to_nothing_gives_its_place_back),
      cmocka_unit_test(a_probe_without_an_answer_has_failed),
      cmocka_unit_test(a_probe_that_was_answered_is_good_whenever_its_body_ends),
      cmocka_unit_test(a_probe_whose_process_died_is_given_back_without_a_verdict),
      cmocka_unit_test(the_probe_of_a_process_that_was_buried_is_offered_to_both_generations),
      cmocka_unit_test(a_probe_finds_no_way_to_a_full_peer),
      cmocka_unit_test(one_pick_announces_no_more_than_it_can_carry),
      cmocka_unit_test(a_probe_is_offered_to_who_has_not_tried_that_peer),
      cmocka_unit_test(a_breaker_that_is_off_never_opens),
      cmocka_unit_test(a_breaker_that_is_turned_off_lets_its_peer_in_again),
      cmocka_unit_test(a_peer_has_its_own_threshold),
      cmocka_unit_test(who_opened_and_died_before_telling_is_found_out),
      cmocka_unit_test(who_closed_and_died_before_telling_is_found_out),
      cmocka_unit_test(the_last_peer_that_closed_unnoticed_serves_the_request_that_notices),
      cmocka_unit_test(the_last_peer_that_opened_unnoticed_is_held_out_for_who_notices),
      cmocka_unit_test(a_builder_that_died_holds_nobody_up_for_long),
      cmocka_unit_test(both_generations_see_what_happens_in_either),
      cmocka_unit_test(a_transition_of_a_peer_that_the_new_generation_lacks_is_of_no_harm),
      cmocka_unit_test(max_conns_counts_the_requests_of_both_generations),
      cmocka_unit_test(nothing_is_allocated_on_a_request),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
