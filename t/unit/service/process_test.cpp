// SPDX-License-Identifier: MIT
#include "core/service/process.h"

#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

void a_process_works_with_the_generation_it_names(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  gate.reload(one({peer("a"), peer("b")}));
  const auto old = Process::attach(gate.zone, 0, 100, 1, 1);
  assert_int_equal(old->generation().id(), 1);
  assert_int_equal(old->generation().peers().size(), 1);
  const auto fresh = Process::attach(gate.zone, 1, 101, 2, 1);
  assert_int_equal(fresh->generation().id(), 2);
  assert_int_equal(fresh->generation().peers().size(), 2);
}

void a_generation_that_is_gone_is_replaced_by_the_one_in_force(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  const auto process = Process::attach(gate.zone, 0, 100, 99, 1);
  assert_int_equal(process->generation().id(), 1);
}

void without_any_generation_nobody_attaches(void**) {
  const Gate gate;
  assert_false(Process::attach(gate.zone, 0, 100, 1, 1).has_value());
  assert_false(gate.zone.owners().alive({0, 1}));
}

void a_slot_that_does_not_exist_is_not_given(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  assert_true(Process::attach(gate.zone, kSlots - 1, 100, 1, 1).has_value());
  assert_false(Process::attach(gate.zone, kSlots, 101, 1, 1).has_value());
}

void without_memory_in_the_zone_nobody_attaches(void**) {
  Gate gate;
  gate.reload(one({peer("a")}));
  gate.arena.fail_at(1);
  assert_false(Process::attach(gate.zone, 0, 100, 1, 1).has_value());
  assert_true(Process::attach(gate.zone, 0, 100, 1, 1).has_value());
}

void a_process_counts_for_itself(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  const Process first = gate.attach(0);
  const Process second = gate.attach(1);
  const PeerRecord& a = record_of(first, "a");
  const PeerRecord& b = record_of(first, "b");
  first.use(a.rank).in_flight += 3;
  second.use(a.rank).in_flight += 4;
  second.use(b.rank).in_flight += 1;
  assert_int_equal(first.use(a.rank).in_flight.load(), 3);
  assert_int_equal(first.use(b.rank).in_flight.load(), 0);
  assert_int_equal(second.use(a.rank).in_flight.load(), 4);
  assert_int_equal(gate.zone.in_flight(a.rank), 7);
  assert_int_equal(gate.zone.in_flight(b.rank), 1);
}

void a_process_of_few_peers_counts_beside_one_of_many(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  const Process few = gate.attach(0);
  gate.reload(one({peer("a"), peer("b"), peer("c"), peer("d"), peer("e")}));
  const Process many = gate.attach(1);
  for (const char* id : {"a", "b", "c", "d", "e"}) ++many.use(record_of(many, id).rank).in_flight;
  ++few.use(record_of(few, "a").rank).in_flight;
  assert_int_equal(gate.zone.in_flight(record_of(many, "a").rank), 2);
  assert_int_equal(gate.zone.in_flight(record_of(many, "e").rank), 1);
}

// Ranks are of the zone, not of the generation: those of peers that are going stand in between.
void a_process_counts_peers_of_high_rank(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  const Process old = gate.attach(0);
  gate.reload(one({peer("d")}));
  Process fresh = gate.attach(1);
  const std::uint32_t rank = record_of(fresh, "d").rank;
  assert_int_equal(rank, 4);  // behind the service and its three
  Client client(fresh);
  assert_text(client.pick(1), "d");
  assert_int_equal(gate.zone.in_flight(rank), 1);
  client.report(kGood, 1);
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

void what_requests_need_is_reserved_for_the_largest_service(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("1")}), named("y", {peer("1"), peer("2"), peer("3")}),
                           named("z", {peer("1"), peer("2")})}));
  Process process = gate.attach(0);
  assert_true(process.bench().in.capacity() >= 3);
  assert_true(process.bench().members.capacity() >= 3);
  assert_true(process.bench().shares.capacity() >= 3);
  assert_true(process.bench().classes.capacity() >= 3);
}

void who_leaves_is_dead_to_the_others(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  assert_true(gate.zone.owners().alive(process.self()));
  const std::uint32_t rank = record_of(process, "a").rank;
  ++process.use(rank).in_flight;
  process.detach();
  assert_false(gate.zone.owners().alive(process.self()));
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

// What the dead did not log.

void a_transition_that_the_dead_did_not_log_is_handed_out_once(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  trip(dead, "b", 1'000);
  assert_true(alive.orphans().empty());
  assert_true(alive.orphans().empty());  // nobody has died: it will be logged
  Gate::kill(100);
  alive.bury(Gate::exists);
  assert_true(alive.orphans().empty());  // as may be what somebody else is just writing
  const auto found = alive.orphans();
  assert_int_equal(found.size(), 1);
  assert_text(id_of(alive, found[0].peer), "b");
  assert_true(found[0].transition.to == State::kOpen);
  assert_true(found[0].transition.orphaned);  // what decided has died with its winner
  assert_true(alive.orphans().empty());
}

void what_is_logged_between_two_looks_is_nobodys_orphan(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Process slow = gate.attach(2);
  trip(slow, "b", 1'000);  // wins, and has not logged yet
  Gate::kill(100);
  alive.bury(Gate::exists);
  assert_true(alive.orphans().empty());
  const PeerImage& image = image_of(slow, "b");
  breaker::Words& words = slow.record(image).breaker;
  breaker::Breaker(words, slow.generation().options(image))
      .told(breaker::Word::unpack(words.word.load()).epoch);
  assert_true(alive.orphans().empty());
  assert_true(alive.orphans().empty());
}

void who_takes_the_slot_of_a_dead_process_looks_for_what_it_left(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  trip(dead, "a", 1'000);
  Process heir = gate.attach(0, 777);
  assert_true(heir.orphans().empty());
  assert_int_equal(heir.orphans().size(), 1);
  heir.detach();
  Process next = gate.attach(0, 778);  // after somebody who has left in good order
  for (int i = 0; i < 3; ++i) assert_true(next.orphans().empty());
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_process_works_with_the_generation_it_names),
      cmocka_unit_test(a_generation_that_is_gone_is_replaced_by_the_one_in_force),
      cmocka_unit_test(without_any_generation_nobody_attaches),
      cmocka_unit_test(a_slot_that_does_not_exist_is_not_given),
      cmocka_unit_test(without_memory_in_the_zone_nobody_attaches),
      cmocka_unit_test(a_process_counts_for_itself),
      cmocka_unit_test(a_process_of_few_peers_counts_beside_one_of_many),
      cmocka_unit_test(a_process_counts_peers_of_high_rank),
      cmocka_unit_test(what_requests_need_is_reserved_for_the_largest_service),
      cmocka_unit_test(who_leaves_is_dead_to_the_others),
      cmocka_unit_test(a_transition_that_the_dead_did_not_log_is_handed_out_once),
      cmocka_unit_test(what_is_logged_between_two_looks_is_nobodys_orphan),
      cmocka_unit_test(who_takes_the_slot_of_a_dead_process_looks_for_what_it_left),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
