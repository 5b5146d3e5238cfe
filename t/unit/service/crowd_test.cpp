// SPDX-License-Identifier: MIT
//
// Ten thousand peers, and all but ten of them are open: the ten share everything, and each of the
// others is probed when it is due, in order.
#include <algorithm>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::uint32_t kPeers = 10'000;
constexpr std::uint32_t kWell = 10;  // every thousandth
constexpr base::Instant kDue = 20'000;

bool well(std::uint32_t peer) {
  return peer % (kPeers / kWell) == 0;
}

std::string key_of(std::uint32_t i) {
  return "key " + std::to_string(i);
}

struct Crowd {
  explicit Crowd(std::string_view method) : registry(balanced(method, numbered(kPeers))) {
    registry.services[0].breaker.probe_grace = 0;
    gate.reload(registry);
  }
  // Everybody else opens, and may be probed from due(peer) on.
  template <class Due>
  void open(Process& process, Due&& due) const {
    const auto peers = process.generation().peers();
    for (std::uint32_t i = 0; i < kPeers; ++i) {
      auto& word = process.record(peers[i]).breaker.word;
      if (!well(i)) word = breaker::Word{}.next(State::kOpen, false, due(i)).pack();
    }
    Service(process, 0).force(0, {}, 1'000);
  }

  registry::Registry registry;
  Gate gate{zone_for(registry)};
};

// When each is due, in an order that has nothing to do with their numbers.
std::vector<std::uint32_t> shuffled(std::uint64_t seed) {
  std::vector<std::uint32_t> order(kPeers);
  std::iota(order.begin(), order.end(), 0U);
  base::Pcg32 random(seed);
  for (std::uint32_t i = kPeers; i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

void the_ten_share_everything(void**) {
  constexpr std::uint32_t kRequests = 5'000;
  for (const std::string_view method : kEveryMethod) {
    const Crowd crowd(method);
    Process process = crowd.gate.attach(0);
    crowd.open(process, [](std::uint32_t) { return kDue; });
    std::map<std::uint32_t, std::uint32_t> picks;
    for (std::uint32_t i = 0; i < kRequests; ++i) {
      Client client(process, 0, true, key_of(i));
      client.pick(2'000);
      ++picks[client.request.peer];
      client.report(kGood, 2'000);
    }
    assert_int_equal(picks.size(), kWell);
    const bool in_turn = method.starts_with("round_robin") || method == "least_conn";
    // By chance, and with the chance that a peer's points have.
    const std::uint32_t off =
        in_turn ? 0 : kRequests / kWell * (method.starts_with("hash") ? 6 : 2) / 10;
    for (const auto& [peer, times] : picks) {
      assert_true(well(peer));
      assert_in_range(times, kRequests / kWell - off, kRequests / kWell + off);
    }
  }
}

// Nobody was told: the picks find out, and look everybody over once at most.
void the_ten_are_found_by_themselves(void**) {
  for (const std::string_view method : kEveryMethod) {
    const Crowd crowd(method);
    Process process = crowd.gate.attach(0);
    serve(process, 1, 1'000);
    for (std::uint32_t i = 0; i < kPeers; ++i) {
      auto& word = process.record(process.generation().peers()[i]).breaker.word;
      if (!well(i)) word = breaker::Word{}.next(State::kOpen, false, kDue).pack();
    }
    for (std::uint32_t i = 0; i < 50; ++i) {
      Client client(process, 0, true, key_of(i));
      assert_string_not_equal(client.pick(2'000).c_str(), "-");
      assert_true(well(client.request.peer));
      client.report(kGood, 2'000);
    }
  }
}

void each_is_probed_when_it_is_due(void**) {
  constexpr std::uint32_t kProbes = 1'500;
  for (const std::string_view method : kEveryMethod) {
    const auto order = shuffled(7);
    std::vector<base::Instant> due(kPeers);
    for (std::uint32_t i = 0; i < kPeers; ++i) due[order[i]] = kDue + 2 * i;
    const Crowd crowd(method);
    Process process = crowd.gate.attach(0);
    crowd.open(process, [&](std::uint32_t peer) { return due[peer]; });
    std::uint32_t expected = 0;
    for (base::Instant now = kDue; expected < kProbes; ++now) {
      while (well(order[expected])) ++expected;
      Client client(process, 0, now % 3 != 0, key_of(expected));
      client.pick(now);
      assert_int_equal(client.request.pass.probe(), now >= due[order[expected]]);
      if (client.request.pass.probe()) {
        assert_int_equal(client.request.peer, order[expected]);
        ++expected;
      }
      // Some are well again, the others are due once more, long after all this.
      client.report(expected % 2 == 0 || !client.request.pass.probe() ? kGood : kBad, now);
    }
  }
}

void those_that_are_due_at_once_are_probed_one_by_one(void**) {
  for (const std::string_view method : kEveryMethod) {
    const Crowd crowd(method);
    Process process = crowd.gate.attach(0);
    Process other = crowd.gate.attach(1);
    crowd.open(process, [](std::uint32_t) { return kDue; });
    std::set<std::uint32_t> probed;
    std::vector<Client> clients;
    for (std::uint32_t i = 0; i < 1'000; ++i) {
      clients.emplace_back(i % 2 == 0 ? process : other, 0, true, key_of(i));
      clients.back().pick(kDue + i / 10);
      assert_true(clients.back().request.pass.probe());
      assert_true(probed.insert(clients.back().request.peer).second);
      if (i % 3 == 0) clients.back().report(kBad, kDue + i / 10);
    }
  }
}

// Whoever is probed well is in, for all processes, as soon as the roster has had its rest.
void those_that_closed_share_with_the_ten(void**) {
  const Crowd crowd("round_robin");
  Process process = crowd.gate.attach(0);
  Process other = crowd.gate.attach(1);
  crowd.open(process, [](std::uint32_t peer) { return peer % 500 == 1 ? kDue : kDue + 90'000; });
  for (int i = 0; i < 20; ++i) {
    Client client(process);
    client.pick(kDue);
    assert_true(client.request.pass.probe());
    client.report(kGood, kDue);
  }
  std::map<std::uint32_t, int> picks;
  for (int i = 0; i < 3'000; ++i) {
    Client client(i % 2 == 0 ? other : process);
    client.pick(kDue + 50);
    ++picks[client.request.peer];
    client.report(kGood, kDue + 50);
  }
  assert_int_equal(picks.size(), 30);
  for (const auto& [peer, times] : picks) assert_int_equal(times, 100);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_ten_share_everything),
      cmocka_unit_test(the_ten_are_found_by_themselves),
      cmocka_unit_test(each_is_probed_when_it_is_due),
      cmocka_unit_test(those_that_are_due_at_once_are_probed_one_by_one),
      cmocka_unit_test(those_that_closed_share_with_the_ten),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
