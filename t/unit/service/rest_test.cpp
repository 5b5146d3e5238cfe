// SPDX-License-Identifier: MIT
//
// A large service rests between two builds of its roster. What changes meanwhile is seen a little
// later, and by nobody who would go without a peer for it.
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr breaker::Forced kShut{.way = breaker::Way::kOpen};
constexpr breaker::Forced kFree{.way = breaker::Way::kNone};

// Without a word to anybody.
void shut(const Process& process, const std::string& id, breaker::Forced forced = kShut) {
  record_of(process, id).breaker.forced.store(forced.pack());
}

// Everybody is shut by an operator but the first few.
void shut_from(Process& process, std::uint32_t first, base::Instant now) {
  const auto peers = process.generation().peers();
  for (std::uint32_t i = first; i < peers.size(); ++i) {
    process.record(peers[i]).breaker.forced.store(kShut.pack());
  }
  Service(process, 0).force(first, kShut, now);
}

std::uint64_t version(const Process& process) {
  return process.generation().roster(process.generation().services()[0]).version();
}

// A service of so many peers, of which the first opens at its first failure.
struct Large {
  Large(std::uint32_t peers, std::string_view method)
      : registry(balanced(method, numbered(peers))) {
    registry.services[0].breaker.threshold = 1;
    gate.reload(registry);
  }
  registry::Registry registry;
  Gate gate{zone_for(registry)};
};

void the_larger_a_service_the_longer_it_rests(void**) {
  for (const auto& [peers, rest] : {std::pair{255U, 0}, {256U, 1}, {1'024U, 4}, {2'600U, 10}}) {
    const Large large(peers, "round_robin");
    Process process = large.gate.attach(0);
    Service service(process, 0);
    service.force(0, kShut, 1'000);
    const std::uint64_t built = version(process);
    for (base::Instant now = 1'000; now < 1'000 + rest; ++now) {
      service.force(1, kShut, now);
      serve(process, 1, now);
      assert_int_equal(version(process), built);
    }
    service.force(1, kShut, 1'000 + rest);
    assert_int_not_equal(version(process), built);
  }
}

// A stale line-up has only those in it who are out.
void who_finds_nobody_in_a_stale_lineup_waits_for_no_rest(void**) {
  for (const std::string_view method : kEveryMethod) {
    const Large large(300, method);
    Process process = large.gate.attach(0);
    shut_from(process, 1, 1'000);
    shut(process, "7", kFree);
    shut(process, "0");
    Client client(process, 0, true, "some key");
    assert_text(client.pick(1'000), "7");
  }
}

// It lacks the one who could serve.
void who_closed_while_the_roster_rests_serves_at_once(void**) {
  for (const std::string_view method : kEveryMethod) {
    const Large large(1'000, method);
    Process process = large.gate.attach(0);
    shut_from(process, 1, 500);
    trip(process, "0", 1'000);
    Client probe(process, 0, true, "some key");
    assert_text(probe.pick(11'000), "0");
    probe.report(kGood, 11'000);
    assert_text(probe.told(), "0 HALF_OPEN, 0 CLOSED");
    Client client(process, 0, true, "some key");
    assert_text(client.pick(11'000), "0");
  }
}

// The same where there are others in, who cannot have this request.
void who_closed_while_the_roster_rests_serves_a_request_sent_again(void**) {
  for (const std::string_view method : kEveryMethod) {
    const Large large(1'000, method);
    Process process = large.gate.attach(0);
    shut_from(process, 2, 500);
    trip(process, "0", 1'000);
    Client probe(process, 0, true, "some key");
    assert_text(probe.pick(11'000), "0");
    probe.report(kGood, 11'000);
    Client client(process, 0, true, "some key");
    assert_text(client.pick(11'000), "1");
    client.report(kNothing, 11'000);
    assert_text(client.pick(11'000), "0");
  }
}

// Before a backup is asked.
void who_closed_while_the_roster_rests_goes_before_a_backup(void**) {
  for (const std::string_view method : kEveryMethod) {
    auto peers = numbered(1'000);
    peers.push_back(peer("spare"));
    peers.back().backup = true;
    auto registry = balanced(method, peers);
    registry.services[0].breaker.threshold = 1;
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process process = gate.attach(0);
    shut_from(process, 1, 500);
    shut(process, "spare", kFree);
    trip(process, "0", 1'000);
    Client probe(process, 0, true, "some key");
    assert_text(probe.pick(11'000), "0");
    probe.report(kGood, 11'000);
    Client client(process, 0, true, "some key");
    assert_text(client.pick(11'000), "0");
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_larger_a_service_the_longer_it_rests),
      cmocka_unit_test(who_finds_nobody_in_a_stale_lineup_waits_for_no_rest),
      cmocka_unit_test(who_closed_while_the_roster_rests_serves_at_once),
      cmocka_unit_test(who_closed_while_the_roster_rests_serves_a_request_sent_again),
      cmocka_unit_test(who_closed_while_the_roster_rests_goes_before_a_backup),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
