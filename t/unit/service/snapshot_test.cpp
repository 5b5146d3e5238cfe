// SPDX-License-Identifier: MIT
#include "core/service/snapshot.h"

#include "core/service/names.h"
#include "unit/registry/named.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

void a_snapshot_shows_what_the_configuration_says(void**) {
  const Gate gate;
  auto first = peer("a", 5);
  first.id = "big";
  auto second = peer("b");
  second.backup = true;
  auto third = peer("c");
  third.down = true;
  gate.reload({});
  gate.reload(registry_of({named("x", {first, second, third}), named("y", {peer("d")})}));
  const Snapshot snapshot = take_snapshot(gate.attach(0), 1'000);
  assert_int_equal(snapshot.generation, 2);
  assert_int_equal(snapshot.faults, 0);
  assert_int_equal(snapshot.services.size(), 2);
  assert_text(snapshot.services[0].name, "x");
  assert_text(snapshot.services[1].name, "y");
  assert_true(snapshot.services[0].balance == balance::Options{});
  const auto& peers = snapshot.services[0].peers;
  assert_int_equal(peers.size(), 3);
  assert_int_equal(snapshot.services[1].peers.size(), 1);
  assert_text(peers[0].id, "big");
  assert_text(peers[0].address, "a");
  assert_int_equal(peers[0].weight, 5);
  assert_true(peers[0].available());
  assert_false(peers[0].backup);
  assert_true(peers[1].backup);
  assert_true(peers[1].available());
  assert_true(peers[2].down);
  assert_false(peers[2].available());
}

void names_are_shown_in_order_with_what_came_of_them(void**) {
  const Gate gate;
  auto registry = one({registry::followed("b.test:80"), registry::followed("a.test:80"),
                       registry::followed("c.test:80")});
  Names names(gate.zone);
  names.learn("b.test", {.answer = {registry::named("10.0.0.1"), registry::named("10.0.0.2")}}, 1);
  names.learn("c.test", {.answer = {registry::named("10.0.0.3")}}, 1);
  names.learn("c.test", {.answer = {}, .error = 3}, 1);
  gate.reload(*names.answered(registry));
  const Process process = gate.attach(0);
  const Snapshot snapshot = take_snapshot(process, 1'000);
  assert_int_equal(snapshot.names.size(), 3);
  const struct {
    const char* name;
    std::uint32_t addresses;
    std::uint32_t error;
  } rows[] = {{"a.test", 0, 0}, {"b.test", 2, 0}, {"c.test", 1, 3}};
  for (std::size_t i = 0; i < 3; ++i) {
    assert_text(snapshot.names[i].name, rows[i].name);
    assert_int_equal(snapshot.names[i].addresses, rows[i].addresses);
    assert_int_equal(snapshot.names[i].error, rows[i].error);
  }
}

void counters_are_those_of_all_processes(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  for (Process* process : {&first, &second}) {
    serve(*process, 2, 1'000);
    Client(*process).report(kGood, 1'000);  // was never picked for
  }
  Client failed(first);
  assert_text(failed.pick(1'000), "a");
  failed.report(kBad, 1'000);
  Client left(second);
  assert_text(left.pick(1'000), "b");
  left.report(kNothing, 1'000);
  Client waiting(first);
  Client waiting_too(second);
  assert_text(waiting.pick(1'000), "a");
  assert_text(waiting_too.pick(1'000), "b");
  for (int i = 0; i < 3; ++i) gate.zone.header().faults.fetch_add(1);

  const Snapshot snapshot = take_snapshot(second, 1'000);
  assert_int_equal(snapshot.faults, 3);
  const ServiceSnapshot& service = snapshot.services[0];
  assert_int_equal(service.requests, 10);
  assert_int_equal(service.rejected, 0);
  const PeerSnapshot& a = service.peers[0];
  const PeerSnapshot& b = service.peers[1];
  assert_int_equal(a.requests, 4);  // the one under way included
  assert_int_equal(a.successes, 2);
  assert_int_equal(a.failures, 1);
  assert_int_equal(a.neutral, 0);
  assert_int_equal(a.in_flight, 1);
  assert_int_equal(b.requests, 4);
  assert_int_equal(b.successes, 2);
  assert_int_equal(b.failures, 0);
  assert_int_equal(b.neutral, 1);
  assert_int_equal(b.in_flight, 1);
}

void requests_that_nobody_could_serve_are_rejected(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  for (int i = 0; i < 4; ++i) Client(process).pick(2'000);
  const Snapshot snapshot = take_snapshot(process, 2'000);
  assert_int_equal(snapshot.services[0].requests, 7);
  assert_int_equal(snapshot.services[0].rejected, 4);
  assert_int_equal(snapshot.services[0].peers[0].requests, 3);
}

void what_died_with_its_process_is_in_flight_no_more(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process dead = gate.attach(0);
  const Process alive = gate.attach(1);
  Client lost(dead);
  lost.pick(1'000);
  assert_int_equal(take_snapshot(alive, 1'000).services[0].peers[0].in_flight, 1);
  Gate::kill(100);
  gate.sweep();
  const Snapshot snapshot = take_snapshot(alive, 1'000);
  assert_int_equal(snapshot.services[0].peers[0].in_flight, 0);
  assert_int_equal(snapshot.services[0].peers[0].requests, 1);  // never goes backwards
}

void a_breaker_is_shown_in_each_of_its_states(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  const auto shown = [&](base::Instant now) {
    return take_snapshot(process, now).services[0].peers[0];
  };
  Client failed(process);
  assert_text(failed.pick(1'000), "a");
  failed.report(kBad, 1'000);
  assert_int_equal(shown(1'000).breaker.consecutive_failures, 1);
  assert_true(shown(1'000).available());

  trip(process, "a", 1'000);
  PeerSnapshot peer = shown(5'000);
  assert_false(peer.available());
  assert_true(peer.breaker.state == breaker::State::kOpen);
  assert_true(peer.breaker.reason == breaker::Reason::kConsecutive);
  assert_int_equal(peer.breaker.consecutive_failures, 3);
  assert_int_equal(peer.breaker.trips, 1);
  assert_int_equal(peer.breaker.retry_in, 6'000);
  assert_int_equal(peer.breaker.probes_in_flight, 0);

  Client probe(process);
  assert_text(probe.pick(11'000), "a");
  peer = shown(11'500);
  assert_false(peer.available());
  assert_true(peer.breaker.state == breaker::State::kHalfOpen);
  assert_int_equal(peer.breaker.probes_in_flight, 1);
  assert_int_equal(peer.in_flight, 1);

  probe.report(kGood, 12'000);
  peer = shown(12'000);
  assert_true(peer.available());
  assert_true(peer.breaker.state == breaker::State::kClosed);
  assert_true(peer.breaker.reason == breaker::Reason::kNone);
  assert_int_equal(peer.breaker.consecutive_failures, 0);
  assert_int_equal(peer.breaker.trips, 1);
}

void a_peer_at_max_conns_is_full(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 2;
  gate.reload(one({small}));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  Client one_(first);
  Client two(second);
  one_.pick(1);
  assert_false(take_snapshot(first, 1).services[0].peers[0].full);
  two.pick(1);
  const PeerSnapshot full = take_snapshot(first, 1).services[0].peers[0];
  assert_true(full.full);
  assert_false(full.available());
  two.report(kGood, 1);
  assert_true(take_snapshot(first, 1).services[0].peers[0].available());
}

void counters_never_go_backwards_over_a_reload(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  serve(old, 10, 1'000);
  gate.reload(one({peer("b"), peer("a")}));
  const Process fresh = gate.attach(1);
  serve(old, 4, 1'000);  // the old one is still at it
  const Snapshot snapshot = take_snapshot(fresh, 1'000);
  assert_int_equal(snapshot.services[0].requests, 14);
  for (const PeerSnapshot& peer : snapshot.services[0].peers) assert_int_equal(peer.successes, 7);
}

void responses_and_causes_are_shown_by_name(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  for (const int status : {101, 200, 204, 301, 404, 418, 451}) {
    send(process, {.outcome = Outcome::kSuccess, .status = static_cast<std::uint16_t>(status)},
         1'000);
  }
  send(process, failed(Cause::kStatus, 503), 1'000);
  send(process, {.cause = Cause::kRateLimited, .status = 429}, 1'000);
  const PeerSnapshot peer = take_snapshot(process, 1'000).services[0].peers[0];
  const std::array<std::uint64_t, 5> expected = {1, 2, 1, 4, 1};
  assert_true(peer.responses == expected);
  for (std::size_t i = 0; i < peer.causes.size(); ++i) {
    const auto cause = static_cast<Cause>(i);
    assert_int_equal(peer.causes[i], cause == Cause::kStatus || cause == Cause::kRateLimited);
  }
}

void a_trip_that_was_not_allowed_is_shown_of_service_and_peer(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.threshold = 1;
  registry.services[0].breaker.max_open_percent = 50;
  gate.reload(registry);
  Process process = gate.attach(0);
  for (int i = 0; i < 4; ++i) send(process, kError, 1'000);
  const ServiceSnapshot service = take_snapshot(process, 1'000).services[0];
  assert_int_equal(service.overflow, 1);
  assert_int_equal(service.peers[0].breaker.overflow, 0);
  assert_int_equal(service.peers[1].breaker.overflow, 1);
  assert_true(service.peers[1].available());
}

void who_is_forced_is_shown_as_it_is(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Service(process, 0).force(0, {.way = breaker::Way::kOpen, .until = 3'000}, 1'000);
  Service(process, 0).force(1, {.way = breaker::Way::kClosed, .until = 3'000}, 1'000);
  const auto shown = [&](base::Instant now) { return take_snapshot(process, now).services[0]; };
  ServiceSnapshot service = shown(2'999);
  assert_true(service.peers[0].breaker.forced == breaker::Way::kOpen);
  assert_true(service.peers[0].breaker.state == State::kClosed);
  assert_false(service.peers[0].available());
  assert_true(service.peers[1].breaker.forced == breaker::Way::kClosed);
  assert_true(service.peers[1].breaker.state == State::kOpen);
  assert_true(service.peers[1].available());
  service = shown(3'000);
  assert_true(service.peers[0].breaker.forced == breaker::Way::kNone);
  assert_true(service.peers[0].available());
  assert_false(service.peers[1].available());
}

void who_is_only_observed_is_available(void**) {
  const Gate gate;
  auto registry = one({peer("a")});
  registry.services[0].breaker.mode = breaker::Mode::kObserve;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  const PeerSnapshot peer = take_snapshot(process, 1'000).services[0].peers[0];
  assert_true(peer.breaker.mode == breaker::Mode::kObserve);
  assert_true(peer.breaker.state == State::kOpen);
  assert_true(peer.available());
}

void a_ramp_is_shown_while_it_lasts(void**) {
  const Gate gate;
  auto registry = one({peer("a")});
  registry.services[0].breaker.ramp = 10'000;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  assert_text(send(process, kGood, 11'000), "a");
  const auto percent = [&](base::Instant now) {
    return take_snapshot(process, now).services[0].peers[0].breaker.ramp_percent;
  };
  assert_int_equal(percent(11'000), 10);
  assert_int_equal(percent(15'500), 45);
  assert_int_equal(percent(21'000), 100);
}

void a_window_is_shown_where_a_trigger_asks_for_it(void**) {
  const Gate gate;
  auto registry = one({peer("a")});
  registry.services[0].peers.push_back(peer("b"));
  registry.services[0].peers[1].breaker.failure_rate_percent = 50;
  gate.reload(registry);
  Process process = gate.attach(0);
  for (const Judgement& judgement : {kGood, kGood, kError, kError}) {
    send(process, judgement, 1'000);
  }
  const auto service = take_snapshot(process, 1'000).services[0];
  assert_false(service.peers[0].breaker.window.has_value());
  assert_true(service.peers[1].breaker.window.has_value());
  assert_int_equal(service.peers[1].breaker.window->attempts, 2);
  assert_int_equal(service.peers[1].breaker.window->failures, 1);
  assert_int_equal(service.peers[1].breaker.window->slow, 0);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_snapshot_shows_what_the_configuration_says),
      cmocka_unit_test(names_are_shown_in_order_with_what_came_of_them),
      cmocka_unit_test(counters_are_those_of_all_processes),
      cmocka_unit_test(requests_that_nobody_could_serve_are_rejected),
      cmocka_unit_test(what_died_with_its_process_is_in_flight_no_more),
      cmocka_unit_test(a_breaker_is_shown_in_each_of_its_states),
      cmocka_unit_test(a_peer_at_max_conns_is_full),
      cmocka_unit_test(counters_never_go_backwards_over_a_reload),
      cmocka_unit_test(responses_and_causes_are_shown_by_name),
      cmocka_unit_test(a_trip_that_was_not_allowed_is_shown_of_service_and_peer),
      cmocka_unit_test(who_is_forced_is_shown_as_it_is),
      cmocka_unit_test(who_is_only_observed_is_available),
      cmocka_unit_test(a_ramp_is_shown_while_it_lasts),
      cmocka_unit_test(a_window_is_shown_where_a_trigger_asks_for_it),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
