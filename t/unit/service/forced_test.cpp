// SPDX-License-Identifier: MIT
//
// What an operator says over a breaker's head: who is in then, and who is again when it ends.
#include <algorithm>
#include <string>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

void force(Process& process, std::string_view id, breaker::Forced forced, base::Instant now) {
  const auto generation = process.generation();
  Service(process, 0)
      .force(static_cast<std::uint32_t>(&image_of(process, id) - generation.peers().data()), forced,
             now);
}

void who_is_forced_open_is_out_and_not_probed(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  force(process, "a", {.way = breaker::Way::kOpen}, 1'000);
  assert_text(serve(process, 4, 1'000), "bbbb");
  assert_text(serve(process, 4, 10'000'000), "bbbb");
  assert_true(state_of(process, "a") == State::kClosed);
  force(process, "a", {.way = breaker::Way::kNone}, 10'000'000);
  assert_text(sorted(serve(process, 4, 10'000'000)), "aabb");
}

void who_is_forced_open_for_a_while_is_in_again_by_itself(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  force(process, "a", {.way = breaker::Way::kOpen, .until = 5'000}, 1'000);
  assert_text(serve(process, 4, 4'999), "bbbb");
  const std::string who = serve(process, 5, 5'000);
  assert_true(std::count(who.begin(), who.end(), 'a') >= 2);
}

void who_is_forced_open_when_all_are_is_told_of(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  force(process, "a", {.way = breaker::Way::kOpen, .until = 5'000}, 1'000);
  Client client(process);
  assert_text(client.pick(2'000), "-");
  assert_true(client.last.held_out);
  assert_int_equal(client.last.retry_after, 3'000);
}

void who_is_forced_closed_is_in_whatever_it_does(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  assert_text(serve(process, 3, 1'000), "bbb");
  force(process, "a", {.way = breaker::Way::kClosed}, 1'000);
  assert_text(sorted(serve(process, 4, 1'000)), "aabb");
  for (int i = 0; i < 20; ++i) send(process, kBad, 1'000);
  assert_text(sorted(serve(process, 4, 50'000)), "aabb");
  assert_true(state_of(process, "a") == State::kOpen);  // what it knew is still there
}

void who_was_forced_closed_for_a_while_is_out_again_after_it(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  force(process, "a", {.way = breaker::Way::kClosed, .until = 5'000}, 1'000);
  assert_text(sorted(serve(process, 4, 4'999)), "aabb");
  assert_text(serve(process, 4, 5'000), "bbbb");
  assert_text(serve(process, 1, 11'000), "a");  // its probe
}

void both_generations_hear_what_an_operator_says(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  gate.reload(one({peer("b"), peer("a")}));
  Process fresh = gate.attach(1);
  serve(old, 2, 1'000);
  force(fresh, "a", {.way = breaker::Way::kOpen}, 1'000);
  assert_text(serve(old, 3, 1'000) + serve(fresh, 3, 1'000), "bbbbbb");
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_is_forced_open_is_out_and_not_probed),
      cmocka_unit_test(who_is_forced_open_for_a_while_is_in_again_by_itself),
      cmocka_unit_test(who_is_forced_open_when_all_are_is_told_of),
      cmocka_unit_test(who_is_forced_closed_is_in_whatever_it_does),
      cmocka_unit_test(who_was_forced_closed_for_a_while_is_out_again_after_it),
      cmocka_unit_test(both_generations_hear_what_an_operator_says),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
