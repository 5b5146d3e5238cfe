// SPDX-License-Identifier: MIT
#include "core/service/zone.h"

#include <set>
#include <string>
#include <vector>

#include "unit/service/gate.h"
#include "unit/service/lasting.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

void a_zone_is_found_again_with_what_it_holds(void**) {
  Gate gate;
  gate.reload(two());
  const auto again = Zone::reopen(gate.arena.memory(), &gate.zone.header());
  assert_true(again.has_value());
  assert_ptr_equal(&again->header(), &gate.zone.header());
  assert_non_null(again->find(1));
  assert_int_equal(again->current()->id, 1);
}

void a_zone_of_another_layout_is_refused(void**) {
  Gate gate;
  ZoneHeader& header = gate.zone.header();
  Memory memory = gate.arena.memory();
  header.layout = kLayout + 1;
  assert_false(Zone::reopen(memory, &header).has_value());
  header.layout = kLayout;
  header.magic ^= 1U;
  assert_false(Zone::reopen(memory, &header).has_value());
  header.magic = kMagic;
  memory.size += Arena::kPage;
  assert_false(Zone::reopen(memory, &header).has_value());
  memory.size -= Arena::kPage;
  assert_true(Zone::reopen(memory, &header).has_value());
}

void a_zone_without_room_for_its_header_is_not_made(void**) {
  Arena arena(4 * Arena::kPage);
  assert_false(Zone::create(arena.memory()).has_value());
  assert_int_equal(arena.blocks(), 0);
}

void blocks_are_zeroed_and_start_on_a_cache_line(void**) {
  Gate gate;
  const std::size_t before = gate.arena.blocks();
  std::set<Offset> blocks;
  for (const std::size_t size : {1U, 60U, 64U, 300U, 2000U, 5000U}) {
    const Offset block = gate.zone.allocate(size);
    assert_int_not_equal(block, 0);
    assert_int_equal(reinterpret_cast<std::uintptr_t>(gate.zone.at<void>(block)) % kLine, 0);
    assert_int_equal(gate.zone.offset_of(gate.zone.at<void>(block)), block);
    for (std::size_t i = 0; i < size; ++i) assert_int_equal(gate.zone.at<char>(block)[i], 0);
    blocks.insert(block);
  }
  assert_int_equal(gate.arena.blocks(), before + 6);
  for (const Offset block : blocks) gate.zone.release(block);
  assert_int_equal(gate.arena.blocks(), before);
}

void an_allocation_that_fails_is_zero(void**) {
  Gate gate;
  gate.arena.fail_at(1);
  assert_int_equal(gate.zone.allocate(10), 0);
  assert_int_not_equal(gate.zone.allocate(10), 0);
}

void a_generation_that_a_process_uses_stays(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  gate.reload(two());
  Process fresh = gate.attach(1);
  gate.sweep();
  assert_text(gate.generations(), "1 2");
  old.detach();
  assert_text(gate.generations(), "1 2");  // not before somebody sweeps
  assert_int_equal(gate.zone.header().kept, 2);
  gate.sweep();
  assert_text(gate.generations(), "2");
  assert_int_equal(gate.zone.header().kept, 1);
  assert_text(serve(fresh, 2, 1), "ab");
}

void a_generation_stays_until_its_last_process_has_left(void**) {
  const Gate gate;
  gate.reload(two());
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  gate.reload(two());
  first.detach();
  gate.sweep();
  assert_text(gate.generations(), "1 2");
  second.detach();
  gate.sweep();
  assert_text(gate.generations(), "2");
}

// A worker may take hours to end while its configuration is reloaded again and again.
void a_generation_between_others_is_freed_as_soon_as_nobody_uses_it(void**) {
  const Gate gate;
  gate.reload(two());
  Process slow = gate.attach(0);
  for (int i = 0; i < 5; ++i) {
    gate.reload(two());
    gate.attach(1).detach();
  }
  gate.sweep();
  assert_text(gate.generations(), "1 6");
  assert_text(serve(slow, 2, 1), "ab");
}

void the_generation_in_force_stays_without_any_process(void**) {
  const Gate gate;
  gate.reload(two());
  gate.reload(two());
  for (int i = 0; i < 3; ++i) gate.sweep();
  assert_text(gate.generations(), "2");
  Process late = gate.attach(0);
  assert_text(serve(late, 2, 1), "ab");
}

void a_generation_that_was_never_put_in_force_is_freed_at_the_next_build(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  const std::size_t used = gate.arena.in_use();
  assert_int_equal(gate.build(one({peer("c")})), 2);  // and the reload fails
  assert_int_equal(gate.zone.current()->id, 1);
  assert_text(gate.generations(), "1 2");
  assert_int_equal(gate.build(two()), 3);
  assert_text(gate.generations(), "1 3");
  gate.zone.forget_pending();
  gate.sweep_all();
  assert_text(gate.generations(), "1");
  assert_int_equal(gate.arena.in_use(), used);
  assert_text(serve(old, 2, 1), "ab");
}

void a_first_generation_that_was_never_put_in_force_is_freed(void**) {
  const Gate gate;
  const std::size_t used = gate.arena.in_use();
  gate.build(two());
  gate.sweep();
  assert_text(gate.generations(), "1");  // its configuration may be about to put it in force
  gate.zone.forget_pending();
  gate.sweep_all();
  assert_text(gate.generations(), "");
  assert_int_equal(gate.arena.in_use(), used);
}

void ids_of_generations_are_never_used_again(void**) {
  const Gate gate;
  assert_int_equal(gate.build(two()), 1);
  assert_int_equal(gate.build(two()), 2);
  gate.sweep();
  assert_int_equal(gate.build(two()), 3);
  assert_null(gate.zone.find(2));
  assert_non_null(gate.zone.find(3));
}

void many_reloads_leave_memory_as_it_was(void**) {
  const Gate gate;
  const auto small = two();
  const auto large =
      registry_of({named("x", {peer("1"), peer("2"), peer("3", 7)}), named("y", {peer("1")})});
  std::size_t used = 0;
  Process before = [&] {
    gate.reload(small);
    return gate.attach(0);
  }();
  for (std::uint32_t i = 1; i <= 40; ++i) {
    gate.reload(i % 2 == 0 ? small : large);
    Process next = gate.attach(i % 2);
    before.detach();
    before = std::move(next);
    gate.sweep();
    if (i == 4) used = gate.arena.in_use();
    if (i > 4 && i % 2 == 0) assert_int_equal(gate.arena.in_use(), used);
  }
}

void a_process_that_died_is_swept_out_of_its_slot(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Client(dead).pick(1);
  Client(alive).pick(1);
  Client(alive).pick(1);
  const std::uint32_t rank = record_of(alive, "a").rank;
  assert_int_equal(gate.zone.in_flight(rank), 2);
  gate.reload(two());
  Gate::kill(100);
  gate.sweep();
  assert_false(gate.zone.owners().alive(dead.self()));
  assert_true(gate.zone.owners().alive(alive.self()));
  assert_int_equal(gate.zone.in_flight(rank), 1);
  assert_text(gate.generations(), "1 2");  // the living one's
  Gate::kill(101);
  gate.sweep();
  assert_text(gate.generations(), "2");
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

// They may not have logged all that they did, which only a process can make up for.
void who_sweeps_buries_nobody(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(0);
  Client(dead).pick(1);
  const std::uint32_t rank = record_of(dead, "a").rank;
  Gate::kill(100);
  gate.change(two());
  gate.zone.sweep(1);
  assert_text(gate.generations(), "1 2");
  assert_true(gate.zone.owners().alive(dead.self()));
  assert_int_equal(gate.zone.in_flight(rank), 1);
  gate.zone.bury(Gate::exists);
  gate.zone.sweep(1);
  assert_text(gate.generations(), "2");
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

void who_is_buried_holds_nothing_and_pins_nothing(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(0);
  Process dead_too = gate.attach(1);
  Process alive = gate.attach(2);
  for (Process* process : {&dead, &dead_too, &alive}) Client(*process).pick(1);
  Gate::kill(100);
  Gate::kill(101);
  assert_int_equal(gate.zone.bury(Gate::exists), 2);
  assert_false(gate.zone.owners().alive(dead.self()));
  assert_false(gate.zone.owners().alive(dead_too.self()));
  assert_true(gate.zone.owners().alive(alive.self()));
  assert_int_equal(gate.zone.in_flight(0) + gate.zone.in_flight(1), 1);
  assert_int_equal(gate.zone.bury(Gate::exists), 0);
}

void whoever_takes_a_slot_anew_starts_at_zero(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(3);
  for (int i = 0; i < 5; ++i) Client(dead).pick(1);
  const std::uint32_t rank = record_of(dead, "a").rank;
  assert_int_equal(gate.zone.in_flight(rank), 3);
  const Process heir = gate.attach(3, 777);
  assert_int_equal(gate.zone.in_flight(rank), 0);
  assert_int_equal(heir.self().slot, 3);
  assert_int_not_equal(heir.self().life, dead.self().life);
  assert_false(gate.zone.owners().alive(dead.self()));
  assert_true(gate.zone.owners().alive(heir.self()));
}

void a_slot_that_was_left_and_taken_again_starts_at_zero(void**) {
  const Gate gate;
  gate.reload(two());
  Process first = gate.attach(0);
  Client(first).pick(1);
  first.detach();
  const Process second = gate.attach(0);
  assert_int_equal(gate.zone.in_flight(record_of(second, "a").rank), 0);
  assert_false(gate.zone.owners().alive(first.self()));
}

void a_process_without_a_master_keeps_its_slot_over_reloads(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  Client client(old);
  assert_text(client.pick(1), "a");
  gate.reload(one({peer("a"), peer("b"), peer("c"), peer("d")}));
  const Process same = gate.attach(0);  // with the same pid
  assert_int_equal(same.self().life, old.self().life);
  const std::uint32_t rank = record_of(same, "a").rank;
  assert_int_equal(gate.zone.in_flight(rank), 1);
  gate.sweep();
  assert_text(gate.generations(), "1 2");  // its older requests still use the first
  client.report(kGood, 2);
  assert_int_equal(gate.zone.in_flight(rank), 0);
}

void leaving_twice_does_not_push_out_the_successor(void**) {
  const Gate gate;
  gate.reload(two());
  Process first = gate.attach(0);
  first.detach();
  const Process second = gate.attach(0, 777);
  first.detach();
  assert_true(gate.zone.owners().alive(second.self()));
  gate.reload(two());
  gate.sweep();
  assert_text(gate.generations(), "1 2");
}

void a_slot_without_memory_is_not_taken(void**) {
  Gate gate;
  gate.reload(two());
  gate.arena.fail_at(1);
  assert_false(gate.zone.take_slot(0, 100, 3).has_value());
  assert_int_equal(gate.zone.in_flight(0), 0);
  gate.reload(two());
  gate.sweep();
  assert_text(gate.generations(), "2");  // what was not taken pins nothing
  assert_true(gate.zone.take_slot(0, 100, 3).has_value());
}

void who_held_a_slot_has_lost_it_even_where_the_next_cannot_take_it(void**) {
  Gate gate;
  gate.reload(one({peer("a")}));
  Process dead = gate.attach(0);
  Client(dead).pick(1);
  gate.arena.fail_at(1);
  assert_false(gate.zone.take_slot(0, 777, 2 * Uses::kChunk).has_value());
  assert_false(gate.zone.owners().alive(dead.self()));
  assert_int_equal(gate.zone.in_flight(0), 0);
}

void a_slot_that_counts_more_peers_costs_no_more_blocks(void**) {
  Gate gate;
  registry::Registry growing = one({});
  std::size_t blocks = 0;
  for (std::uint32_t i = 0; i < 10; ++i) {
    growing.services[0].peers.push_back(peer(std::to_string(i)));
    gate.reload(growing);
    gate.attach(0).detach();
    gate.sweep();
    if (i != 0) assert_int_equal(gate.arena.blocks(), blocks + 1);  // the record of one more peer
    blocks = gate.arena.blocks();
  }
}

void slots_end_where_nginx_ends(void**) {
  const Gate gate;
  gate.reload(two());
  assert_true(gate.zone.take_slot(kSlots - 1, 100, 3).has_value());
  assert_false(gate.zone.take_slot(kSlots, 101, 3).has_value());
}

void in_flight_is_summed_over_living_processes_only(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process processes[] = {gate.attach(0), gate.attach(5), gate.attach(1023)};
  for (Process& process : processes) Client(process).pick(1);
  Client(processes[2]).pick(1);
  const std::uint32_t rank = record_of(processes[0], "a").rank;
  assert_int_equal(gate.zone.in_flight(rank), 4);
  processes[1].detach();
  assert_int_equal(gate.zone.in_flight(rank), 3);
  assert_int_equal(gate.zone.in_flight(9999), 0);  // of a rank that nobody counts
}

// Changes, beside which a configuration may be waiting to be put in force.

void a_pending_generation_survives_what_others_sweep(void**) {
  const Gate gate;
  const std::uint64_t lineage = gate.reload(two());
  Process leader = gate.attach(0);
  const std::uint64_t pending = gate.build(one({peer("c")}));
  for (int i = 0; i < 3; ++i) {
    gate.change(two());
    leader.adopt();
    gate.sweep();
    assert_int_equal(gate.zone.current()->lineage, lineage);
    assert_non_null(gate.zone.find(pending));
  }
  assert_text(gate.generations(), "2 5");
  gate.zone.publish(pending);
  assert_int_equal(gate.zone.current()->id, pending);
  assert_int_equal(gate.zone.header().pending, 0);
  leader.detach();
  gate.sweep();
  assert_text(gate.generations(), "2");
}

void a_reload_that_fails_leaves_what_a_leader_has_published_meanwhile(void**) {
  const Gate gate;
  gate.reload(two());
  Process leader = gate.attach(0);
  gate.build(one({peer("c")}));
  gate.change(two());
  leader.adopt();
  assert_text(gate.generations(), "1 2 3");  // 1 was in force when 3 was built
  gate.build(two());                         // the next attempt
  assert_text(gate.generations(), "3 4");
  gate.zone.forget_pending();
  gate.sweep();
  assert_text(gate.generations(), "3");
}

void a_lineage_is_named_by_its_first_generation(void**) {
  const Gate gate;
  assert_int_equal(gate.reload(two()), 1);
  assert_int_equal(gate.change(two()), 2);
  assert_int_equal(gate.zone.current()->lineage, 1);
  assert_int_equal(gate.reload(two()), 3);
  assert_int_equal(gate.zone.current()->lineage, 3);
  assert_int_equal(gate.change(two()), 4);
  assert_int_equal(gate.zone.current()->lineage, 3);
}

// Memory is what one generation needs, however many came and went, whoever held them.
void many_changes_leave_memory_as_it_was(void**) {
  const Gate gate;
  gate.reload(two());
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  gate.sweep_all();
  const std::size_t used = gate.arena.in_use();
  const std::size_t blocks = gate.arena.blocks();
  std::vector<Lasting> requests;
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 0) {
      requests.emplace_back(i % 2 == 0 ? first : second);
      requests.back().pick(1);
    }
    assert_int_not_equal(gate.change(i % 2 == 0 ? one({peer("c"), peer("a")}) : two()), 0);
    first.adopt();
    if (i % 5 == 0) second.adopt();
  }
  for (Lasting& request : requests) {
    request.report(kGood, 2);
    request.close();
  }
  first.adopt();
  second.adopt();
  gate.sweep();
  gate.sweep_all();
  assert_int_equal(gate.arena.blocks(), blocks);
  assert_int_equal(gate.arena.in_use(), used);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_zone_is_found_again_with_what_it_holds),
      cmocka_unit_test(a_zone_of_another_layout_is_refused),
      cmocka_unit_test(a_zone_without_room_for_its_header_is_not_made),
      cmocka_unit_test(blocks_are_zeroed_and_start_on_a_cache_line),
      cmocka_unit_test(an_allocation_that_fails_is_zero),
      cmocka_unit_test(a_generation_that_a_process_uses_stays),
      cmocka_unit_test(a_generation_stays_until_its_last_process_has_left),
      cmocka_unit_test(a_generation_between_others_is_freed_as_soon_as_nobody_uses_it),
      cmocka_unit_test(the_generation_in_force_stays_without_any_process),
      cmocka_unit_test(a_generation_that_was_never_put_in_force_is_freed_at_the_next_build),
      cmocka_unit_test(a_first_generation_that_was_never_put_in_force_is_freed),
      cmocka_unit_test(ids_of_generations_are_never_used_again),
      cmocka_unit_test(many_reloads_leave_memory_as_it_was),
      cmocka_unit_test(a_process_that_died_is_swept_out_of_its_slot),
      cmocka_unit_test(who_sweeps_buries_nobody),
      cmocka_unit_test(who_is_buried_holds_nothing_and_pins_nothing),
      cmocka_unit_test(whoever_takes_a_slot_anew_starts_at_zero),
      cmocka_unit_test(a_slot_that_was_left_and_taken_again_starts_at_zero),
      cmocka_unit_test(a_process_without_a_master_keeps_its_slot_over_reloads),
      cmocka_unit_test(leaving_twice_does_not_push_out_the_successor),
      cmocka_unit_test(a_slot_without_memory_is_not_taken),
      cmocka_unit_test(who_held_a_slot_has_lost_it_even_where_the_next_cannot_take_it),
      cmocka_unit_test(a_slot_that_counts_more_peers_costs_no_more_blocks),
      cmocka_unit_test(slots_end_where_nginx_ends),
      cmocka_unit_test(in_flight_is_summed_over_living_processes_only),
      cmocka_unit_test(a_pending_generation_survives_what_others_sweep),
      cmocka_unit_test(a_reload_that_fails_leaves_what_a_leader_has_published_meanwhile),
      cmocka_unit_test(a_lineage_is_named_by_its_first_generation),
      cmocka_unit_test(many_changes_leave_memory_as_it_was),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
