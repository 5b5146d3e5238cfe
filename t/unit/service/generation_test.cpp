// SPDX-License-Identifier: MIT
#include "core/service/generation.h"

#include <tuple>

#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

GenerationView view_of(const Gate& gate, std::uint64_t id) {
  return GenerationView(gate.zone.find(id));
}

void services_are_found_by_name(void**) {
  const Gate gate(std::size_t{8} << 20U);
  constexpr std::uint32_t kMany = 1000;
  registry::Registry registry;
  for (std::uint32_t i = 0; i < kMany; ++i) {
    registry.services.push_back(named("service-" + std::to_string(i), {peer("a")}));
  }
  registry.services[500].name = std::string("with\0zero", 9);
  registry.services[501].name = "with";
  // These two have one FNV-1a hash, 4eac0c95540867e4.
  registry.services[502].name = "8yn0iYCKYHlIj4-BwPqk";
  registry.services[503].name = "GReLUrM4wMqfg9yzV3KQ";
  const auto generation = view_of(gate, gate.build(registry));
  for (std::uint32_t i = 0; i < kMany; ++i) {
    const auto found = generation.find(registry.services[i].name);
    assert_true(found.has_value());
    assert_int_equal(*found, i);
  }
  for (const char* name : {"", "service-", "service-1000", "service-01", "Service-1", "wit"}) {
    assert_false(generation.find(name).has_value());
  }
}

void without_services_nothing_is_found(void**) {
  const Gate gate;
  const auto generation = view_of(gate, gate.build({}));
  assert_int_equal(generation.services().size(), 0);
  assert_false(generation.find("").has_value());
  assert_false(generation.find("x").has_value());
}

// Weights that are uneven have a long period in common: their schedule is the largest part then.
registry::Registry sized(std::size_t services, std::size_t peers, bool uneven = false,
                         std::size_t name_length = 20) {
  registry::Registry registry;
  for (std::size_t s = 0; s < services; ++s) {
    auto service = named(std::string(name_length, 'x') + std::to_string(s), {});
    for (std::size_t p = 0; p < peers; ++p) {
      const auto weight = static_cast<std::uint32_t>(uneven ? 9'973 + 31 * p : 1);
      service.peers.push_back(peer("192.168.100." + std::to_string(p) + ":65535", weight));
      service.peers.back().breaker.threshold = static_cast<std::uint32_t>(p % 2 + 1);
      service.peers.back().backup = p % 3 == 2;
    }
    registry.services.push_back(std::move(service));
  }
  return registry;
}

registry::Registry with_ids(registry::Registry registry, std::size_t length) {
  for (auto& service : registry.services) {
    for (std::size_t i = 0; i < service.peers.size(); ++i) {
      service.peers[i].id = std::string(length, 'x') + std::to_string(i);
    }
  }
  return registry;
}

// The life of a gateway in a zone of exactly the size that was asked for: reloads, at which the
// processes of two generations are attached at once.
void expect_room(const registry::Registry& registry, std::uint32_t processes) {
  const std::size_t needed = bytes_needed(registry, processes);
  const Gate gate(needed);
  const std::uint32_t workers = std::max(1U, processes / 2);
  std::vector<Process> attached;
  std::size_t used = 0;
  for (std::uint32_t reload = 0; reload < 6; ++reload) {
    if (gate.reload(registry) == 0) {
      fail_msg("%zu services, %u processes: no room at reload %u in %zu bytes",
               registry.services.size(), processes, reload, needed);
    }
    std::vector<Process> next;
    for (std::uint32_t i = 0; i < workers; ++i) {
      const std::uint32_t slot = reload % 2 * workers + i;
      auto process = Process::attach(gate.zone, slot, 100 + slot, reload + 1, 1);
      assert_true(process.has_value());
      next.push_back(std::move(*process));
    }
    for (Process& process : attached) process.detach();
    attached = std::move(next);
    if (reload == 3) used = gate.arena.in_use();
    if (reload > 3) assert_int_equal(gate.arena.in_use(), used);
  }
}

void the_size_that_is_asked_for_is_enough(void**) {
  for (const std::uint32_t processes : {2U, 16U, 128U}) {
    expect_room(sized(1, 1), processes);
    expect_room(sized(1, 2), processes);
    expect_room(sized(1, 20), processes);
    expect_room(sized(1, 1'000), processes);
    expect_room(sized(100, 10), processes);
    expect_room(sized(300, 1), processes);
    expect_room(sized(3, 20, true), processes);
    expect_room({}, processes);
  }
  expect_room(sized(1, 5'000), 4);
  expect_room(sized(1'000, 5), 4);
  expect_room(sized(20, 3, true), 4);
  expect_room(sized(1, 10), 1'000);
  // Records just below a size of the slab, whatever their own size is.
  for (std::size_t length = 0; length < 512; length += 24) {
    expect_room(sized(1, 400, false, length), 4);
    expect_room(with_ids(sized(1, 400), length), 4);
  }
  auto rated = sized(3, 400);
  for (auto& service : rated.services) service.breaker.failure_rate_percent = 50;
  expect_room(rated, 4);
}

// As when a new version is rolled out: no address of the old services is one of the new.
void there_is_room_to_replace_every_peer(void**) {
  for (const std::size_t peers : {10U, 100U, 1'000U, 5'000U}) {
    const auto old = sized(1, peers);
    auto fresh = sized(1, peers);
    for (auto& peer : fresh.services[0].peers) peer.addresses[0].text[0] = '2';
    fresh = with_ids(std::move(fresh), peers == 100 ? 60 : 1);
    fresh.services[0].breaker.failure_rate_percent = peers == 1'000 ? 50 : 0;
    const Gate gate(bytes_needed(fresh, 4));
    for (std::uint32_t reload = 0; reload < 6; ++reload) {
      assert_int_not_equal(gate.reload(reload % 2 == 0 ? old : fresh), 0);
      // The workers of the generation before are replaced by those of the new one.
      for (std::uint32_t i = 0; i < 2; ++i) std::ignore = gate.attach(reload % 2 * 2 + i);
      for (std::uint32_t i = 0; i < 2; ++i) Gate::kill(100 + (reload + 1) % 2 * 2 + i);
    }
  }
}

void more_peers_and_more_processes_need_more(void**) {
  const std::size_t base = bytes_needed(sized(2, 50), 4);
  assert_true(bytes_needed(sized(2, 100), 4) > base);
  assert_true(bytes_needed(sized(4, 50), 4) > base);
  assert_true(bytes_needed(sized(2, 50), 400) > base);
  assert_true(bytes_needed(sized(2, 50, true), 4) > base);
  assert_true(bytes_needed(with_ids(sized(2, 50), 60), 4) > base);
  auto rated = sized(2, 50);
  rated.services[0].breaker.slow = 100;
  assert_true(bytes_needed(rated, 4) > base);
  // The default of kerberos_zone is for a thousand peers and 64 workers.
  assert_true(bytes_needed(sized(100, 10), 64) < std::size_t{8} << 20U);
  assert_true(bytes_needed(sized(1, 1'000), 64) < std::size_t{8} << 20U);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(services_are_found_by_name),
      cmocka_unit_test(without_services_nothing_is_found),
      cmocka_unit_test(the_size_that_is_asked_for_is_enough),
      cmocka_unit_test(there_is_room_to_replace_every_peer),
      cmocka_unit_test(more_peers_and_more_processes_need_more),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
