// SPDX-License-Identifier: MIT
//
// What is kept of peers and services that no generation names any more, how long, and what it
// gives way to.
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/lasting.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr base::Instant kGone = 20'000;  // when the last generation let go of it

registry::Registry both() {
  return one({peer("a"), peer("b")});
}
registry::Registry without_b() {
  return one({peer("a")});
}

// Opens "b" and takes it out of the configuration; at kGone nobody refers to it any more.
void take_out(const Gate& gate) {
  gate.reload(both(), 1'000);
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  process.detach();
  gate.reload(without_b(), 10'000);
  gate.sweep(kGone);
  assert_text(gate.generations(), "2");
}

// Puts "b" back; whether it is the one that was taken out.
bool comes_back(const Gate& gate, base::Instant now) {
  const std::uint64_t id = gate.reload(both(), now);
  assert_int_not_equal(id, 0);
  Process process = gate.attach(0);
  const bool open = state_of(process, "b") == State::kOpen;
  const auto& record = record_of(process, "b");
  assert_int_equal(record.counters.failures.load(), open ? 3 : 0);
  assert_int_equal(record.breaker.trips.load(), open ? 1 : 0);
  assert_int_equal(count_of(process, "b", Cause::kConnectRefused), open ? 3 : 0);
  process.detach();
  return open;
}

template <class Record>
int length(const Gate& gate, Offset first) {
  int records = 0;
  for (Offset next = first; next != 0; ++records) next = gate.zone.at<Record>(next)->next;
  return records;
}

int peer_records(const Gate& gate) {
  return length<PeerRecord>(gate, gate.zone.header().peer_records);
}

// How long.

void a_peer_that_is_back_within_ten_minutes_is_the_one_that_went(void**) {
  for (const base::Millis absent : {base::Millis{0}, base::Millis{60'000}, kHistory - 1}) {
    const Gate gate;
    take_out(gate);
    assert_true(comes_back(gate, kGone + absent));
  }
}

void a_peer_that_is_back_later_starts_anew(void**) {
  for (const base::Millis absent : {kHistory, kHistory + 1, 10 * kHistory}) {
    const Gate gate;
    take_out(gate);
    assert_false(comes_back(gate, kGone + absent));
  }
}

void ten_minutes_begin_anew_each_time_it_goes(void**) {
  const Gate gate;
  take_out(gate);
  base::Instant now = kGone;
  for (int i = 0; i < 3; ++i) {
    now += kHistory - 1;
    assert_true(comes_back(gate, now));
    gate.reload(without_b(), now);
    gate.sweep(now);
  }
  gate.sweep(now + kHistory);
  assert_false(comes_back(gate, now + kHistory));
}

void time_does_not_run_while_somebody_uses_it(void**) {
  const Gate gate;
  gate.reload(both(), 1'000);
  Process slow = gate.attach(0);
  trip(slow, "b", 1'000);
  gate.reload(without_b(), 2'000);
  base::Instant now = 2'000;
  for (int i = 0; i < 5; ++i) gate.sweep(now += kHistory);
  assert_true(state_of(slow, "b") == State::kOpen);
  slow.detach();
  gate.sweep(now);
  assert_true(comes_back(gate, now + kHistory - 1));
}

void a_service_that_is_back_within_ten_minutes_goes_on_counting(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("a")})}), 1'000);
  Process process = gate.attach(0);
  serve(process, 5, 1'000, 1);
  process.detach();
  gate.reload(registry_of({named("x", {peer("a")})}), 2'000);
  gate.sweep(3'000);
  gate.reload(registry_of({named("y", {peer("a")}), named("x", {peer("a")})}), 4'000);
  Process next = gate.attach(0);
  assert_int_equal(service_of(next, 0).counters.requests.load(), 5);
  assert_int_equal(service_of(next, 1).counters.requests.load(), 0);
  assert_int_equal(next.record(next.generation().peers()[0]).counters.successes.load(), 5);
}

void a_clock_that_steps_back_forgets_nothing(void**) {
  const Gate gate;
  take_out(gate);
  gate.sweep(1);
  assert_true(comes_back(gate, kGone));
}

// What it must not disturb.

void nobody_else_gets_its_rank_meanwhile(void**) {
  const Gate gate;
  take_out(gate);
  gate.reload(one({peer("a"), peer("c"), peer("d")}), kGone);
  gate.reload(one({peer("a"), peer("b"), peer("c"), peer("d")}), kGone);
  Process process = gate.attach(0);
  Client client(process);
  client.pick(kGone);
  std::uint64_t in_flight_at_all = 0;
  for (const char* id : {"a", "b", "c", "d"}) in_flight_at_all += in_flight(process, id);
  assert_int_equal(in_flight_at_all, 1);
}

void reloads_of_ever_new_peers_leave_no_more_than_ten_minutes_of_them(void**) {
  const Gate gate;
  int most = 0;
  for (int i = 0; i < 60; ++i) {
    const base::Instant now = 1'000 + i * 60'000;  // one a minute
    gate.reload(one({peer("always"), peer("number " + std::to_string(i))}), now);
    most = std::max(most, peer_records(gate));
  }
  assert_true(most >= 11);
  assert_true(most <= 14);
}

// What somebody still uses.

// A record stays where it is while a request is counted there, though no generation has named it
// for long, and its rank goes to nobody.
void a_record_outlives_its_generations_while_requests_are_in_flight(void**) {
  const Gate gate;
  gate.reload(both(), 1'000);
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1'000), "a");
  const std::uint32_t rank = request.request.rank;
  const PeerRecord* record = &record_of(process, "a");
  gate.change(one({peer("b")}), 2'000);
  process.adopt();
  process.pins().let_go_before(~0ULL);
  base::Instant now = 2'000;
  for (int i = 0; i < 5; ++i) {
    gate.change(one({peer("b"), peer("c" + std::to_string(i))}), now += kHistory);
    process.adopt();
    gate.zone.forget_history();
    assert_int_equal(process.generation().place(rank).word, 0);
    assert_int_equal(record->rank, rank);
    assert_int_equal(record->counters.requests.load(), 1);
  }
  assert_false(request.report(kGood, now));
  assert_int_equal(record->counters.successes.load(), 1);
  request.close();
  const int before = peer_records(gate);
  assert_true(gate.zone.forget_history());
  assert_true(peer_records(gate) < before);
  gate.change(one({peer("b"), peer("d")}), now);
  process.adopt();
  assert_true(process.generation().place(rank).peer());  // d's now
}

void a_record_outlives_its_generations_while_connections_are_kept(void**) {
  const Gate gate;
  gate.reload(both(), 1'000);
  Process process = gate.attach(0);
  Process other = gate.attach(1);
  const std::uint32_t rank = record_of(process, "a").rank;
  process.use(rank).idle += 2;
  gate.change(one({peer("b")}), 2'000);
  process.adopt();
  other.adopt();
  gate.sweep(3'000);
  for (int i = 0; i < 2; ++i) {
    gate.sweep(3'000 + 2 * kHistory);
    gate.zone.forget_history();
    assert_int_equal(peer_records(gate), 2);
    process.use(rank).idle -= 1;
  }
  gate.change(one({peer("b"), peer("c")}), 4'000 + 2 * kHistory);
  other.adopt();
  assert_int_equal(record_of(other, "c").rank, rank);
}

void a_service_outlives_its_generations_while_its_requests_are_counted(void**) {
  const Gate gate;
  gate.reload(balanced("hash $arg_k bounded=125%", {peer("a")}), 1'000);
  Process process = gate.attach(0);
  Lasting request(process, 0, "key");
  assert_text(request.pick(1'000), "a");
  const std::uint32_t rank = request.request.service_rank;
  gate.change(registry_of({named("other", {peer("a")})}), 2'000);
  process.adopt();
  process.pins().let_go_before(~0ULL);
  gate.sweep(2'000);
  gate.zone.forget_history();
  assert_int_equal(length<ServiceRecord>(gate, gate.zone.header().service_records), 2);
  request.report(kGood, 3'000);
  request.close();
  gate.zone.forget_history();
  assert_int_equal(length<ServiceRecord>(gate, gate.zone.header().service_records), 1);
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

// The dead use nothing, once somebody has buried them.
void what_the_dead_used_is_forgotten_when_they_are_buried(void**) {
  const Gate gate;
  gate.reload(both(), 1'000);
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Lasting request(dead);
  assert_text(request.pick(1'000), "a");
  dead.use(record_of(dead, "b").rank).idle += 1;
  Gate::kill(100);
  gate.change(one({peer("c")}), 2'000);
  alive.adopt();
  gate.zone.sweep(2'000 + kHistory);
  assert_int_equal(peer_records(gate), 3);
  alive.bury(Gate::exists);
  gate.zone.sweep(2'000 + kHistory);
  gate.zone.sweep(2'000 + 2 * kHistory);
  assert_int_equal(peer_records(gate), 1);
}

// Where memory is short.

void history_gives_way_to_a_build(void**) {
  // A generation, and the record of one more peer: whichever of them finds no memory.
  for (const std::size_t number : {1U, 2U}) {
    Gate gate;
    take_out(gate);
    Process process = gate.attach(0);
    serve(process, 4, kGone);
    assert_int_equal(peer_records(gate), 2);
    gate.sweep(kGone);
    gate.arena.fail_at(number);
    const std::uint64_t id = build_generation(gate.zone, one({peer("a"), peer("c")}));
    assert_true(gate.arena.failed());
    gate.arena.fail_at(0);
    assert_int_not_equal(id, 0);
    assert_int_equal(peer_records(gate), 2);  // "a" and "c"
    assert_int_equal(record_of(process, "a").counters.successes.load() >= 4, 1);
    assert_text(serve(process, 2, kGone), "aa");
    process.detach();
    assert_false(comes_back(gate, kGone));
  }
}

void history_gives_way_to_a_worker(void**) {
  Gate gate;
  take_out(gate);
  gate.arena.fail_at(1);
  const auto process = Process::attach(gate.zone, 5, 105, 2, 1);
  assert_true(process.has_value());
  gate.arena.fail_at(0);
  assert_int_equal(peer_records(gate), 1);
}

void a_build_that_fails_all_the_same_leaves_nothing_new(void**) {
  Gate gate(256 * 1024);
  gate.reload(without_b(), 1'000);
  Process process = gate.attach(0);
  const std::size_t used = gate.arena.in_use();
  const std::size_t blocks = gate.arena.blocks();
  // Some history, which cannot help.
  gate.reload(one({peer("c"), peer("d")}), 2'000);
  gate.zone.publish(1);
  gate.sweep(3'000);
  assert_int_equal(peer_records(gate), 3);
  // So many peers that their generation fits, and their records do not.
  registry::Registry large = one({});
  for (int i = 0; i < 500; ++i) large.services[0].peers.push_back(peer(std::to_string(i)));
  large.services[0].peers.push_back(peer("a"));
  assert_int_equal(gate.build(large, 3'000), 0);
  assert_int_equal(gate.arena.in_use(), used);
  assert_int_equal(gate.arena.blocks(), blocks);
  assert_int_equal(peer_records(gate), 1);
  assert_text(serve(process, 3, 3'000), "aaa");
}

void a_build_that_is_not_put_in_force_leaves_history_as_it_is(void**) {
  const Gate gate;
  take_out(gate);
  gate.build(both(), kGone + 1'000);  // of a reload that fails
  gate.sweep(kGone + 2'000);
  assert_true(comes_back(gate, kGone + 3'000));
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_peer_that_is_back_within_ten_minutes_is_the_one_that_went),
      cmocka_unit_test(a_peer_that_is_back_later_starts_anew),
      cmocka_unit_test(ten_minutes_begin_anew_each_time_it_goes),
      cmocka_unit_test(time_does_not_run_while_somebody_uses_it),
      cmocka_unit_test(a_service_that_is_back_within_ten_minutes_goes_on_counting),
      cmocka_unit_test(a_clock_that_steps_back_forgets_nothing),
      cmocka_unit_test(nobody_else_gets_its_rank_meanwhile),
      cmocka_unit_test(reloads_of_ever_new_peers_leave_no_more_than_ten_minutes_of_them),
      cmocka_unit_test(a_record_outlives_its_generations_while_requests_are_in_flight),
      cmocka_unit_test(a_record_outlives_its_generations_while_connections_are_kept),
      cmocka_unit_test(a_service_outlives_its_generations_while_its_requests_are_counted),
      cmocka_unit_test(what_the_dead_used_is_forgotten_when_they_are_buried),
      cmocka_unit_test(history_gives_way_to_a_build),
      cmocka_unit_test(history_gives_way_to_a_worker),
      cmocka_unit_test(a_build_that_fails_all_the_same_leaves_nothing_new),
      cmocka_unit_test(a_build_that_is_not_put_in_force_leaves_history_as_it_is),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
