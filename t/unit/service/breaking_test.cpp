// SPDX-License-Identifier: MIT
//
// A breaker on its way through a service: opening, being turned away, probing.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

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
  const auto notices =
      Service(first, 1)
          .report(five.request, {breaker::Outcome::kFailure, breaker::Cause::kStatus, 503}, 1'002)
          .notices;
  assert_int_equal(notices.all().size(), 1);
  const Notice& opened = notices.all()[0];
  assert_text(id_of(first, opened.peer), "a");
  assert_true(opened.transition.from == State::kClosed);
  assert_true(opened.transition.to == State::kOpen);
  assert_true(opened.transition.reason == breaker::Reason::kConsecutive);
  assert_true(opened.transition.last == breaker::Cause::kStatus);
  assert_int_equal(opened.transition.number, 503);
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
  probe.answered(11'500);
  probe.told();
  Client witness(process);
  assert_text(witness.pick(16'000), "b");  // the one that its pick has closed
  assert_text(witness.told(), "b CLOSED");
  probe.report(kGood, 90'000);
  assert_text(probe.told(), "");
}

// Whoever begins with a failure, or late, has no long answer to wait for.
void a_probe_that_begins_badly_has_failed_by_its_deadline(void**) {
  breaker::Judgement slow = kGood;
  slow.slow = true;
  for (const breaker::Judgement& header : {kError, slow}) {
    const Gate gate;
    gate.reload(one({peer("b")}));
    Process process = gate.attach(0);
    trip(process, "b", 1'000);
    Client probe(process);
    assert_text(probe.pick(11'000), "b");
    Service(process, 0).answered(probe.request, header, 11'500);
    probe.told();
    Client witness(process);
    assert_text(witness.pick(16'000), "-");
    assert_text(witness.told(), "b OPEN");
  }
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

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
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
      cmocka_unit_test(a_probe_that_begins_badly_has_failed_by_its_deadline),
      cmocka_unit_test(a_probe_whose_process_died_is_given_back_without_a_verdict),
      cmocka_unit_test(the_probe_of_a_process_that_was_buried_is_offered_to_both_generations),
      cmocka_unit_test(a_probe_finds_no_way_to_a_full_peer),
      cmocka_unit_test(one_pick_announces_no_more_than_it_can_carry),
      cmocka_unit_test(a_probe_is_offered_to_who_has_not_tried_that_peer),
      cmocka_unit_test(a_breaker_that_is_off_never_opens),
      cmocka_unit_test(a_breaker_that_is_turned_off_lets_its_peer_in_again),
      cmocka_unit_test(a_peer_has_its_own_threshold),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
