// SPDX-License-Identifier: MIT
#include "core/service/records.h"

#include <cstdint>
#include <set>
#include <string>

#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

void records_are_one_per_key_and_ranks_are_used_again(void**) {
  const Gate gate;
  Records records(gate.zone);
  PeerRecord* first = records.peer("first");
  PeerRecord* second = records.peer("second");
  assert_ptr_not_equal(first, second);
  assert_ptr_equal(records.peer("first"), first);
  assert_int_equal(first->rank, 0);
  assert_int_equal(second->rank, 1);
  assert_ptr_equal(records.service("first"), records.service("first"));
  assert_ptr_not_equal(static_cast<void*>(records.service("first")), static_cast<void*>(first));
  ++second->references;
  records.drop_new();

  Records later(gate.zone);
  assert_ptr_equal(later.peer("second"), second);
  assert_int_equal(later.peer("third")->rank, 0);
  assert_int_equal(later.peer("fourth")->rank, 2);
}

void records_that_nobody_names_are_freed(void**) {
  Gate gate;
  const std::size_t blocks = gate.arena.blocks();
  Records records(gate.zone);
  for (const char* key : {"1", "2", "3"}) {
    records.peer(key);
    records.service(key);
  }
  ++records.peer("2")->references;
  assert_int_equal(gate.arena.blocks(), blocks + 6);
  records.drop_new();
  assert_int_equal(gate.arena.blocks(), blocks + 1);
}

void a_name_has_one_record_until_it_is_forgotten(void**) {
  const Gate gate;
  Records records(gate.zone);
  assert_null(records.known_name("users.test"));
  NameRecord* record = records.name("users.test");
  assert_ptr_equal(records.name("users.test"), record);
  assert_ptr_equal(records.known_name("users.test"), record);
  assert_ptr_not_equal(records.name("b.test"), record);
  ++record->references;
  assert_true(records.forget_history());
  assert_ptr_equal(records.known_name("users.test"), record);
  assert_null(records.known_name("b.test"));
}

// Whatever its length, and whatever stands beside it.
void a_record_is_found_by_its_whole_key(void**) {
  Gate gate;
  std::set<PeerRecord*> known;
  Records records(gate.zone);
  for (std::size_t length = 1; length < 100; ++length) {
    const std::size_t blocks = gate.arena.blocks();
    PeerRecord* record = records.peer(std::string(length, 'x'));
    ++record->references;
    assert_true(known.insert(record).second);
    assert_true(gate.zone.key_of(*record) == std::string(length, 'x'));
    // A key that is long costs a block of its own.
    assert_int_equal(gate.arena.blocks() - blocks, length <= PeerRecord::kKeyMax ? 1 : 2);
  }
  Records later(gate.zone);
  for (std::size_t length = 1; length < 100; ++length) {
    assert_true(known.contains(later.peer(std::string(length, 'x'))));
  }
  assert_false(known.contains(later.peer(std::string(99, 'y'))));
}

void a_record_is_freed_with_all_that_is_its_own(void**) {
  Gate gate;
  const std::size_t blocks = gate.arena.blocks();
  const std::size_t used = gate.arena.in_use();
  Records records(gate.zone);
  PeerRecord* record = records.peer(std::string(70, 'x'));
  assert_true(records.add_window(*record));
  assert_int_equal(gate.arena.blocks(), blocks + 3);
  records.drop_new();
  assert_int_equal(gate.arena.blocks(), blocks);
  assert_int_equal(gate.arena.in_use(), used);
}

void a_window_is_given_once_and_can_be_taken_back(void**) {
  Gate gate;
  Records records(gate.zone);
  PeerRecord* record = records.peer("a");
  const std::size_t blocks = gate.arena.blocks();
  records.take_window(*record);  // there is none
  assert_true(records.add_window(*record));
  const Offset window = record->window;
  assert_int_not_equal(window, 0);
  assert_true(records.add_window(*record));
  assert_int_equal(record->window, window);
  assert_int_equal(gate.arena.blocks(), blocks + 1);
  records.take_window(*record);
  assert_int_equal(record->window, 0);
  assert_int_equal(gate.arena.blocks(), blocks);
}

// The memory for a record, for its key, for its window.
void what_there_is_no_memory_for_leaves_nothing_behind(void**) {
  Gate gate;
  const std::size_t blocks = gate.arena.blocks();
  for (const std::size_t number : {1U, 2U, 3U}) {
    Records records(gate.zone);
    gate.arena.fail_at(number);
    PeerRecord* record = records.peer(std::string(70, 'x'));
    assert_int_equal(record != nullptr, number == 3);
    if (record != nullptr) {
      ++record->references;
      assert_false(records.add_window(*record));
      --record->references;
    }
    gate.arena.fail_at(0);
    records.drop_new();
    assert_int_equal(gate.arena.blocks(), blocks);
    assert_int_equal(gate.zone.header().peer_records, 0);
  }
}

// In a zone without memory, those that nobody names make room for what a record needs.
void history_makes_room_for_a_window(void**) {
  Gate gate;
  Records records(gate.zone);
  PeerRecord* named = records.peer("named");
  ++named->references;
  records.peer("forgotten");
  const std::size_t blocks = gate.arena.blocks();
  gate.arena.fail_at(1);
  assert_true(records.add_window(*named));
  gate.arena.fail_at(0);
  assert_int_equal(gate.arena.blocks(), blocks);
  assert_ptr_equal(records.peer("named"), named);
}

// The number is part of the keys of its peers: one that was freed takes no history with it.
void no_two_records_of_services_have_one_number(void**) {
  const Gate gate;
  std::set<std::uint32_t> numbers;
  for (int i = 0; i < 3; ++i) {
    Records records(gate.zone);
    for (const char* name : {"a", "b"}) {
      const ServiceRecord* record = records.service(name);
      assert_true(numbers.insert(record->number).second);
      assert_int_equal(records.service(name)->number, record->number);
    }
    records.drop_new();
  }
}

registry::Registry asking(bool first, bool second) {
  registry::Registry made = one({peer("a"), peer("b")});
  if (first) made.services[0].peers[0].breaker.failure_rate_percent = 50;
  if (second) made.services[0].peers[1].breaker.max_timeout = 100'000;
  return made;
}

std::uint64_t counted(const Process& process, std::string_view id) {
  const PeerImage& image = image_of(process, id);
  const auto generation = process.generation();
  const auto view = process.breaker(image, generation).view(process.zone().owners(), 1'000);
  return view.window ? view.window->attempts : 0;
}

void only_peers_that_ask_for_a_window_have_one(void**) {
  for (const bool first : {false, true}) {
    for (const bool second : {false, true}) {
      const Gate gate;
      gate.reload(asking(first, second));
      const Process process = gate.attach(0);
      assert_int_equal(image_of(process, "a").window != 0, first);
      assert_int_equal(image_of(process, "b").window != 0, second);
    }
  }
}

// While it is asked for, everybody counts in the one, whatever else changes; who does not know of
// it yet counts nowhere. It stays for the next time.
void a_window_comes_with_a_change_and_stays(void**) {
  const Gate gate;
  gate.reload(asking(false, false));
  Process old = gate.attach(0);
  gate.reload(asking(true, false));
  Process fresh = gate.attach(1);
  assert_text(serve(old, 4, 1'000), "abab");
  assert_int_equal(counted(fresh, "a"), 0);
  assert_text(serve(fresh, 4, 1'000), "abab");
  assert_int_equal(counted(fresh, "a"), 2);
  const Offset window = image_of(fresh, "a").window;
  gate.reload(asking(false, true));
  gate.reload(asking(true, true));
  const Process last = gate.attach(2);
  assert_int_equal(image_of(last, "a").window, window);
  assert_int_not_equal(image_of(last, "b").window, 0);
  assert_int_equal(counted(last, "a"), 2);
}

// As with all that a build makes which then finds no room.
void a_build_that_fails_gives_its_windows_back(void**) {
  Gate gate;
  gate.reload(asking(false, false));
  const Process process = gate.attach(0);
  const std::size_t blocks = gate.arena.blocks();
  for (const std::size_t number : {1U, 2U, 3U}) {  // two windows and the generation
    gate.arena.fail_at(number);
    assert_int_equal(gate.build(asking(true, true)), 0);
    assert_int_equal(gate.arena.blocks(), blocks);
    assert_int_equal(record_of(process, "a").window + record_of(process, "b").window, 0);
  }
  gate.arena.fail_at(0);
  assert_int_not_equal(gate.build(asking(true, true)), 0);
  assert_int_equal(gate.arena.blocks(), blocks + 3);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(records_are_one_per_key_and_ranks_are_used_again),
      cmocka_unit_test(records_that_nobody_names_are_freed),
      cmocka_unit_test(a_name_has_one_record_until_it_is_forgotten),
      cmocka_unit_test(a_record_is_found_by_its_whole_key),
      cmocka_unit_test(a_record_is_freed_with_all_that_is_its_own),
      cmocka_unit_test(a_window_is_given_once_and_can_be_taken_back),
      cmocka_unit_test(what_there_is_no_memory_for_leaves_nothing_behind),
      cmocka_unit_test(history_makes_room_for_a_window),
      cmocka_unit_test(no_two_records_of_services_have_one_number),
      cmocka_unit_test(only_peers_that_ask_for_a_window_have_one),
      cmocka_unit_test(a_window_comes_with_a_change_and_stays),
      cmocka_unit_test(a_build_that_fails_gives_its_windows_back),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
