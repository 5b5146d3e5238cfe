// SPDX-License-Identifier: MIT
//
// A zone that is new learns what the one before knew of its breakers: who is out stays out, and is
// probed when it was to be.
#include "core/service/state.h"

#include <utility>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

GenerationView current(const Gate& gate) {
  return GenerationView(gate.zone.current());
}

std::vector<SavedPeer> saved(const Gate& gate, base::Instant now) {
  return save_state(gate.zone, current(gate), now);
}

// A gate after a restart, with that registry, told what another knew.
struct Next : Gate {
  Next(const std::vector<SavedPeer>& known, const registry::Registry& registry, base::Instant now)
      : Gate(std::size_t{4} << 20U) {
    const std::uint64_t id = build(registry, now);
    assert_int_not_equal(id, 0);
    restored = restore_state(zone, GenerationView(zone.find(id)), known, now);
    zone.publish(id);
  }
  Restored restored;
};

registry::Registry both() {
  return one({peer("a"), peer("b")});
}

void where_all_is_well_there_is_nothing_to_save(void**) {
  const Gate gate;
  gate.reload(both());
  Process process = gate.attach(0);
  serve(process, 10, 1'000);
  assert_int_equal(saved(gate, 1'000).size(), 0);
}

void who_is_out_is_saved_by_name(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("a"), peer("b")})}));
  Process process = gate.attach(0);
  for (int i = 0; i < 6; ++i) {
    Client client(process, 1);
    client.report(client.pick(1'000) == "b" ? kBad : kGood, 1'000);
  }
  const auto known = saved(gate, 2'000);
  assert_int_equal(known.size(), 1);
  assert_text(known[0].service, "y");
  assert_text(known[0].id, "b");
  assert_text(known[0].address, "b");
  assert_true(known[0].breaker.state == State::kOpen);
}

void who_was_out_is_out(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  trip(before, "a", 1'000);
  const Next next(saved(gate, 3'000), both(), 3'000);
  assert_int_equal(next.restored.peers, 1);
  assert_int_equal(next.restored.open, 1);
  assert_int_equal(next.restored.unknown, 0);
  Process process = next.attach(0);
  assert_text(serve(process, 6, 3'000), "bbbbbb");
  assert_text(serve(process, 2, 10'999), "bb");
  Client probe(process);
  assert_text(probe.pick(11'000), "a");
  assert_text(probe.told(), "a HALF_OPEN");
  probe.report(kGood, 11'000);
  assert_text(probe.told(), "a CLOSED");
  assert_text(sorted(serve(process, 4, 11'000)), "aabb");
}

// With nobody to be had, the first of all requests knows for how long.
void when_all_were_out_clients_hear_until_when(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process before = gate.attach(0);
  trip(before, "a", 1'000);
  const Next next(saved(gate, 3'000), one({peer("a")}), 3'000);
  Process process = next.attach(0);
  Client client(process);
  assert_text(client.pick(3'000), "-");
  assert_true(client.last.held_out);
  assert_int_equal(client.last.retry_after, 8'000);
}

void whose_time_has_passed_is_probed_by_the_first_request(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  trip(before, "a", 1'000);
  const Next next(saved(gate, 3'000), both(), 1'000'000);
  Process process = next.attach(0);
  Client probe(process);
  assert_text(probe.pick(1'000'000), "a");
  assert_text(probe.told(), "a HALF_OPEN");
}

// Nobody has more held open than max_open allows, also not by the next trip.
void who_was_held_takes_its_place(void**) {
  auto registry = one({peer("a"), peer("b"), peer("c"), peer("d")});
  registry.services[0].breaker.max_open_percent = 25;
  const Gate gate;
  gate.reload(registry);
  Process before = gate.attach(0);
  break_down(before, "a", 1'000);
  const Next next(saved(gate, 1'000), registry, 1'000);
  Process process = next.attach(0);
  for (int i = 0; i < 30; ++i) send(process, kError, 1'000);
  assert_int_equal(open_peers(process), 1);
  assert_true(service_of(process).overflow.load() > 0);
}

void who_was_forced_is_forced(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  Service(before, 0).force(0, {.way = breaker::Way::kOpen, .until = 5'000}, 1'000);
  const Next next(saved(gate, 1'000), both(), 1'000);
  assert_int_equal(next.restored.open, 0);
  Process process = next.attach(0);
  assert_text(serve(process, 4, 1'000), "bbbb");
  assert_text(sorted(serve(process, 4, 5'000)), "aabb");
}

// Another service, another name, another machine: of these nothing is known.
void who_is_another_begins_anew(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  trip(before, "a", 1'000);
  const auto known = saved(gate, 1'000);

  auto moved = peer("other");
  moved.id = "a";
  auto renamed = peer("a");
  renamed.id = "other";
  for (const auto& registry : {one({moved, peer("b")}), one({renamed, peer("b")}),
                               registry_of({named("other", {peer("a"), peer("b")})})}) {
    const Next next(known, registry, 1'000);
    assert_int_equal(next.restored.peers, 0);
    assert_int_equal(next.restored.unknown, 1);
    assert_int_equal(saved(next, 1'000).size(), 0);
  }
}

void who_is_named_twice_is_restored_once(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  trip(before, "a", 1'000);
  auto known = saved(gate, 1'000);
  known.push_back(known.front());
  known.back().breaker.state = State::kClosed;
  const Next next(known, both(), 1'000);
  assert_int_equal(next.restored.peers, 1);
  assert_int_equal(next.restored.unknown, 1);
  const Process process = next.attach(0);
  assert_true(state_of(process, "a") == State::kOpen);
}

void nothing_is_left_to_be_told_of_a_life_before(void**) {
  const Gate gate;
  gate.reload(both());
  Process before = gate.attach(0);
  set_state(before, "a", State::kOpen, 60'000);
  record_of(before, "a").breaker.trips = 1;
  const Next next(saved(gate, 1'000), both(), 1'000);
  Process process = next.attach(0);
  process.orphans();
  Gate::kill(999);
  Process other = next.attach(1, 999);
  Gate::kill(999);
  process.bury(Gate::exists);
  assert_int_equal(process.orphans().size(), 0);
  assert_int_equal(process.orphans().size(), 0);
}

void a_mark_tells_whether_to_save_again(void**) {
  const Gate gate;
  gate.reload(both());
  Process process = gate.attach(0);
  const auto mark = [&] { return mark_of(gate.zone, current(gate)); };
  std::uint64_t last = mark();
  const auto moves = [&] { return std::exchange(last, mark()) != last; };
  serve(process, 10, 1'000);
  assert_false(moves());
  trip(process, "a", 1'000);
  assert_true(moves());
  serve(process, 10, 5'000);
  assert_false(moves());
  serve(process, 1, 11'000);  // the probe
  assert_true(moves());
  Service(process, 0).force(1, {.way = breaker::Way::kClosed}, 12'000);
  assert_true(moves());
  gate.reload(one({peer("a"), peer("b"), peer("c")}), 12'000);
  last = mark();
  gate.reload(one({peer("a"), peer("b"), peer("d")}), 12'000);
  assert_false(moves());
  gate.reload(one({peer("a"), peer("d")}), 12'000);
  assert_true(moves());
}

// What two peers know, told the wrong way round, is something else.
void a_mark_tells_who_is_who(void**) {
  std::uint64_t marks[2];
  for (const int out : {0, 1}) {
    const Gate gate;
    gate.reload(both());
    Process process = gate.attach(0);
    set_state(process, out == 0 ? "a" : "b", State::kOpen, 60'000);
    marks[out] = mark_of(gate.zone, current(gate));
  }
  assert_true(marks[0] != marks[1]);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(where_all_is_well_there_is_nothing_to_save),
      cmocka_unit_test(who_is_out_is_saved_by_name),
      cmocka_unit_test(who_was_out_is_out),
      cmocka_unit_test(when_all_were_out_clients_hear_until_when),
      cmocka_unit_test(whose_time_has_passed_is_probed_by_the_first_request),
      cmocka_unit_test(who_was_held_takes_its_place),
      cmocka_unit_test(who_was_forced_is_forced),
      cmocka_unit_test(who_is_another_begins_anew),
      cmocka_unit_test(who_is_named_twice_is_restored_once),
      cmocka_unit_test(nothing_is_left_to_be_told_of_a_life_before),
      cmocka_unit_test(a_mark_tells_whether_to_save_again),
      cmocka_unit_test(a_mark_tells_who_is_who),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
