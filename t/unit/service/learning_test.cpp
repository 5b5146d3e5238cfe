// SPDX-License-Identifier: MIT
//
// What the ends of attempts teach: who answers late or fails gets less, and what tells nothing of a
// peer teaches nothing.
#include <algorithm>
#include <map>
#include <string>
#include <vector>

#include "core/balance/adaptive.h"
#include "core/balance/average.h"
#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::string_view kAdaptive = "round_robin adaptive";

Judgement answered(std::uint16_t status, base::Millis duration) {
  return {.outcome = Outcome::kSuccess, .status = status, .duration = duration};
}

// A service whose breakers do not act, and a clock that goes on with each request.
struct Rig {
  Rig(std::string_view method, std::uint32_t peers) : registry(balanced(method, numbered(peers))) {
    registry.services[0].breaker.threshold = 0;
    gate.reload(registry);
    for (std::uint32_t i = 0; i < 2; ++i) processes.push_back(gate.attach(i));
  }
  // Requests for so long, one every 10 ms, that peers answer like this unless they are named.
  std::map<std::string, int> run(base::Millis span, const std::map<std::string, Judgement>& ill) {
    std::map<std::string, int> picks;
    for (const base::Instant end = now + span; now < end; now += 10) {
      Client client(processes[static_cast<std::size_t>(now / 10) % 2]);
      const std::string who = client.pick(now);
      ++picks[who];
      const auto it = ill.find(who);
      client.report(it == ill.end() ? well() : it->second, now);
    }
    return picks;
  }
  // No two responses take equally long.
  Judgement well() { return answered(200, base::Millis{15} + random.below(10)); }
  std::uint32_t percent(const std::string& id) const {
    const auto& factor = record_of(processes[0], id).pace.factor;
    return balance::Factor::unpack(factor.load()).percent;
  }

  registry::Registry registry;
  Gate gate;
  std::vector<Process> processes;
  base::Instant now = 100'000;
  base::Pcg32 random{1};
};

void equals_stay_strictly_in_turn(void**) {
  Rig rig(kAdaptive, 3);
  std::string who;
  for (int i = 0; i < 3'000; ++i, rig.now += 7) {
    Client client(rig.processes[0]);
    who += client.pick(rig.now);
    // Now and then something fails, whoever it is.
    client.report(rig.random.below(50) == 0 ? kError : rig.well(), rig.now);
  }
  for (std::size_t i = 0; i < who.size(); ++i) assert_int_equal(who[i], "012"[i % 3]);
}

void where_everybody_fails_they_stay_strictly_in_turn(void**) {
  Rig rig(kAdaptive, 3);
  std::string who;
  for (int i = 0; i < 3'000; ++i, rig.now += 7) who += send(rig.processes[0], kError, rig.now);
  for (std::size_t i = 0; i < who.size(); ++i) assert_int_equal(who[i], "012"[i % 3]);
}

void who_fails_gets_less_and_its_share_again(void**) {
  for (const Judgement& ill : {kError, answered(200, 900), answered(429, 1), answered(501, 1),
                               Judgement{.cause = Cause::kRateLimited, .status = 503}}) {
    Rig rig(kAdaptive, 4);
    rig.run(20'000, {});
    for (const char* id : {"0", "1", "2", "3"}) assert_int_equal(rig.percent(id), 100);
    // At once, not by and by.
    rig.run(10'000, {{"2", ill}});
    assert_true(rig.percent("2") <= 50);
    auto picks = rig.run(20'000, {{"2", ill}});
    assert_true(rig.percent("2") <= 20);
    assert_in_range(picks["2"], 30, 150);  // of 500
    for (const char* id : {"0", "1", "3"}) {
      assert_int_equal(rig.percent(id), 100);
      assert_in_range(picks[id], 560, 700);
    }
    // It comes back by ten points a second at most.
    std::uint32_t last = rig.percent("2");
    for (int second = 0; second < 120; ++second) {
      rig.run(1'000, {});
      assert_true(rig.percent("2") <= last + balance::kAdaptiveRise);
      last = rig.percent("2");
    }
    assert_int_equal(last, 100);
    picks = rig.run(4'000, {});
    for (const char* id : {"0", "1", "2", "3"}) assert_int_equal(picks[id], 100);
  }
}

void the_only_one_that_is_in_gets_everything_however_it_does(void**) {
  Rig rig(kAdaptive, 2);
  rig.run(10'000, {{"1", kError}});
  Service(rig.processes[0], 0).force(0, {.way = breaker::Way::kOpen}, rig.now);
  const auto picks = rig.run(5'000, {{"1", kError}});
  assert_int_equal(picks.at("1"), 500);
}

// The one that answers late is asked less, and where it gets well it is asked again.
void ewma_leaves_who_is_slow_or_fails_alone_for_a_while(void**) {
  for (const Judgement& ill : {kError, answered(200, 4'000), answered(429, 0), answered(503, 0)}) {
    Rig rig("ewma", 4);
    rig.run(5'000, {});
    auto picks = rig.run(10'000, {{"2", ill}});
    assert_in_range(picks["2"], 1, 60);  // of 1,000: but for the draws that had no choice
    rig.run(60'000, {});
    picks = rig.run(10'000, {});
    for (const char* id : {"0", "1", "2", "3"}) assert_in_range(picks[id], 100, 450);
  }
}

void what_tells_nothing_of_a_peer_teaches_nothing(void**) {
  for (const std::string_view method : {kAdaptive, std::string_view("ewma")}) {
    for (const Judgement& judgement :
         {kNothing, kStale, Judgement{.cause = Cause::kClientGone, .status = 200},
          Judgement{.cause = Cause::kCorrelated}, Judgement{.cause = Cause::kClientGone}}) {
      Rig rig(method, 1);
      send(rig.processes[0], judgement, rig.now);
      const auto& pace = record_of(rig.processes[0], "0").pace;
      const auto& counters = service_of(rig.processes[0]).counters;
      for (const auto* word : {&pace.peak, &pace.latency, &pace.errors, &pace.factor,
                               &counters.latency, &counters.errors}) {
        assert_int_equal(word->load(), 0);
      }
    }
  }
}

// A 404 is a good answer, and a fast one.
void what_a_client_is_served_is_good(void**) {
  for (const int status : {0, 200, 304, 404}) {
    Rig rig(kAdaptive, 1);
    send(rig.processes[0], answered(static_cast<std::uint16_t>(status), 30), rig.now);
    auto& pace = record_of(rig.processes[0], "0").pace;
    assert_true(balance::Average(pace.errors).value() == 0.0F);
    assert_true(balance::Average(pace.latency).value() == 30.0F);
  }
}

// Nor do they write what nobody asks for.
void the_other_methods_learn_nothing(void**) {
  for (const std::string_view method : {"round_robin", "least_conn", "random", "hash $x"}) {
    Rig rig(method, 2);
    rig.run(200, {{"1", kError}});
    for (const char* id : {"0", "1"}) {
      const auto& pace = record_of(rig.processes[0], id).pace;
      for (const auto* word : {&pace.peak, &pace.latency, &pace.errors, &pace.factor}) {
        assert_int_equal(word->load(), 0);
      }
    }
    assert_int_equal(service_of(rig.processes[0]).counters.latency.load(), 0);
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(equals_stay_strictly_in_turn),
      cmocka_unit_test(where_everybody_fails_they_stay_strictly_in_turn),
      cmocka_unit_test(who_fails_gets_less_and_its_share_again),
      cmocka_unit_test(the_only_one_that_is_in_gets_everything_however_it_does),
      cmocka_unit_test(ewma_leaves_who_is_slow_or_fails_alone_for_a_while),
      cmocka_unit_test(what_tells_nothing_of_a_peer_teaches_nothing),
      cmocka_unit_test(what_a_client_is_served_is_good),
      cmocka_unit_test(the_other_methods_learn_nothing),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
