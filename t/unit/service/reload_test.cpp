// SPDX-License-Identifier: MIT
//
// What peers went through outlives a reload, whatever else it changes, and ends with who they are.
#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

// What a peer went through is told by its counters and its breaker.
struct Past {
  explicit Past(Gate& gate) {
    gate.reload(one({peer("a"), peer("b"), peer("c")}));
    Process process = gate.attach(0);
    trip(process, "b", 1'000);
    serve(process, 10, 1'000);
    failures = record_of(process, "b").counters.failures.load();
    successes = record_of(process, "a").counters.successes.load();
    requests = process.record(process.generation().services()[0]).counters.requests.load();
  }
  std::uint64_t failures;
  std::uint64_t successes;
  std::uint64_t requests;
};

void expect_kept(const Gate& gate, const Past& past) {
  const Process process = gate.attach(1);
  assert_int_equal(past.failures, 3);
  assert_int_equal(record_of(process, "b").counters.failures.load(), past.failures);
  assert_int_equal(record_of(process, "a").counters.successes.load(), past.successes);
  assert_int_equal(process.record(process.generation().services()[0]).counters.requests.load(),
                   past.requests);
  assert_true(state_of(process, "b") == breaker::State::kOpen);
  assert_true(state_of(process, "a") == breaker::State::kClosed);
}

void records_survive_a_reload_of_the_same_peers(void**) {
  Gate gate;
  const Past past(gate);
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  expect_kept(gate, past);
}

void records_survive_another_order_and_other_neighbours(void**) {
  Gate gate;
  const Past past(gate);
  auto reordered = one({peer("x"), peer("c"), peer("b"), peer("y"), peer("a")});
  reordered.services.push_back(named("other", {peer("b")}));
  gate.reload(reordered);
  expect_kept(gate, past);
}

void records_survive_other_parameters(void**) {
  Gate gate;
  const Past past(gate);
  auto changed = one({peer("a", 9), peer("b", 5), peer("c")});
  changed.services[0].peers[1].backup = true;
  changed.services[0].peers[1].max_conns = 3;
  changed.services[0].breaker.threshold = 8;
  gate.reload(changed);
  expect_kept(gate, past);
}

void records_survive_the_death_of_all_processes(void**) {
  Gate gate;
  const Past past(gate);
  Gate::kill(100);
  gate.sweep();
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  expect_kept(gate, past);
}

void an_id_that_moves_to_another_address_starts_anew(void**) {
  const Gate gate;
  auto moving = peer("10.0.0.1:80");
  moving.id = "b";
  gate.reload(one({peer("a"), moving}));
  Process old = gate.attach(0);
  trip(old, "b", 1'000);
  moving.addresses[0] = {{4, 2}, "10.0.0.2:80"};
  gate.reload(one({peer("a"), moving}));
  const Process fresh = gate.attach(1);
  assert_true(state_of(fresh, "b") == breaker::State::kClosed);
  assert_int_equal(record_of(fresh, "b").counters.failures.load(), 0);
  assert_true(state_of(old, "b") == breaker::State::kOpen);
}

void an_address_that_gets_another_id_starts_anew(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  trip(old, "b", 1'000);
  auto renamed = peer("b");
  renamed.id = "c";
  gate.reload(one({peer("a"), renamed}));
  assert_true(state_of(gate.attach(1), "c") == breaker::State::kClosed);
}

void one_address_in_two_services_is_two_peers(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("a")})}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000, 0);
  assert_text(serve(process, 1, 1'000, 1), "a");
  assert_text(Client(process, 0).pick(1'000), "-");
}

void a_peer_that_was_gone_for_a_while_starts_anew(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  {
    Process process = gate.attach(0);
    trip(process, "b", 1'000);
    process.detach();
  }
  gate.reload(one({peer("a")}));
  gate.sweep_all();
  gate.reload(one({peer("a"), peer("b")}));
  const Process process = gate.attach(0);
  assert_true(state_of(process, "b") == breaker::State::kClosed);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(records_survive_a_reload_of_the_same_peers),
      cmocka_unit_test(records_survive_another_order_and_other_neighbours),
      cmocka_unit_test(records_survive_other_parameters),
      cmocka_unit_test(records_survive_the_death_of_all_processes),
      cmocka_unit_test(an_id_that_moves_to_another_address_starts_anew),
      cmocka_unit_test(an_address_that_gets_another_id_starts_anew),
      cmocka_unit_test(one_address_in_two_services_is_two_peers),
      cmocka_unit_test(a_peer_that_was_gone_for_a_while_starts_anew),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
