// SPDX-License-Identifier: MIT
#include "core/service/names.h"

#include <string>
#include <vector>

#include "unit/registry/named.h"
#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

using registry::Answer;
using registry::followed;
using registry::named;
using registry::Registry;

constexpr std::string_view kName = "users.test";

Registry users() {
  return one({followed("users.test:80")});
}

Lesson hear(const Gate& gate, const Answer& answer, std::string_view name = kName,
            base::Instant now = 1) {
  return Names(gate.zone).learn(name, {.answer = answer}, now);
}

Lesson lose(const Gate& gate, std::uint32_t error) {
  return Names(gate.zone).learn(kName, {.answer = {}, .error = error}, 1);
}

std::size_t unheard(const Gate& gate, base::Instant now = 1) {
  return Names(gate.zone).unheard(users(), now).size();
}

// A reload, as whoever builds sees the names.
void reload(const Gate& gate, const Registry& registry) {
  gate.sweep();
  assert_int_not_equal(gate.reload(Names(gate.zone).answered(registry).value_or(registry)), 0);
}

void the_last_good_answer_stays(void**) {
  const Gate gate;
  assert_true(Names(gate.zone).answer(kName).empty());
  const Answer first = {named("10.0.0.1"), named("10.0.0.2")};
  assert_true(hear(gate, first).changed());
  assert_true(Names(gate.zone).answer(kName) == first);
  assert_false(hear(gate, first).changed());

  Lesson lesson = lose(gate, 3);
  assert_false(lesson.changed());
  assert_int_equal(lesson.error, 0);
  assert_true(Names(gate.zone).answer(kName) == first);
  assert_int_equal(lose(gate, 2).error, 3);

  const Answer second = {named("10.0.0.3")};
  lesson = hear(gate, second);
  assert_int_equal(lesson.error, 2);
  assert_true(lesson.former == first && lesson.now == second);
  assert_int_equal(hear(gate, second).error, 0);
}

void a_part_takes_nothing_away(void**) {
  const Gate gate;
  hear(gate, {named("10.0.0.1", 80, 1, 1), named("10.0.0.2", 80, 1, 1)});
  const Lesson lesson = Names(gate.zone).learn(
      kName,
      {.answer = {named("10.0.0.2", 80, 1, 9), named("10.0.0.3", 80, 1, 1)}, .partial = true}, 1);
  Answer expected = {named("10.0.0.1", 80, 1, 1), named("10.0.0.2", 80, 1, 9),
                     named("10.0.0.3", 80, 1, 1)};
  put_in_order(expected);
  assert_true(lesson.now == expected);
  assert_true(Names(gate.zone).answer(kName) == expected);
}

// The same host on another port is another address, and so is one of the other family whose bytes
// begin alike.
void addresses_are_told_apart_by_all_that_connect_takes(void**) {
  const Gate gate;
  const Answer known = {named("10.0.0.1", 80, 1, 1)};
  hear(gate, known);
  registry::NamedAddress six = known[0];
  six.v6 = 1;
  Answer expected = {known[0], named("10.0.0.1", 81, 1, 1), six};
  for (std::size_t i = 1; i < expected.size(); ++i) {
    Names(gate.zone).learn(kName, {.answer = {expected[i]}, .partial = true}, 1);
  }
  put_in_order(expected);
  assert_true(Names(gate.zone).answer(kName) == expected);
}

void a_name_is_learnt_as_often_as_it_is_heard(void**) {
  const Gate gate;
  Names names(gate.zone);
  assert_true(names.learn(kName, {.answer = {named("10.0.0.1")}}, 1).changed());
  assert_false(names.learn(kName, {.answer = {named("10.0.0.1")}}, 1).changed());
  const std::size_t blocks = gate.arena.blocks();
  assert_true(names.learn(kName, {.answer = {named("10.0.0.2")}}, 1).changed());
  assert_int_equal(gate.arena.blocks(), blocks);  // the answer before is given back
}

void all_are_in_order_and_have_an_answer(void**) {
  const Gate gate;
  for (const std::string_view name : {"c.test", "a.test", "d.test", "b.test"}) {
    hear(gate, {named("10.0.0.1")}, name);
  }
  lose(gate, 3);
  const Names names(gate.zone);
  const auto all = names.all();
  assert_int_equal(all.size(), 4);
  for (std::size_t i = 0; i < all.size(); ++i) {
    assert_text(all[i].first, std::string(1, static_cast<char>('a' + i)) + ".test");
  }
}

void heard_is_what_was_answered_or_has_failed(void**) {
  const Gate gate;
  assert_int_equal(unheard(gate), 1);
  lose(gate, 3);
  assert_int_equal(unheard(gate), 0);
  hear(gate, {named("10.0.0.1")});
  assert_int_equal(unheard(gate), 0);
  // One that a generation has, and nobody has asked for yet, is not.
  const Gate fresh;
  reload(fresh, users());
  assert_int_equal(unheard(fresh), 1);
}

void a_registry_has_peers_by_what_is_known(void**) {
  const Gate gate;
  assert_false(Names(gate.zone).answered(one({peer("a")})).has_value());
  reload(gate, users());
  const Process process = gate.attach(0);
  assert_int_equal(process.generation().peers().size(), 0);
  assert_int_equal(process.generation().names().size(), 1);
  hear(gate, {named("10.0.0.1"), named("10.0.0.2")});
  reload(gate, users());
  const Process later = gate.attach(1);
  assert_int_equal(later.generation().peers().size(), 2);
  assert_text(later.generation().text(later.generation().peers()[1].id), "10.0.0.2:80");
}

void names_live_as_long_as_generations_have_them(void**) {
  const Gate gate;
  const std::size_t blocks = gate.arena.blocks();
  hear(gate, {named("10.0.0.1")});
  reload(gate, users());
  gate.sweep(2 * kHistory);
  assert_int_equal(Names(gate.zone).answer(kName).size(), 1);
  reload(gate, one({}));
  gate.sweep(2 * kHistory);
  assert_int_equal(Names(gate.zone).answer(kName).size(), 1);
  gate.sweep(4 * kHistory);
  assert_true(Names(gate.zone).answer(kName).empty());
  assert_int_equal(gate.arena.blocks(), blocks + 2);  // the generation and its service
}

// Who was asked for before a generation names it is kept as history is.
void what_was_heard_early_is_kept_for_a_while(void**) {
  const Gate gate;
  hear(gate, {named("10.0.0.1")}, kName, 1'000);
  gate.sweep(1'000 + kHistory - 1);
  assert_int_equal(Names(gate.zone).answer(kName).size(), 1);
  gate.sweep(1'000 + kHistory);
  assert_true(Names(gate.zone).answer(kName).empty());
}

// A change that brings back what nobody has named for long asks first, for it sweeps when it
// builds.
void what_goes_with_the_next_sweep_is_not_heard(void**) {
  const Gate gate;
  hear(gate, {named("10.0.0.1")}, kName, 1'000);
  assert_int_equal(unheard(gate, 1'000 + kHistory - 1), 0);
  assert_int_equal(unheard(gate, 1'000 + kHistory), 1);
  lose(gate, 3);
  assert_int_equal(unheard(gate, 1 + kHistory), 1);
  // Not what a generation has, however long ago it was made.
  hear(gate, {named("10.0.0.1")});
  reload(gate, users());
  assert_int_equal(unheard(gate, 1 + kHistory), 0);
}

// What is heard of a name that is history begins it anew.
void what_was_heard_again_is_kept_as_long_again(void**) {
  const Gate gate;
  hear(gate, {named("10.0.0.1")}, kName, 1'000);
  hear(gate, {named("10.0.0.1")}, kName, 1'000 + kHistory);
  assert_int_equal(unheard(gate, 1'000 + kHistory), 0);
  gate.sweep(1'000 + kHistory);
  assert_int_equal(Names(gate.zone).answer(kName).size(), 1);
}

// Whoever learnt it: one who died before he could build, or one of the configuration before, while
// a reload was under way.
void a_generation_is_stale_where_others_know_more(void**) {
  const Gate gate;
  assert_false(is_stale(gate.zone));
  reload(gate, users());
  assert_false(is_stale(gate.zone));
  hear(gate, {named("10.0.0.1")}, "other.test");
  assert_false(is_stale(gate.zone));
  hear(gate, {named("10.0.0.1")});
  assert_true(is_stale(gate.zone));
  assert_int_not_equal(gate.change(*Names(gate.zone).answered(users())), 0);
  assert_false(is_stale(gate.zone));
  hear(gate, {named("10.0.0.1")});
  lose(gate, 3);
  assert_false(is_stale(gate.zone));

  const std::uint64_t next = gate.build(*Names(gate.zone).answered(users()));
  hear(gate, {named("10.0.0.2")});
  gate.zone.publish(next);
  assert_true(is_stale(gate.zone));
}

void a_registry_is_answered_where_each_name_is(void**) {
  const Gate gate;
  const Registry registry = one({followed("users.test:80"), followed("b.test:80"), peer("a")});
  hear(gate, {named("10.0.0.1")});
  assert_false(Names(gate.zone).answers_all(registry));
  hear(gate, {named("10.0.0.1")}, "b.test");
  assert_true(Names(gate.zone).answers_all(registry));
}

void nothing_is_lost_where_memory_is_short(void**) {
  Gate gate;
  const Answer first = {named("10.0.0.1")};
  hear(gate, first);
  reload(gate, users());
  const std::size_t blocks = gate.arena.blocks();
  gate.arena.fail_at(1);
  assert_false(hear(gate, {named("10.0.0.2")}).kept);
  gate.arena.fail_at(1);
  assert_false(hear(gate, first, "other.test").kept);
  assert_true(Names(gate.zone).answer(kName) == first);
  assert_int_equal(gate.arena.blocks(), blocks);
  // What could not be kept is no answer yet: that it is resolved again is told when it is.
  lose(gate, 3);
  gate.arena.fail_at(1);
  assert_false(hear(gate, {named("10.0.0.2")}).kept);
  assert_int_equal(hear(gate, {named("10.0.0.2")}).error, 3);
}

// A build that runs out of memory gives up history, but not what it is made of itself.
void a_build_keeps_the_answers_that_it_is_made_of(void**) {
  Gate gate;
  reload(gate, one({peer("a")}));
  hear(gate, {named("10.0.0.1")});
  hear(gate, {named("10.0.0.9")}, "history.test");
  const auto registry = Names(gate.zone).answered(
      one({followed("a.test:80"), followed("users.test:80"), followed("z.test:80")}));
  gate.arena.fail_at(1);
  assert_int_not_equal(gate.change(*registry), 0);
  assert_true(gate.arena.failed());
  assert_true(Names(gate.zone).answer("history.test").empty());
  assert_int_equal(Names(gate.zone).answer(kName).size(), 1);
}

// What a build has begun, and cannot end, leaves no trace.
void a_build_that_fails_gives_names_back(void**) {
  Gate gate;
  reload(gate, one({peer("a")}));
  const std::size_t blocks = gate.arena.blocks();
  const auto registry = Names(gate.zone).answered(users());
  for (const std::size_t number : {1, 2}) {
    gate.arena.fail_at(number);
    assert_int_equal(gate.change(*registry), 0);
    assert_int_equal(gate.arena.blocks(), blocks);
  }
  assert_int_equal(unheard(gate), 1);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_last_good_answer_stays),
      cmocka_unit_test(a_part_takes_nothing_away),
      cmocka_unit_test(addresses_are_told_apart_by_all_that_connect_takes),
      cmocka_unit_test(a_name_is_learnt_as_often_as_it_is_heard),
      cmocka_unit_test(all_are_in_order_and_have_an_answer),
      cmocka_unit_test(heard_is_what_was_answered_or_has_failed),
      cmocka_unit_test(a_registry_has_peers_by_what_is_known),
      cmocka_unit_test(names_live_as_long_as_generations_have_them),
      cmocka_unit_test(what_was_heard_early_is_kept_for_a_while),
      cmocka_unit_test(what_goes_with_the_next_sweep_is_not_heard),
      cmocka_unit_test(what_was_heard_again_is_kept_as_long_again),
      cmocka_unit_test(a_generation_is_stale_where_others_know_more),
      cmocka_unit_test(a_registry_is_answered_where_each_name_is),
      cmocka_unit_test(nothing_is_lost_where_memory_is_short),
      cmocka_unit_test(a_build_keeps_the_answers_that_it_is_made_of),
      cmocka_unit_test(a_build_that_fails_gives_names_back),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
