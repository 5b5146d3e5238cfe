// SPDX-License-Identifier: MIT
//
// How an attempt ends: what is counted of it, and whom a request that breaks peers is held against.
#include <array>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

constexpr std::array kRequestCauses = {Cause::kClosed, Cause::kReset, Cause::kResponseTimeout,
                                       Cause::kInvalidHeader};
constexpr std::array kPeerCauses = {
    Cause::kConnectRefused, Cause::kConnectTimeout, Cause::kHandshake,   Cause::kStatus,
    Cause::kGrpcStatus,     Cause::kTruncated,      Cause::kBodyTimeout, Cause::kSlow};

// Peers that never open, unless a test says so.
registry::Registry tireless(std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  made.services[0].breaker.threshold = 0;
  return made;
}

// Counting.

void an_outcome_counts_once_under_its_cause(void**) {
  for (std::size_t i = 0; i < breaker::kCauses; ++i) {
    const auto cause = static_cast<Cause>(i);
    for (const Outcome outcome : {Outcome::kSuccess, Outcome::kFailure, Outcome::kNeutral}) {
      const Gate gate;
      gate.reload(tireless({peer("a")}));
      Process process = gate.attach(0);
      send(process, {.outcome = outcome, .cause = cause}, 1'000);
      const PeerRecord& record = record_of(process, "a");
      assert_int_equal(record.counters.successes.load(), outcome == Outcome::kSuccess);
      assert_int_equal(record.counters.failures.load(), outcome == Outcome::kFailure);
      assert_int_equal(record.counters.neutral.load(), outcome == Outcome::kNeutral);
      for (std::size_t other = 0; other < breaker::kCauses; ++other) {
        const bool its = other == i && cause != Cause::kNone;
        assert_int_equal(record.causes[other].load(), its);
      }
    }
  }
}

void a_response_counts_under_its_hundreds(void**) {
  struct {
    std::uint16_t status;
    int hundreds;  // 0: none
  } const rows[] = {{0, 0},   {99, 0},  {100, 1}, {101, 1}, {199, 1}, {200, 2}, {204, 2}, {299, 2},
                    {301, 3}, {404, 4}, {499, 4}, {500, 5}, {599, 5}, {600, 0}, {999, 0}};
  for (const auto& row : rows) {
    const Gate gate;
    gate.reload(tireless({peer("a")}));
    Process process = gate.attach(0);
    send(process, {.outcome = Outcome::kSuccess, .status = row.status}, 1'000);
    const PeerRecord& record = record_of(process, "a");
    assert_int_equal(record.informational.load(), row.hundreds == 1);
    for (int i = 0; i < 4; ++i) {
      assert_int_equal(record.counters.responses[i].load(), row.hundreds == i + 2);
    }
  }
}

void a_slow_response_counts_beside_its_cause_and_once(void**) {
  const Gate gate;
  gate.reload(tireless({peer("a")}));
  Process process = gate.attach(0);
  Judgement slow{.outcome = Outcome::kSuccess, .status = 200, .slow = true};
  send(process, slow, 1'000);
  assert_int_equal(count_of(process, "a", Cause::kSlow), 1);
  assert_int_equal(record_of(process, "a").counters.successes.load(), 1);
  slow = failed(Cause::kSlow, 200);  // where failure_on says slow
  slow.slow = true;
  send(process, slow, 1'000);
  assert_int_equal(count_of(process, "a", Cause::kSlow), 2);
  slow = failed(Cause::kStatus, 500);
  slow.slow = true;
  send(process, slow, 1'000);
  assert_int_equal(count_of(process, "a", Cause::kSlow), 3);
  assert_int_equal(count_of(process, "a", Cause::kStatus), 1);
}

void a_probe_that_took_too_long_counts_as_that(void**) {
  const Gate gate;
  gate.reload(one({peer("a")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  Client probe(process);
  assert_text(probe.pick(11'000), "a");
  probe.report(failed(Cause::kResponseTimeout), 16'000);
  assert_true(probe.ended.judgement.cause == Cause::kProbeTimeout);
  assert_int_equal(count_of(process, "a", Cause::kProbeTimeout), 1);
  assert_int_equal(count_of(process, "a", Cause::kResponseTimeout), 0);
}

// A request that breaks whoever gets it.

void the_second_peer_that_a_request_breaks_goes_free(void**) {
  for (const Cause first : kRequestCauses) {
    for (const Cause second : kRequestCauses) {
      const Gate gate;
      gate.reload(tireless({peer("a"), peer("b"), peer("c")}));
      Process process = gate.attach(0);
      Client client(process);
      assert_text(client.pick(1'000), "a");
      client.report(failed(first), 1'000);
      assert_true(client.ended.judgement.outcome == Outcome::kFailure);
      for (const char* id : {"b", "c"}) {
        assert_text(client.pick(1'000), id);
        client.report(failed(second), 1'000);
        assert_true(client.ended.judgement.outcome == Outcome::kNeutral);
        assert_true(client.ended.judgement.cause == Cause::kCorrelated);
        assert_int_equal(record_of(process, id).counters.failures.load(), 0);
        assert_int_equal(record_of(process, id).counters.neutral.load(), 1);
        assert_int_equal(count_of(process, id, Cause::kCorrelated), 1);
        assert_int_equal(count_of(process, id, second), 0);
      }
      assert_int_equal(record_of(process, "a").counters.failures.load(), 1);
      assert_int_equal(count_of(process, "a", first), 1);
      assert_int_equal(count_of(process, "a", Cause::kCorrelated), 0);
    }
  }
}

void a_request_that_breaks_every_peer_opens_one(void**) {
  const Gate gate;
  auto registry = one({peer("a"), peer("b"), peer("c"), peer("d")});
  registry.services[0].breaker.threshold = 1;
  gate.reload(registry);
  Process process = gate.attach(0);
  Client poison(process);
  while (poison.pick(1'000) != "-") poison.report(failed(Cause::kClosed), 1'000);
  assert_text(poison.told(), "a OPEN");
  assert_int_equal(open_peers(process), 1);
}

void what_is_the_peers_own_fault_is_charged_on_every_peer(void**) {
  for (const Cause cause : kPeerCauses) {
    const Gate gate;
    auto registry = one({peer("a"), peer("b"), peer("c")});
    registry.services[0].breaker.threshold = 1;
    gate.reload(registry);
    Process process = gate.attach(0);
    Client client(process);
    while (client.pick(1'000) != "-") client.report(failed(cause, 500), 1'000);
    assert_int_equal(open_peers(process), 3);
  }
}

void only_a_failure_after_sending_makes_a_request_suspect(void**) {
  for (const Cause before : kPeerCauses) {
    const Gate gate;
    gate.reload(tireless({peer("a"), peer("b")}));
    Process process = gate.attach(0);
    Client client(process);
    client.pick(1'000);
    client.report(failed(before, 500), 1'000);
    assert_text(client.pick(1'000), "b");
    client.report(failed(Cause::kClosed), 1'000);
    assert_int_equal(count_of(process, "b", Cause::kClosed), 1);
  }
  // And what a suspect meets beside that is charged as ever.
  const Gate gate;
  gate.reload(tireless({peer("a"), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  Client client(process);
  client.pick(1'000);
  client.report(failed(Cause::kClosed), 1'000);
  client.pick(1'000);
  client.report(failed(Cause::kConnectRefused), 1'000);
  assert_int_equal(count_of(process, "b", Cause::kConnectRefused), 1);
  client.pick(1'000);
  client.report(failed(Cause::kReset), 1'000);
  assert_int_equal(count_of(process, "c", Cause::kCorrelated), 1);
}

void what_failure_on_does_not_name_makes_no_suspect(void**) {
  const Gate gate;
  gate.reload(tireless({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  Client client(process);
  client.pick(1'000);
  client.report({.outcome = Outcome::kNeutral, .cause = Cause::kClosed}, 1'000);
  client.pick(1'000);
  client.report(failed(Cause::kClosed), 1'000);
  assert_int_equal(count_of(process, "b", Cause::kClosed), 1);
}

void a_suspect_decides_nothing_as_a_probe(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  Client client(process);
  assert_text(client.pick(10'999), "b");
  client.report(failed(Cause::kClosed), 11'000);
  assert_text(client.pick(11'000), "a");
  assert_text(client.told(), "a HALF_OPEN");
  client.report(failed(Cause::kClosed), 11'001);
  assert_text(client.told(), "");
  assert_true(state_of(process, "a") == State::kHalfOpen);
  // Its place is free for a better witness.
  Client next(process);
  assert_text(next.pick(11'002), "a");
  next.report(kGood, 11'003);
  assert_text(next.told(), "a CLOSED");
}

void the_next_request_is_no_suspect(void**) {
  const Gate gate;
  gate.reload(tireless({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  for (const char* id : {"a", "b", "a"}) assert_text(send(process, failed(Cause::kReset), 1), id);
  assert_int_equal(count_of(process, "a", Cause::kReset), 2);
  assert_int_equal(count_of(process, "b", Cause::kReset), 1);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_outcome_counts_once_under_its_cause),
      cmocka_unit_test(a_response_counts_under_its_hundreds),
      cmocka_unit_test(a_slow_response_counts_beside_its_cause_and_once),
      cmocka_unit_test(a_probe_that_took_too_long_counts_as_that),
      cmocka_unit_test(the_second_peer_that_a_request_breaks_goes_free),
      cmocka_unit_test(a_request_that_breaks_every_peer_opens_one),
      cmocka_unit_test(what_is_the_peers_own_fault_is_charged_on_every_peer),
      cmocka_unit_test(only_a_failure_after_sending_makes_a_request_suspect),
      cmocka_unit_test(what_failure_on_does_not_name_makes_no_suspect),
      cmocka_unit_test(a_suspect_decides_nothing_as_a_probe),
      cmocka_unit_test(the_next_request_is_no_suspect),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
