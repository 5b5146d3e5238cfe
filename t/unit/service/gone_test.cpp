// SPDX-License-Identifier: MIT
//
// Requests whose peer or service is gone while they are under way, and others in its place.
#include <string>
#include <vector>

#include "core/service/carry_over.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/lasting.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

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

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
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
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
