// SPDX-License-Identifier: MIT
//
// What is in flight is counted until it ends, whatever generation comes meanwhile.
#include <utility>
#include <vector>

#include "core/service/carry_over.h"
#include "unit/service/gate.h"
#include "unit/service/lasting.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

void counts_come_back_to_zero_whatever_happened_to_the_bound(void**) {
  const char* const kWithout = "hash $arg_k";
  const char* const kWith = "hash $arg_k bounded=125%";
  for (const auto& [before, after] : {std::pair{kWithout, kWith}, std::pair{kWith, kWithout},
                                      std::pair{kWith, kWith}, std::pair{kWith, "least_conn"}}) {
    for (const bool stays : {true, false}) {
      const Gate gate;
      gate.reload(balanced(before, {peer("a")}));
      Process process = gate.attach(0);
      std::vector<Lasting> requests;
      for (int i = 0; i < 5; ++i) {
        requests.emplace_back(process, 0, "key");
        assert_text(requests.back().pick(1), "a");
      }
      const std::uint32_t service = requests[0].request.service_rank;
      const std::uint32_t rank = requests[0].request.rank;
      assert_int_equal(gate.zone.in_flight(service), before == kWith ? 5 : 0);
      overtake(gate, process, balanced(after, {peer("b"), peer(stays ? "a" : "c")}));
      for (Lasting& request : requests)
        assert_true(service_of(process, request.request).has_value());
      assert_int_equal(gate.zone.in_flight(service), before == kWith ? 5 : 0);
      assert_int_equal(gate.zone.in_flight(rank), 5);
      for (Lasting& request : requests) assert_int_equal(request.report(kNothing, 3), stays);
      assert_nothing_in_flight(gate);
      // The next attempt counts as its generation does.
      for (Lasting& request : requests) assert_string_not_equal(request.pick(3).c_str(), "-");
      assert_int_equal(gate.zone.in_flight(service), after == kWith ? 5 : 0);
      for (Lasting& request : requests) {
        assert_true(request.report(kGood, 3));
        request.close();
      }
      assert_nothing_in_flight(gate);
      assert_text(pinned(gate, 0), "2");
    }
  }
}

// Also where its service is gone, and its rank with it, if nobody counted there.
void a_service_that_counts_keeps_its_rank_as_long(void**) {
  const Gate gate;
  const auto bounded = [](const char* name) {
    registry::Registry made = balanced("hash $arg_k bounded=125%", {peer("a")});
    made.services[0].name = name;
    return made;
  };
  gate.reload(bounded("x"));
  Process process = gate.attach(0);
  Lasting request(process, 0, "key");
  assert_text(request.pick(1), "a");
  const std::uint32_t rank = request.request.service_rank;
  for (int i = 0; i < 5; ++i) {
    overtake(gate, process, bounded("y"));
    forget(gate);
    assert_int_equal(gate.zone.in_flight(rank), 1);
    assert_int_not_equal(process.generation().services()[0].rank, rank);
  }
  assert_false(request.report(kGood, 3));
  request.close();
  assert_nothing_in_flight(gate);
}

void who_has_died_has_nothing_in_flight_there_either(void**) {
  const Gate gate;
  gate.reload(two());
  Process dead = gate.attach(0);
  Process alive = gate.attach(1);
  Lasting request(dead);
  request.pick(1);
  const std::uint32_t rank = request.request.rank;
  overtake(gate, dead, one({peer("c")}));
  alive.adopt();
  assert_int_equal(gate.zone.in_flight(rank), 1);
  Gate::kill(100);
  alive.bury(Gate::exists);
  assert_nothing_in_flight(gate);
  gate.sweep(3);
  const std::size_t blocks = gate.arena.blocks();
  forget(gate);
  assert_int_equal(gate.arena.blocks(), blocks - 2);  // a and b
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(counts_come_back_to_zero_whatever_happened_to_the_bound),
      cmocka_unit_test(a_service_that_counts_keeps_its_rank_as_long),
      cmocka_unit_test(who_has_died_has_nothing_in_flight_there_either),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
