// SPDX-License-Identifier: MIT
//
// When each peer that is out may be probed is written down once, and has to be right whatever
// happens to the peer, to its probe or to whoever probes.
#include <list>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

// Peers that open at the first failure, for ten seconds; probes of five.
registry::Registry frail(std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  made.services[0].breaker.threshold = 1;
  return made;
}

bool probing(const Client& client) {
  return client.request.pass.probe();
}

base::Instant earliest(const Process& process) {
  const auto generation = process.generation();
  return generation.earliest_due(generation.services()[0]);
}

void nobody_is_due_who_is_in_or_down(void**) {
  auto down = peer("d");
  down.down = true;
  const Gate gate;
  gate.reload(frail({peer("a"), down}));
  Process process = gate.attach(0);
  serve(process, 3, 1'000);
  assert_true(earliest(process) == DueTimes::kOut);
  trip(process, "a", 1'000);
  assert_true(earliest(process) == 11'000);
  set_state(process, "d", State::kOpen, 5'000);  // from before it was taken down
  Service(process, 0).force(0, {}, 2'000);
  assert_true(earliest(process) == 11'000);
  serve(process, 1, 11'000);
  assert_true(earliest(process) == DueTimes::kOut);
}

void the_earliest_is_probed_first(void**) {
  const Gate gate;
  gate.reload(frail(numbered(40)));
  Process process = gate.attach(0);
  const std::vector<std::string> order = {"35", "2", "17", "0", "33", "5"};
  for (std::size_t i = 0; i < order.size(); ++i) {
    assert_text(trip(process, order[i], 1'000 + 10 * static_cast<base::Instant>(i)),
                order[i] + " OPEN");
  }
  std::list<Client> clients;
  for (const std::string& id : order) assert_text(clients.emplace_back(process).pick(12'000), id);
  assert_false(probing(clients.emplace_back(process)));
}

void one_that_is_full_hides_nobody(void**) {
  auto small = peer("a");
  small.max_conns = 1;
  const Gate gate;
  gate.reload(frail({small, peer("b"), peer("c")}));
  Process process = gate.attach(0);
  Client holder(process);
  assert_text(holder.pick(1'000), "a");
  process.use(record_of(process, "a").rank).in_flight = 2;  // as after a reload with a lower limit
  set_state(process, "a", State::kOpen, 10'000);
  Service(process, 0).force(0, {}, 1'000);
  trip(process, "b", 1'000);
  Client client(process);
  assert_text(client.pick(11'000), "b");
  assert_true(probing(client));
  client.report(kGood, 11'000);
  process.use(record_of(process, "a").rank).in_flight = 0;
  assert_text(Client(process).pick(11'000), "a");
}

// As many as a request can have tried, all of them due again.
void those_that_it_has_tried_hide_nobody(void**) {
  const Gate gate;
  auto registry = frail(numbered(kAttemptsMax));
  registry.services[0].breaker.timeout = 1;
  registry.services[0].breaker.probe_grace = 0;
  gate.reload(registry);
  Process process = gate.attach(0);
  // Whoever has failed is due again before the next one is due for the first time.
  for (std::uint32_t i = 0; i < kAttemptsMax; ++i) {
    set_state(process, std::to_string(i), State::kOpen, 2'005 + 10 * i);
  }
  Service(process, 0).force(0, {}, 1'500);
  Client client(process);
  for (std::uint32_t i = 0; i < kAttemptsMax; ++i) {
    const base::Instant now = 2'010 + 10 * i;
    assert_text(client.pick(now), std::to_string(i));
    assert_true(probing(client));
    assert_text(client.told(), std::to_string(i) + " HALF_OPEN");  // and of nobody else
    client.report(kError, now);
    client.told();
    assert_true(earliest(process) <= now + 1);
  }
}

void a_place_that_is_taken_is_offered_again_at_its_deadline(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  Client lost(process);
  assert_text(lost.pick(11'000), "b");
  assert_true(earliest(process) == 16'000);
  assert_text(serve(process, 3, 15'999), "aaa");
  Client client(process);
  client.pick(16'000);
  assert_text(client.told(), "b OPEN");  // the verdict on the one that was lost
  assert_true(earliest(process) == 26'000);
}

void what_a_dead_prober_held_is_offered_at_once(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b")}));
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  trip(dead, "b", 1'000);
  Client lost(dead);
  assert_text(lost.pick(11'000), "b");
  assert_text(serve(alive, 2, 11'100), "aa");
  Gate::kill(100);
  alive.bury(Gate::exists);
  Client client(alive);
  assert_text(client.pick(11'100), "b");
  assert_true(probing(client));
}

// Each generation has its own list of them.
void what_opens_in_one_generation_is_due_in_all(void**) {
  for (const std::uint32_t count : {3U, 300U}) {
    const auto registry = frail(numbered(count));
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process old = gate.attach(0);
    auto reversed = registry;
    std::ranges::reverse(reversed.services[0].peers);
    gate.reload(reversed);
    Process fresh = gate.attach(1);
    serve(fresh, 1, 1'000);
    trip(old, "1", 1'000);
    trip(fresh, "2", 1'001);
    serve(old, 1, 2'000);
    serve(fresh, 1, 2'000);
    assert_true(earliest(fresh) == 11'000 && earliest(old) == 11'000);
    Client first(fresh);
    assert_text(first.pick(11'500), "1");
    Client second(old);
    assert_text(second.pick(11'500), "2");
    for (Process* process : {&old, &fresh}) {
      Client third(*process);
      third.pick(11'501);
      assert_false(probing(third));
    }
    first.report(kGood, 11'510);
    second.report(kGood, 11'510);
    serve(fresh, 1, 11'520);
    serve(old, 1, 11'520);
    assert_true(earliest(fresh) == DueTimes::kOut && earliest(old) == DueTimes::kOut);
  }
}

void whoever_is_told_to_wait_waits_until_the_earliest(void**) {
  const Gate gate;
  gate.reload(frail({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  trip(process, "c", 1'000);
  trip(process, "a", 3'000);
  trip(process, "b", 5'000);
  Client client(process);
  assert_text(client.pick(6'000), "-");
  assert_int_equal(client.last.retry_after, 5'000);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nobody_is_due_who_is_in_or_down),
      cmocka_unit_test(the_earliest_is_probed_first),
      cmocka_unit_test(one_that_is_full_hides_nobody),
      cmocka_unit_test(those_that_it_has_tried_hide_nobody),
      cmocka_unit_test(a_place_that_is_taken_is_offered_again_at_its_deadline),
      cmocka_unit_test(what_a_dead_prober_held_is_offered_at_once),
      cmocka_unit_test(what_opens_in_one_generation_is_due_in_all),
      cmocka_unit_test(whoever_is_told_to_wait_waits_until_the_earliest),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
