// SPDX-License-Identifier: MIT
//
// What others left undone, or did in another generation, comes right.
#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

// The roster heals.

void who_opened_and_died_before_telling_is_found_out(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  serve(process, 3, 1'000);
  set_state(process, "b", State::kOpen, 11'000);
  assert_int_equal(service_of(process).changes.load(), 0);
  const std::string who = serve(process, 101, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 0);
  assert_int_equal(std::count(who.begin(), who.end(), '-'), 0);
  // All but the pick that found out went by the new line-up.
  assert_true(std::count(who.begin(), who.end(), 'a') >= 50);
  assert_true(std::count(who.begin(), who.end(), 'c') >= 50);
  assert_text(serve(process, 1, 11'000), "b");
}

void who_closed_and_died_before_telling_is_found_out(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  assert_text(serve(process, 2, 1'000), "aa");
  set_state(process, "b", State::kClosed, 2'000);
  const std::string who = serve(process, 8, 11'000);  // at the latest when it would be due
  assert_true(std::count(who.begin(), who.end(), 'b') >= 3);
  Client client(process);
  client.pick(11'000);
  assert_false(client.request.pass.probe());
}

void the_last_peer_that_closed_unnoticed_serves_the_request_that_notices(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  set_state(process, "a", State::kClosed, 2'000);
  Client client(process);
  assert_text(client.pick(11'000), "a");
  assert_false(client.request.pass.probe());
}

void the_last_peer_that_opened_unnoticed_is_held_out_for_who_notices(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  serve(process, 1, 1'000);
  set_state(process, "a", State::kOpen, 11'000);
  Client client(process);
  assert_text(client.pick(1'000), "-");
  assert_true(client.last.held_out);
  assert_int_equal(client.last.retry_after, 10'000);
}

void a_builder_that_died_holds_nobody_up_for_long(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  serve(process, 2, 1'000);
  auto roster = process.generation().roster(process.generation().services()[0]);
  assert_int_not_equal(roster.claim(1'000), 0);  // and is never heard of again
  set_state(process, "b", State::kOpen, 31'000);
  // The old line-up serves: "b" is passed over pick by pick.
  assert_text(serve(process, 4, 1'500), "aaaa");
  const std::uint64_t stale = roster.version();
  assert_text(serve(process, 4, 1'000 + balance::Roster::kClaim), "aaaa");
  assert_int_not_equal(roster.version(), stale);
}

// Two generations.

void both_generations_see_what_happens_in_either(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  serve(old, 2, 1'000);
  gate.reload(one({peer("c"), peer("b"), peer("a")}));
  Process fresh = gate.attach(1);
  serve(fresh, 3, 1'000);

  assert_text(trip(old, "b", 1'000), "b OPEN");
  std::string who = serve(fresh, 20, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 0);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 10);
  assert_text(serve(old, 2, 1'000), "aa");

  Client probe(fresh);
  assert_text(probe.pick(11'000), "b");
  assert_text(serve(old, 3, 11'000), "aaa");  // its probe is taken
  probe.report(kGood, 11'001);
  assert_text(probe.told(), "b HALF_OPEN, b CLOSED");
  who = serve(old, 10, 11'001);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 5);

  assert_text(trip(fresh, "a", 12'000), "a OPEN");
  assert_text(serve(old, 3, 12'000), "bbb");
}

void a_transition_of_a_peer_that_the_new_generation_lacks_is_of_no_harm(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  gate.reload(one({peer("a"), peer("c")}));
  Process fresh = gate.attach(1);
  trip(old, "b", 1'000);
  const std::string who = serve(fresh, 4, 1'000);
  assert_true(who == "acac" || who == "caca");
}

void max_conns_counts_the_requests_of_both_generations(void**) {
  const Gate gate;
  auto small = peer("b");
  small.max_conns = 2;
  gate.reload(one({small}));
  Process old = gate.attach(0);
  gate.reload(one({small, peer("c")}));
  Process fresh = gate.attach(1);
  Client first(old);
  Client second(old);
  assert_text(first.pick(1), "b");
  assert_text(second.pick(1), "b");
  assert_text(serve(fresh, 3, 1), "ccc");
  assert_int_equal(record_of(fresh, "b").counters.successes.load(), 0);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(who_opened_and_died_before_telling_is_found_out),
      cmocka_unit_test(who_closed_and_died_before_telling_is_found_out),
      cmocka_unit_test(the_last_peer_that_closed_unnoticed_serves_the_request_that_notices),
      cmocka_unit_test(the_last_peer_that_opened_unnoticed_is_held_out_for_who_notices),
      cmocka_unit_test(a_builder_that_died_holds_nobody_up_for_long),
      cmocka_unit_test(both_generations_see_what_happens_in_either),
      cmocka_unit_test(a_transition_of_a_peer_that_the_new_generation_lacks_is_of_no_harm),
      cmocka_unit_test(max_conns_counts_the_requests_of_both_generations),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
