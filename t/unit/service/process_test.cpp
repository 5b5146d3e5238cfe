// SPDX-License-Identifier: MIT
#include "core/service/process.h"

#include <string>

#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/lasting.h"

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

// Whoever looks may have gone over to another generation between its two looks, where peers have
// other numbers, and what it knew of the one before is gone.
void a_look_for_orphans_survives_the_generation_it_began_on(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  trip(dead, "b", 1'000);
  trip(dead, "c", 1'000);
  Gate::kill(100);
  alive.bury(Gate::exists);
  assert_true(alive.orphans().empty());
  gate.change(one({peer("c"), peer("d"), peer("e"), peer("a")}));
  assert_true(alive.adopt());
  gate.sweep();
  assert_text(gate.generations(), "2");
  const auto found = alive.orphans();
  assert_int_equal(found.size(), 1);  // b is nobody's any more
  assert_text(id_of(alive, found[0].peer), "c");
  assert_true(found[0].transition.to == State::kOpen);
}

// Whoever frees memory meets the dead first, and cannot log what they have not.
void who_sweeps_leaves_the_dead_to_who_can_mourn_them(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  trip(dead, "b", 1'000);
  Gate::kill(100);
  gate.change(one({peer("a"), peer("b")}));
  gate.zone.sweep(1);
  alive.adopt();
  const std::uint64_t changes = service_of(alive).changes.load();
  alive.bury(Gate::exists);
  assert_int_equal(service_of(alive).changes.load(), changes + 1);
  assert_true(alive.orphans().empty());
  assert_int_equal(alive.orphans().size(), 1);
}

// Adopting.

void what_requests_need_is_reserved_when_a_service_grows(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  registry::Registry large = one({});
  for (int i = 0; i < 100; ++i) large.services[0].peers.push_back(peer(std::to_string(i)));
  gate.change(large);
  process.adopt();
  assert_true(process.bench().in.capacity() >= 100);
  assert_true(process.bench().members.capacity() >= 100);
}

void what_is_known_of_a_peer_goes_over(void**) {
  const Gate gate;
  gate.reload(one({peer("b"), peer("c")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client flying(process);
  assert_text(flying.pick(1'000), "c");
  const std::uint32_t rank = record_of(process, "c").rank;
  gate.change(registry_of({named("new", {peer("b")}), named("product", {peer("c"), peer("b")})}));
  assert_true(process.adopt());
  assert_int_equal(in_flight(process, "c"), 1);
  assert_int_equal(record_of(process, "c").rank, rank);
  assert_text(serve(process, 2, 1'000, 1), "cc");
  assert_text(serve(process, 1, 1'000, 0), "b");  // of another service, and sound there
  flying.report(kGood, 1'000);
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

void a_process_that_attaches_late_begins_with_the_newest_of_its_configuration(void**) {
  const Gate gate;
  const std::uint64_t lineage = gate.reload(one({peer("a")}));
  gate.change(one({peer("b")}));
  gate.change(one({peer("c")}));
  Process late = gate.attach(0);
  assert_int_equal(late.generation().id(), 3);
  gate.build(one({peer("d")}));  // of a reload that fails
  gate.zone.forget_pending();
  Process later = *Process::attach(gate.zone, 1, 101, lineage, 1);
  assert_int_equal(later.generation().id(), 3);
}

// There may come to be more ranks than any page of them that the process has had so far.
void a_process_counts_whatever_ranks_there_come_to_be(void**) {
  Gate gate(std::size_t{8} << 20U);
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  registry::Registry large = one({peer("a")});
  for (std::uint32_t i = 0; i < 2 * Uses::kChunk; ++i) {
    large.services[0].peers.push_back(peer(std::to_string(i)));
  }
  assert_int_not_equal(gate.change(large), 0);
  assert_true(process.adopt());
  const PeerImage& last = process.generation().peers().back();
  assert_true(last.rank >= 2 * Uses::kChunk);
  process.use(last.rank).in_flight += 2;
  assert_int_equal(gate.zone.in_flight(last.rank), 2);
  process.use(last.rank).in_flight -= 2;
}

void where_memory_is_short_a_process_lets_go_of_what_is_old(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  gate.change(one({peer("a")}));
  process.adopt();
  process.bury(Gate::exists);
  assert_text(pinned(gate, 0), "1 2");  // there is no shortage
  gate.zone.header().shortage.store(2);
  process.bury(Gate::exists);
  assert_text(pinned(gate, 0), "2");
  assert_true(request.report(kGood, 2));
  request.close();
  gate.zone.header().shortage.store(3);
  process.bury(Gate::exists);
  assert_text(pinned(gate, 0), "2");  // one it has to have
}

// What is known of an older generation's requests reaches those who rank by load in the new one.
void who_begins_or_ends_on_an_older_generation_is_heard_of(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  Client before(old);
  before.pick(1);
  const auto changes = [&] { return service_of(old).changes.load(); };
  assert_int_equal(changes(), 0);
  before.report(kGood, 1);
  assert_int_equal(changes(), 0);
  gate.change(one({peer("a"), peer("b")}));
  Client after(old);
  after.pick(1);
  assert_int_equal(changes(), 1);
  after.report(kGood, 1);
  assert_int_equal(changes(), 2);
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
      cmocka_unit_test(a_look_for_orphans_survives_the_generation_it_began_on),
      cmocka_unit_test(who_sweeps_leaves_the_dead_to_who_can_mourn_them),
      cmocka_unit_test(what_requests_need_is_reserved_when_a_service_grows),
      cmocka_unit_test(what_is_known_of_a_peer_goes_over),
      cmocka_unit_test(a_process_that_attaches_late_begins_with_the_newest_of_its_configuration),
      cmocka_unit_test(a_process_counts_whatever_ranks_there_come_to_be),
      cmocka_unit_test(where_memory_is_short_a_process_lets_go_of_what_is_old),
      cmocka_unit_test(who_begins_or_ends_on_an_older_generation_is_heard_of),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
