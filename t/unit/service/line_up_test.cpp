// SPDX-License-Identifier: MIT
//
// Who is in: panic, backups, and who only observes.
#include <algorithm>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

// These peers, each open after one failure; in panic below so many percent.
registry::Registry anxious(std::uint32_t percent, std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  made.services[0].breaker.threshold = 1;
  made.services[0].breaker.panic_percent = percent;
  return made;
}

registry::Peer backup(const std::string& address) {
  registry::Peer made = peer(address);
  made.backup = true;
  return made;
}

void open(Process& process, std::string_view ids, base::Instant now,
          const Judgement& judgement = kError) {
  for (const char id : ids) {
    const std::string wanted(1, id);
    while (state_of(process, wanted) != State::kOpen) {
      Client client(process);
      client.report(client.pick(now) == wanted ? judgement : kGood, now);
    }
  }
}

// Panic.

void without_panic_nobody_is_asked_who_is_out(void**) {
  const Gate gate;
  gate.reload(anxious(0, {peer("a"), peer("b")}));
  Process process = gate.attach(0);
  open(process, "ab", 1'000);
  assert_text(Client(process).pick(1'000), "-");
}

void in_panic_those_who_answer_badly_are_asked_again(void**) {
  const Gate gate;
  gate.reload(anxious(50, {peer("a"), peer("b"), peer("c"), peer("d")}));
  Process process = gate.attach(0);
  open(process, "ab", 1'000);
  const std::string calm = serve(process, 20, 1'000);  // half of them are in: not fewer
  assert_int_equal(std::count(calm.begin(), calm.end(), 'c'), 10);
  assert_int_equal(std::count(calm.begin(), calm.end(), 'd'), 10);
  open(process, "c", 1'000);
  const std::string panic = serve(process, 20, 1'000);
  for (const char id : {'a', 'b', 'c', 'd'}) {
    assert_int_equal(std::count(panic.begin(), panic.end(), id), 5);
  }
}

void in_panic_an_attempt_decides_nothing(void**) {
  const Gate gate;
  gate.reload(anxious(60, {peer("a"), peer("b")}));
  Process process = gate.attach(0);
  open(process, "ab", 1'000);
  for (const Judgement& judgement : {kGood, kError}) {
    Client client(process);
    assert_string_not_equal(client.pick(2'000).c_str(), "-");
    assert_false(client.request.pass.probe());
    client.report(judgement, 2'000);
    assert_text(client.told(), "");
  }
  assert_int_equal(open_peers(process), 2);
}

void panic_ends_when_enough_are_in_again(void**) {
  const Gate gate;
  gate.reload(anxious(50, {peer("a"), peer("b"), peer("c"), peer("d")}));
  Process process = gate.attach(0);
  open(process, "abcd", 1'000);
  std::string told;
  for (int i = 0; i < 2; ++i) {
    Client probe(process);
    probe.pick(11'000);
    assert_true(probe.request.pass.probe());
    probe.report(kGood, 11'000);
    told += probe.told() + ";";
  }
  assert_text(told, "a HALF_OPEN, a CLOSED;b HALF_OPEN, b CLOSED;");
  set_state(process, "c", State::kOpen, 50'000);  // no more probes
  set_state(process, "d", State::kOpen, 50'000);
  const std::string who = serve(process, 12, 11'000);
  assert_text(sorted(who), "aaaaaabbbbbb");
}

void panic_leaves_out_who_refuses_connections(void**) {
  const Gate gate;
  gate.reload(anxious(100, {peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  open(process, "a", 1'000, kBad);
  open(process, "b", 1'000, kError);
  const std::string who = serve(process, 20, 1'000);
  assert_int_equal(std::count(who.begin(), who.end(), 'a'), 0);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 10);
  assert_int_equal(std::count(who.begin(), who.end(), 'c'), 10);
}

void where_all_refuse_panic_helps_nobody(void**) {
  const Gate gate;
  gate.reload(anxious(100, {peer("a"), peer("b")}));
  Process process = gate.attach(0);
  open(process, "ab", 1'000, kBad);
  Client client(process);
  assert_text(client.pick(1'000), "-");
  assert_int_equal(client.last.retry_after, 10'000);
}

void who_is_down_is_no_part_of_the_share(void**) {
  const Gate gate;
  auto down = peer("x");
  down.down = true;
  auto down_too = peer("y");
  down_too.down = true;
  gate.reload(anxious(50, {peer("a"), peer("b"), down, down_too}));
  Process process = gate.attach(0);
  open(process, "a", 1'000);
  assert_text(serve(process, 4, 1'000), "bbbb");  // one of two
  open(process, "b", 1'000);
  assert_text(sorted(serve(process, 4, 1'000)), "aabb");
}

void in_panic_a_peer_is_still_tried_once_and_within_max_conns(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(anxious(100, {small, peer("b")}));
  Process process = gate.attach(0);
  open(process, "ab", 1'000);
  Client first(process);
  std::string who = first.pick(1'000);
  first.report(kError, 1'000);
  who += first.pick(1'000);
  assert_text(sorted(who), "ab");
  first.report(kError, 1'000);
  assert_text(first.pick(1'000), "-");

  Client holder(process);
  while (holder.pick(1'000) != "a") holder.report(kStale, 1'000);
  assert_text(serve(process, 3, 1'000), "bbb");
}

// Backups.

void backups_join_before_panic_does(void**) {
  const Gate gate;
  gate.reload(anxious(100, {peer("a"), peer("b"), backup("s")}));
  Process process = gate.attach(0);
  open(process, "a", 1'000);
  assert_text(serve(process, 3, 1'000), "bbb");  // too few are in, but a backup is
  open(process, "b", 1'000);
  assert_text(serve(process, 3, 1'000), "sss");
  open(process, "s", 1'000);
  assert_text(sorted(serve(process, 4, 1'000)), "aabb");
}

void panic_brings_no_backup_back(void**) {
  const Gate gate;
  gate.reload(anxious(100, {peer("a"), backup("s")}));
  Process process = gate.attach(0);
  open(process, "a", 1'000, kBad);
  open(process, "s", 1'000);
  assert_text(Client(process).pick(1'000), "-");
  const auto generation = process.generation();
  const auto lineup = generation.roster(generation.services()[0]).lineup();
  assert_true(lineup.panic);
  assert_int_equal(lineup.backup.size(), 0);
}

void backups_are_no_part_of_the_share(void**) {
  const Gate gate;
  gate.reload(anxious(50, {peer("a"), peer("b"), backup("s"), backup("t")}));
  Process process = gate.attach(0);
  open(process, "a", 1'000);
  for (const char* id : {"s", "t"}) set_state(process, id, State::kOpen, 50'000);
  service_of(process).changes.fetch_add(1);
  assert_text(serve(process, 4, 1'000), "bbbb");  // half of the primaries: not fewer
}

// Observers.

void who_only_observes_keeps_everybody_in(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b")});
  registry.services[0].breaker.mode = breaker::Mode::kObserve;
  gate.reload(registry);
  Process process = gate.attach(0);
  std::string who;
  for (int i = 0; i < 100; ++i) {
    Client client(process);
    const std::string id = client.pick(1'000 + i * 200);
    who += id;
    client.report(id == "a" ? kBad : kGood, 1'000 + i * 200);
    for (const Notice& notice : client.ended.notices.all()) {
      assert_true(notice.transition.observed);
    }
  }
  std::string expected;
  for (int i = 0; i < 50; ++i) expected += "ab";
  assert_text(who, expected);
  assert_true(record_of(process, "a").breaker.trips.load() >= 2);  // and knows what it would do
}

void who_observes_sees_recovery_too(void**) {
  const Gate gate;
  auto registry = one({peer("a")});
  registry.services[0].breaker.mode = breaker::Mode::kObserve;
  gate.reload(registry);
  Process process = gate.attach(0);
  assert_text(trip(process, "a", 1'000), "a OPEN");
  Client early(process);
  assert_text(early.pick(10'999), "a");
  early.report(kGood, 10'999);
  assert_text(early.told(), "");
  Client client(process);
  assert_text(client.pick(11'000), "a");
  client.report(kGood, 11'000);
  assert_text(client.told(), "a HALF_OPEN, a CLOSED");
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(without_panic_nobody_is_asked_who_is_out),
      cmocka_unit_test(in_panic_those_who_answer_badly_are_asked_again),
      cmocka_unit_test(in_panic_an_attempt_decides_nothing),
      cmocka_unit_test(panic_ends_when_enough_are_in_again),
      cmocka_unit_test(panic_leaves_out_who_refuses_connections),
      cmocka_unit_test(where_all_refuse_panic_helps_nobody),
      cmocka_unit_test(who_is_down_is_no_part_of_the_share),
      cmocka_unit_test(in_panic_a_peer_is_still_tried_once_and_within_max_conns),
      cmocka_unit_test(backups_join_before_panic_does),
      cmocka_unit_test(panic_brings_no_backup_back),
      cmocka_unit_test(backups_are_no_part_of_the_share),
      cmocka_unit_test(who_only_observes_keeps_everybody_in),
      cmocka_unit_test(who_observes_sees_recovery_too),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
