// SPDX-License-Identifier: MIT
//
// Which request probes: one that can be sent again rather than one that cannot, and none twice
// where somebody else can serve.
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

// A request that cannot be sent again.
Client once(Process& process) {
  return Client(process, 0, false);
}

bool probing(const Client& client) {
  return client.request.pass.probe();
}

// Peers that open at the first failure, for ten seconds.
registry::Registry frail(std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  made.services[0].breaker.threshold = 1;
  return made;
}

void a_request_that_cannot_be_sent_again_probes_after_the_grace(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  for (const base::Instant now : {11'000, 11'500, 12'999}) {
    Client client = once(process);
    assert_text(client.pick(now), "a");
    assert_text(client.told(), "");
  }
  Client client = once(process);
  assert_text(client.pick(13'000), "b");
  assert_true(probing(client));
  assert_text(client.told(), "b HALF_OPEN");
}

void one_that_can_be_sent_again_probes_at_once(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client waiting = once(process);
  assert_text(waiting.pick(11'000), "a");
  Client client(process);
  assert_text(client.pick(11'000), "b");
  assert_true(probing(client));
}

void without_a_grace_anybody_probes(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.probe_grace = 0;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  assert_text(once(process).pick(10'999), "a");
  assert_text(once(process).pick(11'000), "b");
}

void each_peer_has_its_own_grace(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  trip(process, "c", 2'500);
  Client first = once(process);
  assert_text(first.pick(13'000), "b");
  Client second = once(process);
  assert_text(second.pick(14'499), "a");
  Client third = once(process);
  assert_text(third.pick(14'500), "c");
}

void one_peers_grace_is_not_over_with_anothers(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  Client client = once(process);
  while (client.pick(900) != "b") client.report(kStale, 900);
  trip(process, "b", 1'000);
  trip(process, "c", 2'500);
  // It has tried "b", whose grace is over, and "c" still waits for somebody better.
  client.report(kError, 13'000);
  assert_text(client.pick(13'000), "a");
}

void the_places_of_a_half_open_peer_are_offered_politely_too(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.probes = 2;
  registry.services[0].breaker.successes = 2;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client first(process);
  assert_text(first.pick(11'500), "b");
  assert_text(once(process).pick(13'499), "a");
  assert_text(once(process).pick(13'500), "b");
}

// Where nobody else can serve.

void a_service_of_one_peer_is_probed_by_anybody(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  assert_text(once(process).pick(10'999), "-");
  Client client = once(process);
  assert_text(client.pick(11'000), "a");
  assert_true(probing(client));
}

void where_all_are_out_anybody_probes(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  trip(process, "b", 2'000);
  assert_text(once(process).pick(11'000), "a");
  assert_text(once(process).pick(11'000), "-");
  assert_text(once(process).pick(12'000), "b");
}

void where_the_others_are_full_anybody_probes(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(one({small, peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client holder(process);
  assert_text(holder.pick(10'000), "a");
  Client client = once(process);
  assert_text(client.pick(11'000), "b");
  assert_true(probing(client));
  assert_text(client.told(), "b HALF_OPEN");
}

void where_the_others_are_tried_anybody_probes(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client client = once(process);
  assert_text(client.pick(11'000), "a");
  client.report(kError, 11'000);
  assert_text(client.pick(11'000), "b");
  assert_true(probing(client));
}

void a_backup_is_somebody_else(void**) {
  const Gate gate;
  auto spare = peer("s");
  spare.backup = true;
  gate.reload(one({peer("a"), spare}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  assert_text(once(process).pick(11'000), "s");
  assert_text(once(process).pick(13'000), "a");
}

// Not twice.

void a_request_probes_once_where_others_can_serve(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b"), peer("c"), peer("d")}));
  Process process = gate.attach(0);
  for (const char* id : {"b", "c"}) trip(process, id, 1'000);
  Client client(process);
  assert_text(client.pick(11'000), "b");
  client.report(kError, 11'000);
  std::string who = client.pick(11'000);
  assert_false(probing(client));
  client.report(kError, 11'000);
  who += client.pick(30'000);  // long after any grace
  assert_false(probing(client));
  assert_true(who == "ad" || who == "da");
  client.report(kError, 30'000);
  assert_text(client.pick(30'000), "c");  // nobody else is left
  assert_true(probing(client));
}

void the_next_request_may_probe_what_the_one_before_did_not(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  for (const char* id : {"b", "c"}) trip(process, id, 1'000);
  Client first(process);
  assert_text(first.pick(11'000), "b");
  first.report(kError, 11'000);
  assert_text(first.pick(11'000), "a");
  assert_text(Client(process).pick(11'000), "c");
}

// A probe fails, and its request is served by another: the client sees nothing of it.
void a_failed_probe_is_sent_to_another_peer(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client client(process);
  assert_text(client.pick(11'000), "b");
  assert_true(client.has_other());
  client.report(kError, 11'000);
  assert_text(client.told(), "b HALF_OPEN, b OPEN");
  assert_text(client.pick(11'000), "a");
  assert_false(client.has_other());
  client.report(kGood, 11'000);
  assert_int_equal(service_of(process).counters.rejected.load(), 0);
}

void a_lone_prober_has_nobody_to_go_on_to(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  Client client(process);
  assert_text(client.pick(11'000), "a");
  assert_false(client.has_other());
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_request_that_cannot_be_sent_again_probes_after_the_grace),
      cmocka_unit_test(one_that_can_be_sent_again_probes_at_once),
      cmocka_unit_test(without_a_grace_anybody_probes),
      cmocka_unit_test(each_peer_has_its_own_grace),
      cmocka_unit_test(one_peers_grace_is_not_over_with_anothers),
      cmocka_unit_test(the_places_of_a_half_open_peer_are_offered_politely_too),
      cmocka_unit_test(a_service_of_one_peer_is_probed_by_anybody),
      cmocka_unit_test(where_all_are_out_anybody_probes),
      cmocka_unit_test(where_the_others_are_full_anybody_probes),
      cmocka_unit_test(where_the_others_are_tried_anybody_probes),
      cmocka_unit_test(a_backup_is_somebody_else),
      cmocka_unit_test(a_request_probes_once_where_others_can_serve),
      cmocka_unit_test(the_next_request_may_probe_what_the_one_before_did_not),
      cmocka_unit_test(a_failed_probe_is_sent_to_another_peer),
      cmocka_unit_test(a_lone_prober_has_nobody_to_go_on_to),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
