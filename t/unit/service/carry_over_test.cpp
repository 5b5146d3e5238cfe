// SPDX-License-Identifier: MIT
#include "core/service/carry_over.h"

#include <string>
#include <vector>

#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/lasting.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

// The process goes over to this, and lets go of everything before.
void overtake(const Gate& gate, Process& process, const registry::Registry& registry,
              base::Instant now = 2) {
  gate.change(registry, now);
  assert_true(process.adopt());
  process.pins().let_go_before(~0ULL);
  gate.sweep(now);
  assert_text(pinned(gate, process.self().slot), std::to_string(gate.zone.current()->id));
}

// So late that no history is left.
void forget(const Gate& gate) {
  gate.sweep(10 * kHistory);
}

void assert_nothing_in_flight(const Gate& gate) {
  for (std::uint32_t rank = 0; rank < 64; ++rank) assert_int_equal(gate.zone.in_flight(rank), 0);
}

// Where to.

void who_is_held_is_not_carried_over(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  gate.change(one({peer("c")}));
  process.adopt();
  const auto service = service_of(process, request.request);
  assert_int_equal(service->generation().id(), 1);
  assert_text(request.pick(2), "a");
  request.close();
}

void an_attempt_goes_on_at_the_same_peer(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  overtake(gate, process, one({peer("c"), peer("b"), peer("a", 3)}));
  const auto service = service_of(process, request.request);
  assert_int_equal(request.request.generation, 2);
  assert_int_equal(service->peer(request.request).weight, 3);
  assert_true(request.report(kBad, 3));
  assert_int_equal(record_of(process, "a").counters.failures.load(), 1);
  assert_int_equal(breaker::Run::count(record_of(process, "a").breaker.run.load(), 0), 1);
  assert_nothing_in_flight(gate);
  request.close();
}

// What it does there counts as what everybody does.
void an_attempt_that_was_carried_over_may_open_a_breaker(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  std::vector<Lasting> requests;
  for (int i = 0; i < 3; ++i) {
    requests.emplace_back(process);
    assert_text(requests.back().pick(1), "a");
  }
  overtake(gate, process, two());
  for (Lasting& request : requests) assert_true(request.report(kBad, 3));
  assert_int_equal(requests[2].ended.notices.all().size(), 1);
  assert_int_equal(requests[2].ended.notices.all()[0].generation.id(), 2);
  assert_true(state_of(process, "a") == State::kOpen);
  for (Lasting& request : requests) request.close();
}

void between_two_attempts_it_asks_the_newest(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, one({peer("c")}));
  assert_text(request.pick(3), "c");
  assert_true(request.report(kGood, 3));
  assert_nothing_in_flight(gate);
  assert_text(pinned(gate, 0), "2");
  request.close();
}

void the_newest_is_held_for_it_from_then_on(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, two());
  service_of(process, request.request);
  gate.change(one({peer("c")}));
  process.adopt();
  assert_text(pinned(gate, 0), "2 3");
  assert_text(request.pick(3), "a");
  assert_true(request.report(kGood, 3));
  request.close();
  assert_text(pinned(gate, 0), "3");
}

// What is remembered.

void attempts_are_kept_and_who_was_tried_is_forgotten(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  for (const char* who : {"a", "b"}) {
    assert_text(request.pick(1), who);
    request.report(kBad, 1);
  }
  assert_text(request.pick(1), "-");
  overtake(gate, process, one({peer("x"), peer("a"), peer("b")}));
  std::string who;
  for (int i = 0; i < 3; ++i) {
    who += request.pick(3);
    request.report(kBad, 3);
  }
  assert_text(sorted(who), "abx");
  assert_text(request.pick(3), "-");
  assert_int_equal(request.request.attempts, 5);
  request.close();
}

void attempts_end_at_their_limit_over_all_generations(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  std::uint32_t attempts = 0;
  for (int i = 0; i < 100; ++i) {
    if (request.pick(1) == "-") break;
    ++attempts;
    request.report(kNothing, 1);
    overtake(gate, process, two());
  }
  assert_int_equal(attempts, kAttemptsMax);
  request.close();
}

void what_never_reached_its_peer_is_no_attempt_there_either(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  overtake(gate, process, one({peer("a")}));
  assert_true(request.report(kStale, 3));
  assert_int_equal(request.request.attempts, 0);
  assert_text(request.pick(3), "a");
  request.report(kGood, 3);
  request.close();
}

// A request that breaks one peer after the other is to blame, whatever generation they are of.
void who_broke_a_peer_is_known_for_it(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  request.report(failed(Cause::kReset), 1);
  overtake(gate, process, one({peer("b")}));
  assert_text(request.pick(3), "b");
  request.report(failed(Cause::kReset), 3);
  assert_true(request.ended.judgement.cause == Cause::kCorrelated);
  assert_int_equal(record_of(process, "b").counters.failures.load(), 0);
  request.close();
}

// Who is gone.

void an_attempt_on_a_peer_that_is_gone_is_counted_where_it_was(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Process witness = gate.attach(1);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  const std::uint32_t rank = record_of(witness, "a").rank;
  overtake(gate, process, one({peer("b"), peer("c")}));
  assert_true(service_of(process, request.request).has_value());
  assert_int_equal(request.request.peer, Request::kGone);
  assert_int_equal(gate.zone.in_flight(rank), 1);
  assert_false(request.report(kBad, 3));
  assert_int_equal(record_of(witness, "a").counters.failures.load(), 1);
  assert_int_equal(count_of(witness, "a", Cause::kConnectRefused), 1);
  assert_nothing_in_flight(gate);
  // It decides nothing, and it may be sent again.
  assert_int_equal(record_of(witness, "a").breaker.run.load(), 0);
  assert_text(request.pick(3), "c");
  request.report(kGood, 3);
  request.close();
}

void a_peer_that_is_gone_never_opens(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Process witness = gate.attach(1);
  std::vector<Lasting> requests;
  for (int i = 0; i < 20; ++i) {
    requests.emplace_back(process);
    assert_text(requests.back().pick(1), "a");
  }
  overtake(gate, process, one({peer("b")}));
  for (Lasting& request : requests) {
    assert_false(request.report(kBad, 3));
    request.close();
  }
  assert_true(state_of(witness, "a") == State::kClosed);
  assert_int_equal(record_of(witness, "a").counters.failures.load(), 20);
}

void a_gone_probe_gives_its_place_back(void**) {
  for (const base::Instant end : {base::Instant{12'000}, base::Instant{99'000}}) {
    const Gate gate;
    gate.reload(two());
    Process process = gate.attach(0);
    Process witness = gate.attach(1);
    trip(process, "a", 1'000);
    Lasting request(process);
    assert_text(request.pick(11'500), "a");
    assert_true(request.request.pass.probe());
    assert_int_not_equal(record_of(witness, "a").breaker.leases[0].load(), 0);
    overtake(gate, process, one({peer("b")}), 11'600);
    assert_false(request.report(kBad, end));  // in time, or long after its deadline
    assert_int_equal(record_of(witness, "a").breaker.leases[0].load(), 0);
    assert_true(state_of(witness, "a") == State::kHalfOpen);
    assert_int_equal(record_of(witness, "a").breaker.trips.load(), 1);
    request.close();
    // So the next may probe, where it is still there.
    Client next(witness);
    assert_text(next.pick(99'000), "a");
    assert_true(next.request.pass.probe());
    next.report(kGood, 99'000);
    assert_text(next.told(), "a CLOSED");
  }
}

void of_a_service_that_is_gone_nobody_is_picked(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("b")})}));
  Process process = gate.attach(0);
  Lasting flying(process, 1);
  Lasting waiting(process, 1);
  assert_text(flying.pick(1), "b");
  overtake(gate, process, registry_of({named("x", {peer("a"), peer("b")})}));
  assert_text(waiting.pick(3), "gone");
  assert_false(waiting.report(kGood, 3));
  assert_false(service_of(process, flying.request).has_value());
  assert_false(flying.report(kGood, 3));
  assert_nothing_in_flight(gate);
  assert_text(flying.pick(3), "gone");
  flying.close();
  waiting.close();
  assert_text(pinned(gate, 0), "2");
}

// Its service is another number now, or its peer stands elsewhere in it.
void services_and_peers_are_found_wherever_they_stand(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("b"), peer("c")})}));
  Process process = gate.attach(0);
  Lasting of_x(process, 0);
  Lasting of_y(process, 1);
  assert_text(of_x.pick(1), "a");
  assert_text(of_y.pick(1), "b");
  overtake(gate, process,
           registry_of({named("w", {peer("a"), peer("b")}),
                        named("y", {peer("d"), peer("c"), peer("b")}),
                        named("x", {peer("e"), peer("a")})}));
  assert_true(of_x.report(kGood, 3));
  assert_true(of_y.report(kGood, 3));
  const auto peers = process.generation().peers();
  for (std::uint32_t i = 0; i < peers.size(); ++i) {
    const bool served = i == 4 || i == 6;  // b of y, a of x
    assert_int_equal(process.record(peers[i]).counters.successes.load(), served ? 1 : 0);
  }
  of_x.close();
  of_y.close();
}

// Ranks that somebody else has now.

void a_service_that_has_come_to_its_rank_is_not_taken_for_it(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("b")})}));
  Process process = gate.attach(0);
  Lasting request(process, 1);
  const std::uint32_t rank = request.request.service_rank;
  // Nobody counts there, so its rank is free as soon as history is.
  overtake(gate, process, registry_of({named("x", {peer("a")})}));
  forget(gate);
  overtake(gate, process, registry_of({named("x", {peer("a")}), named("z", {peer("c")})}));
  assert_int_equal(process.generation().services()[1].rank, rank);
  assert_text(request.pick(3), "gone");
  request.close();
}

void a_peer_that_has_come_to_its_services_rank_is_not_taken_for_it(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("b")})}));
  Process process = gate.attach(0);
  Lasting request(process, 1);
  const std::uint32_t rank = request.request.service_rank;
  overtake(gate, process, registry_of({named("x", {peer("a")})}));
  forget(gate);
  overtake(gate, process, registry_of({named("x", {peer("a"), peer("d")})}));
  const Place place = process.generation().place(rank);
  assert_true(place.peer());
  assert_text(request.pick(3), "gone");
  request.close();
}

// Its own rank nobody gets while it is under way.
void the_rank_of_an_attempt_is_given_to_nobody(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  const std::uint32_t rank = request.request.rank;
  overtake(gate, process, one({peer("b")}));
  for (int i = 0; i < 10; ++i) {
    overtake(gate, process, one({peer("b"), peer("c" + std::to_string(i))}));
    forget(gate);
    assert_int_equal(process.generation().place(rank).word, 0);
  }
  assert_false(request.report(kGood, 3));
  request.close();
  forget(gate);
  overtake(gate, process, one({peer("b"), peer("d"), peer("e")}));
  assert_true(process.generation().place(rank).peer());
}

// The same peer in another service is another peer.
void a_peer_of_another_service_is_not_taken_for_it(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("b")})}));
  Process process = gate.attach(0);
  Lasting request(process, 0);
  assert_text(request.pick(1), "a");
  overtake(gate, process, registry_of({named("x", {peer("b")}), named("y", {peer("a")})}));
  assert_true(service_of(process, request.request).has_value());
  assert_int_equal(request.request.peer, Request::kGone);
  assert_false(request.report(kGood, 3));
  assert_nothing_in_flight(gate);
  for (const PeerImage& image : process.generation().peers()) {
    assert_int_equal(process.record(image).counters.successes.load(), 0);
  }
  request.close();
}

void who_is_gone_and_back_is_not_followed(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  overtake(gate, process, one({peer("b")}));
  service_of(process, request.request);
  overtake(gate, process, two());
  assert_false(request.report(kBad, 3));  // its breaker has begun to judge others since
  assert_int_equal(record_of(process, "a").counters.failures.load(), 1);
  assert_int_equal(record_of(process, "a").breaker.run.load(), 0);
  assert_nothing_in_flight(gate);
  assert_text(request.pick(3), "b");
  request.report(kGood, 3);
  request.close();
}

// What is in flight.

void counts_come_back_to_zero_whatever_happened_to_the_bound(void**) {
  const char* const kWithout = "hash $arg_k";
  const char* const kWith = "hash $arg_k bounded=125%";
  for (const auto& [before, after] : {std::pair{kWithout, kWith}, std::pair{kWith, kWithout},
                                      std::pair{kWith, kWith}, std::pair{kWith, "least_conn"}}) {
    for (const bool stays : {true, false}) {
      const Gate gate;
      gate.reload(balanced(before, {peer("a")}));
      Process process = gate.attach(0);
      std::vector<Lasting> requests;
      for (int i = 0; i < 5; ++i) {
        requests.emplace_back(process, 0, "key");
        assert_text(requests.back().pick(1), "a");
      }
      const std::uint32_t service = requests[0].request.service_rank;
      const std::uint32_t rank = requests[0].request.rank;
      assert_int_equal(gate.zone.in_flight(service), before == kWith ? 5 : 0);
      overtake(gate, process, balanced(after, {peer("b"), peer(stays ? "a" : "c")}));
      for (Lasting& request : requests)
        assert_true(service_of(process, request.request).has_value());
      assert_int_equal(gate.zone.in_flight(service), before == kWith ? 5 : 0);
      assert_int_equal(gate.zone.in_flight(rank), 5);
      for (Lasting& request : requests) assert_int_equal(request.report(kNothing, 3), stays);
      assert_nothing_in_flight(gate);
      // The next attempt counts as its generation does.
      for (Lasting& request : requests) assert_string_not_equal(request.pick(3).c_str(), "-");
      assert_int_equal(gate.zone.in_flight(service), after == kWith ? 5 : 0);
      for (Lasting& request : requests) {
        assert_true(request.report(kGood, 3));
        request.close();
      }
      assert_nothing_in_flight(gate);
      assert_text(pinned(gate, 0), "2");
    }
  }
}

// Also where its service is gone, and its rank with it, if nobody counted there.
void a_service_that_counts_keeps_its_rank_as_long(void**) {
  const Gate gate;
  const auto bounded = [](const char* name) {
    registry::Registry made = balanced("hash $arg_k bounded=125%", {peer("a")});
    made.services[0].name = name;
    return made;
  };
  gate.reload(bounded("x"));
  Process process = gate.attach(0);
  Lasting request(process, 0, "key");
  assert_text(request.pick(1), "a");
  const std::uint32_t rank = request.request.service_rank;
  for (int i = 0; i < 5; ++i) {
    overtake(gate, process, bounded("y"));
    forget(gate);
    assert_int_equal(gate.zone.in_flight(rank), 1);
    assert_int_not_equal(process.generation().services()[0].rank, rank);
  }
  assert_false(request.report(kGood, 3));
  request.close();
  assert_nothing_in_flight(gate);
}

void who_has_died_has_nothing_in_flight_there_either(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Lasting request(dead);
  request.pick(1);
  const std::uint32_t rank = request.request.rank;
  overtake(gate, dead, one({peer("c")}));
  alive.adopt();
  assert_int_equal(gate.zone.in_flight(rank), 1);
  Gate::kill(100);
  alive.bury(Gate::exists);
  assert_nothing_in_flight(gate);
  gate.sweep(3);
  const std::size_t blocks = gate.arena.blocks();
  forget(gate);
  assert_int_equal(gate.arena.blocks(), blocks - 2);  // a and b
}

// Closing.

void who_closes_without_having_asked_again_holds_nothing(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, two());
  request.close();
  assert_int_equal(request.request.generation, 0);
  gate.change(two());
  process.adopt();
  assert_text(pinned(gate, 0), "3");
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_is_held_is_not_carried_over),
      cmocka_unit_test(an_attempt_goes_on_at_the_same_peer),
      cmocka_unit_test(an_attempt_that_was_carried_over_may_open_a_breaker),
      cmocka_unit_test(between_two_attempts_it_asks_the_newest),
      cmocka_unit_test(the_newest_is_held_for_it_from_then_on),
      cmocka_unit_test(attempts_are_kept_and_who_was_tried_is_forgotten),
      cmocka_unit_test(attempts_end_at_their_limit_over_all_generations),
      cmocka_unit_test(what_never_reached_its_peer_is_no_attempt_there_either),
      cmocka_unit_test(who_broke_a_peer_is_known_for_it),
      cmocka_unit_test(an_attempt_on_a_peer_that_is_gone_is_counted_where_it_was),
      cmocka_unit_test(a_peer_that_is_gone_never_opens),
      cmocka_unit_test(a_gone_probe_gives_its_place_back),
      cmocka_unit_test(of_a_service_that_is_gone_nobody_is_picked),
      cmocka_unit_test(services_and_peers_are_found_wherever_they_stand),
      cmocka_unit_test(a_service_that_has_come_to_its_rank_is_not_taken_for_it),
      cmocka_unit_test(a_peer_that_has_come_to_its_services_rank_is_not_taken_for_it),
      cmocka_unit_test(the_rank_of_an_attempt_is_given_to_nobody),
      cmocka_unit_test(a_peer_of_another_service_is_not_taken_for_it),
      cmocka_unit_test(who_is_gone_and_back_is_not_followed),
      cmocka_unit_test(counts_come_back_to_zero_whatever_happened_to_the_bound),
      cmocka_unit_test(a_service_that_counts_keeps_its_rank_as_long),
      cmocka_unit_test(who_has_died_has_nothing_in_flight_there_either),
      cmocka_unit_test(who_closes_without_having_asked_again_holds_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
