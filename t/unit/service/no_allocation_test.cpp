// SPDX-License-Identifier: MIT
//
// No method allocates on a request, neither from the process nor from the zone: not while peers
// come and go, and not while a reload is under way.
#include <array>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/allocations.h"
#include "unit/service/gate.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

struct Tally {
  std::size_t allocations = 0;
  std::size_t transitions = 0;
  std::size_t refused = 0;
  std::size_t probes = 0;
};

// For a while everybody fails, then everybody is well again, and there are requests of every kind.
Tally serve_all_kinds(Process& process, Process& other, int requests) {
  Tally tally;
  std::array keys = {std::string_view("k"), std::string_view("another one"), std::string_view()};
  Service services[] = {Service(process, 0), Service(other, 0)};
  allocations.arm(0);
  for (int i = 0; i < requests; ++i) {
    const base::Instant now = 1'000 + i * 40;
    Service& service = services[i % 2];
    Request request;
    request.service = 0;
    service.open(request, i % 3 != 0, keys[static_cast<std::size_t>(i) % 3]);
    for (int attempt = 0; attempt < 3; ++attempt) {
      const Pick pick = service.pick(request, now);
      tally.transitions += pick.notices.all().size();
      if (!pick.picked) ++tally.refused;
      tally.probes += pick.picked && request.pass.probe() ? 1 : 0;
      service.answered(request, {}, now);
      const bool ill = i / 500 % 2 == 1;
      const auto& judgement = ill ? kBad : i % 7 == 0 ? kNothing : kGood;
      tally.transitions += service.report(request, judgement, now).notices.all().size();
      if (!ill || !service.has_other(request)) break;
    }
  }
  tally.allocations = allocations.count;
  return tally;
}

std::vector<registry::Peer> motley(std::uint32_t count) {
  auto peers = numbered(count);
  for (std::uint32_t i = 0; i < count; ++i) {
    peers[i].weight = 1 + i % 5;
    if (i % 3 == 2) peers[i].max_conns = 1;
    peers[i].backup = i % 4 == 3;
  }
  return peers;
}

void nothing_is_allocated_on_a_request(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : {4U, 300U}) {
      const auto registry = balanced(method, motley(count));
      const Gate gate(zone_for(registry));
      gate.reload(registry);
      Process process = gate.attach(0);
      Process other = gate.attach(1);
      const std::size_t zone = gate.arena.asked();
      const Tally tally = serve_all_kinds(process, other, 4'000);
      assert_int_equal(tally.allocations, 0);
      assert_int_equal(gate.arena.asked(), zone);
      assert_true(tally.transitions >= 20 && tally.probes >= 4);
      if (count == 4) assert_true(tally.refused >= 20);
    }
  }
}

void nothing_is_allocated_by_an_old_worker_beside_a_new_one(void**) {
  for (const std::string_view method : kEveryMethod) {
    const auto registry = balanced(method, motley(40));
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process old = gate.attach(0);
    gate.reload(balanced(method, motley(60)));
    Process fresh = gate.attach(1);
    const std::size_t zone = gate.arena.asked();
    const Tally tally = serve_all_kinds(old, fresh, 2'000);
    assert_int_equal(tally.allocations, 0);
    assert_int_equal(gate.arena.asked(), zone);
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_is_allocated_on_a_request),
      cmocka_unit_test(nothing_is_allocated_by_an_old_worker_beside_a_new_one),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
