// SPDX-License-Identifier: MIT
#include "core/service/carry_over.h"

#include <string>
#include <vector>

#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/lasting.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

// Where to.

void who_is_held_is_not_carried_over(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  gate.change(one({peer("c")}));
  process.adopt();
  const auto service = service_of(process, request.request);
  assert_int_equal(service->generation().id(), 1);
  assert_text(request.pick(2), "a");
  request.close();
}

void an_attempt_goes_on_at_the_same_peer(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  overtake(gate, process, one({peer("c"), peer("b"), peer("a", 3)}));
  const auto service = service_of(process, request.request);
  assert_int_equal(request.request.generation, 2);
  assert_int_equal(service->peer(request.request).weight, 3);
  assert_true(request.report(kBad, 3));
  assert_int_equal(record_of(process, "a").counters.failures.load(), 1);
  assert_int_equal(breaker::Run::count(record_of(process, "a").breaker.run.load(), 0), 1);
  assert_nothing_in_flight(gate);
  request.close();
}

// What it does there counts as what everybody does.
void an_attempt_that_was_carried_over_may_open_a_breaker(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  std::vector<Lasting> requests;
  for (int i = 0; i < 3; ++i) {
    requests.emplace_back(process);
    assert_text(requests.back().pick(1), "a");
  }
  overtake(gate, process, two());
  for (Lasting& request : requests) assert_true(request.report(kBad, 3));
  assert_int_equal(requests[2].ended.notices.all().size(), 1);
  assert_int_equal(requests[2].ended.notices.all()[0].generation.id(), 2);
  assert_true(state_of(process, "a") == State::kOpen);
  for (Lasting& request : requests) request.close();
}

void between_two_attempts_it_asks_the_newest(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, one({peer("c")}));
  assert_text(request.pick(3), "c");
  assert_true(request.report(kGood, 3));
  assert_nothing_in_flight(gate);
  assert_text(pinned(gate, 0), "2");
  request.close();
}

void the_newest_is_held_for_it_from_then_on(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, two());
  service_of(process, request.request);
  gate.change(one({peer("c")}));
  process.adopt();
  assert_text(pinned(gate, 0), "2 3");
  assert_text(request.pick(3), "a");
  assert_true(request.report(kGood, 3));
  request.close();
  assert_text(pinned(gate, 0), "3");
}

// What is remembered.

void attempts_are_kept_and_who_was_tried_is_forgotten(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  for (const char* who : {"a", "b"}) {
    assert_text(request.pick(1), who);
    request.report(kBad, 1);
  }
  assert_text(request.pick(1), "-");
  overtake(gate, process, one({peer("x"), peer("a"), peer("b")}));
  std::string who;
  for (int i = 0; i < 3; ++i) {
    who += request.pick(3);
    request.report(kBad, 3);
  }
  assert_text(sorted(who), "abx");
  assert_text(request.pick(3), "-");
  assert_int_equal(request.request.attempts, 5);
  request.close();
}

void attempts_end_at_their_limit_over_all_generations(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  std::uint32_t attempts = 0;
  for (int i = 0; i < 100; ++i) {
    if (request.pick(1) == "-") break;
    ++attempts;
    request.report(kNothing, 1);
    overtake(gate, process, two());
  }
  assert_int_equal(attempts, kAttemptsMax);
  request.close();
}

void what_never_reached_its_peer_is_no_attempt_there_either(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  overtake(gate, process, one({peer("a")}));
  assert_true(request.report(kStale, 3));
  assert_int_equal(request.request.attempts, 0);
  assert_text(request.pick(3), "a");
  request.report(kGood, 3);
  request.close();
}

// A request that breaks one peer after the other is to blame, whatever generation they are of.
void who_broke_a_peer_is_known_for_it(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  assert_text(request.pick(1), "a");
  request.report(failed(Cause::kReset), 1);
  overtake(gate, process, one({peer("b")}));
  assert_text(request.pick(3), "b");
  request.report(failed(Cause::kReset), 3);
  assert_true(request.ended.judgement.cause == Cause::kCorrelated);
  assert_int_equal(record_of(process, "b").counters.failures.load(), 0);
  request.close();
}

// Closing.

void who_closes_without_having_asked_again_holds_nothing(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  overtake(gate, process, two());
  request.close();
  assert_int_equal(request.request.generation, 0);
  gate.change(two());
  process.adopt();
  assert_text(pinned(gate, 0), "3");
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_is_held_is_not_carried_over),
      cmocka_unit_test(an_attempt_goes_on_at_the_same_peer),
      cmocka_unit_test(an_attempt_that_was_carried_over_may_open_a_breaker),
      cmocka_unit_test(between_two_attempts_it_asks_the_newest),
      cmocka_unit_test(the_newest_is_held_for_it_from_then_on),
      cmocka_unit_test(attempts_are_kept_and_who_was_tried_is_forgotten),
      cmocka_unit_test(attempts_end_at_their_limit_over_all_generations),
      cmocka_unit_test(what_never_reached_its_peer_is_no_attempt_there_either),
      cmocka_unit_test(who_broke_a_peer_is_known_for_it),
      cmocka_unit_test(who_closes_without_having_asked_again_holds_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
