// SPDX-License-Identifier: MIT
#include "core/service/generation.h"

#include <tuple>

#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

std::string ids_of(const GenerationView& generation, std::uint32_t service = 0) {
  std::string ids;
  for (const PeerImage& image : generation.peers(generation.services()[service])) {
    ids += ids.empty() ? "" : " ";
    ids += generation.text(image.id);
  }
  return ids;
}

GenerationView view_of(const Gate& gate, std::uint64_t id) {
  return GenerationView(gate.zone.find(id));
}

void a_generation_holds_what_the_configuration_says(void**) {
  const Gate gate;
  auto first = named("first", {peer("10.0.0.1:80", 3), peer("10.0.0.2:80")});
  first.peers[0].id = "big";
  first.peers[0].max_conns = 7;
  first.peers[1].backup = true;
  auto second = named("second", {peer("unix:/run/x"), peer("y")});
  second.tls = true;
  second.peers[1].down = true;
  second.peers[1].breaker.threshold = 9;
  const auto generation = view_of(gate, gate.build(registry_of({first, second})));

  assert_int_equal(generation.services().size(), 2);
  assert_int_equal(generation.peers().size(), 4);
  const ServiceImage& one = generation.services()[0];
  const ServiceImage& two = generation.services()[1];
  assert_text(generation.text(one.name), "first");
  assert_text(generation.text(two.name), "second");
  assert_false(generation.terms(one).tls);
  assert_true(generation.terms(two).tls);
  assert_int_equal(one.usable, 2);
  assert_int_equal(two.usable, 1);

  const PeerImage& big = generation.peers(one)[0];
  assert_text(generation.text(big.id), "big");
  assert_text(generation.text(big.address), "10.0.0.1:80");
  assert_int_equal(big.sockaddr_length, 11);
  assert_memory_equal(generation.bytes(big.sockaddr), "10.0.0.1:80", 11);
  assert_int_equal(big.sockaddr % 8, 0);
  assert_int_equal(big.weight, 3);
  assert_int_equal(big.max_conns, 7);
  assert_false(big.backup);
  assert_false(big.down);
  assert_true(generation.peers(one)[1].backup);
  assert_text(ids_of(generation, 1), "unix:/run/x y");
  assert_true(generation.peers(two)[1].down);
  assert_int_equal(generation.options(big).threshold, 3);
  assert_int_equal(generation.options(generation.peers(two)[0]).threshold, 3);
  assert_int_equal(generation.options(generation.peers(two)[1]).threshold, 9);
  assert_int_equal(generation.options(generation.peers(two)[1]).timeout, 10'000);
  for (std::uint32_t i = 0; i < 4; ++i) {
    assert_text(generation.service_name(i), i < 2 ? "first" : "second");
  }
}

void every_option_can_be_a_peers_own(void**) {
  const Gate gate;
  auto service = named("x", {});
  // Each between two that say nothing themselves.
  for (int i = 0; i < 37; ++i) service.peers.push_back(peer(std::to_string(i)));
  const auto own = [&](std::size_t i) -> registry::BreakerSettings& {
    return service.peers[2 * i - 1].breaker;
  };
  own(1).enabled = false;
  own(2).threshold = 77;
  own(3).timeout = 7'777;
  own(4).max_timeout = 77'777;
  own(5).jitter_percent = 7;
  own(6).probes = 7;
  own(7).successes = 77;
  own(8).probe_timeout = 777;
  own(9).failure_rate_percent = 7;
  own(10).slow = 77;
  own(11).slow_rate_percent = 7;
  own(12).window = 7'777;
  own(13).min_requests = 77;
  own(14).probe_grace = 777;
  own(15).ramp = 7'777;
  own(16).max_open_percent = 7;
  own(17).panic_percent = 7;
  own(18).failure_on.emplace().slow = true;
  const auto generation = view_of(gate, gate.build(registry_of({service})));
  const auto options = [&](std::size_t i) { return generation.options(generation.peers()[i]); };
  assert_true(options(1).mode == breaker::Mode::kOff);
  assert_int_equal(options(3).threshold, 77);
  assert_int_equal(options(5).timeout, 7'777);
  assert_int_equal(options(7).max_timeout, 77'777);
  assert_int_equal(options(9).jitter_percent, 7);
  assert_int_equal(options(11).probes, 7);
  assert_int_equal(options(13).successes, 77);
  assert_int_equal(options(15).probe_timeout, 777);
  assert_int_equal(options(17).failure_rate_percent, 7);
  assert_int_equal(options(19).slow, 77);
  assert_int_equal(options(21).slow_rate_percent, 7);
  assert_int_equal(options(23).window, 7'777);
  assert_int_equal(options(25).min_requests, 77);
  assert_int_equal(options(27).probe_grace, 777);
  assert_int_equal(options(29).ramp, 7'777);
  assert_int_equal(options(31).max_open_percent, 7);
  assert_int_equal(options(33).panic_percent, 7);
  assert_true(options(35).failure_on.slow);
  assert_false(options(35).failure_on.error);
  const auto said = registry::complete(service.breaker);
  for (std::size_t i = 0; i < 37; i += 2) assert_true(options(i) == said);
}

void every_address_of_a_name_is_a_peer(void**) {
  const Gate gate;
  auto many = peer("10.0.0.1:80");
  many.addresses.push_back({{1, 2, 3}, "10.0.0.2:80"});
  const auto generation = view_of(gate, gate.build(one({many, peer("z")})));
  assert_text(ids_of(generation), "10.0.0.1:80 10.0.0.2:80 z");
}

void ids_that_are_taken_get_an_ordinal(void**) {
  const Gate gate;
  auto again = peer("b");
  again.id = "a";
  auto sly = peer("c");
  sly.id = "a#2";
  auto named_twice = peer("d");
  named_twice.id = "web";
  named_twice.addresses.push_back({{9}, "e"});
  const auto generation = view_of(
      gate, gate.build(
                registry_of({named("x", {peer("a"), peer("a"), again, sly, peer("a"), named_twice}),
                             named("y", {peer("a")})})));
  assert_text(ids_of(generation, 0), "a a#2 a#3 a#2#2 a#4 web web#2");
  assert_text(ids_of(generation, 1), "a");  // another service, another room
}

void two_lines_of_one_address_are_two_peers(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("a")}));
  Process process = gate.attach(0);
  assert_ptr_not_equal(&record_of(process, "a"), &record_of(process, "a#2"));
  assert_text(serve(process, 4, 1), "aa#2aa#2");
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

// What a peer went through is told by its counters and its breaker.
struct Past {
  explicit Past(Gate& gate) {
    gate.reload(one({peer("a"), peer("b"), peer("c")}));
    Process process = gate.attach(0);
    trip(process, "b", 1'000);
    serve(process, 10, 1'000);
    failures = record_of(process, "b").counters.failures.load();
    successes = record_of(process, "a").counters.successes.load();
    requests = process.record(process.generation().services()[0]).counters.requests.load();
  }
  std::uint64_t failures;
  std::uint64_t successes;
  std::uint64_t requests;
};

void expect_kept(const Gate& gate, const Past& past) {
  const Process process = gate.attach(1);
  assert_int_equal(past.failures, 3);
  assert_int_equal(record_of(process, "b").counters.failures.load(), past.failures);
  assert_int_equal(record_of(process, "a").counters.successes.load(), past.successes);
  assert_int_equal(process.record(process.generation().services()[0]).counters.requests.load(),
                   past.requests);
  assert_true(state_of(process, "b") == breaker::State::kOpen);
  assert_true(state_of(process, "a") == breaker::State::kClosed);
}

void records_survive_a_reload_of_the_same_peers(void**) {
  Gate gate;
  const Past past(gate);
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  expect_kept(gate, past);
}

void records_survive_another_order_and_other_neighbours(void**) {
  Gate gate;
  const Past past(gate);
  auto reordered = one({peer("x"), peer("c"), peer("b"), peer("y"), peer("a")});
  reordered.services.push_back(named("other", {peer("b")}));
  gate.reload(reordered);
  expect_kept(gate, past);
}

void records_survive_other_parameters(void**) {
  Gate gate;
  const Past past(gate);
  auto changed = one({peer("a", 9), peer("b", 5), peer("c")});
  changed.services[0].peers[1].backup = true;
  changed.services[0].peers[1].max_conns = 3;
  changed.services[0].breaker.threshold = 8;
  gate.reload(changed);
  expect_kept(gate, past);
}

void records_survive_the_death_of_all_processes(void**) {
  Gate gate;
  const Past past(gate);
  Gate::kill(100);
  gate.sweep();
  gate.reload(one({peer("a"), peer("b"), peer("c")}));
  expect_kept(gate, past);
}

void an_id_that_moves_to_another_address_starts_anew(void**) {
  const Gate gate;
  auto moving = peer("10.0.0.1:80");
  moving.id = "b";
  gate.reload(one({peer("a"), moving}));
  Process old = gate.attach(0);
  trip(old, "b", 1'000);
  moving.addresses[0] = {{4, 2}, "10.0.0.2:80"};
  gate.reload(one({peer("a"), moving}));
  const Process fresh = gate.attach(1);
  assert_true(state_of(fresh, "b") == breaker::State::kClosed);
  assert_int_equal(record_of(fresh, "b").counters.failures.load(), 0);
  assert_true(state_of(old, "b") == breaker::State::kOpen);
}

void an_address_that_gets_another_id_starts_anew(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  trip(old, "b", 1'000);
  auto renamed = peer("b");
  renamed.id = "c";
  gate.reload(one({peer("a"), renamed}));
  assert_true(state_of(gate.attach(1), "c") == breaker::State::kClosed);
}

void one_address_in_two_services_is_two_peers(void**) {
  const Gate gate;
  gate.reload(registry_of({named("x", {peer("a")}), named("y", {peer("a")})}));
  Process process = gate.attach(0);
  trip(process, "a", 1'000, 0);
  assert_text(serve(process, 1, 1'000, 1), "a");
  assert_text(Client(process, 0).pick(1'000), "-");
}

void a_peer_that_was_gone_for_a_while_starts_anew(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  {
    Process process = gate.attach(0);
    trip(process, "b", 1'000);
    process.detach();
  }
  gate.reload(one({peer("a")}));
  gate.sweep_all();
  gate.reload(one({peer("a"), peer("b")}));
  const Process process = gate.attach(0);
  assert_true(state_of(process, "b") == breaker::State::kClosed);
}

void a_build_that_finds_no_room_leaves_no_trace(void**) {
  Gate gate;
  gate.reload(registry_of({named("x", {peer("a"), peer("b")}), named("y", {peer("a")})}));
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  const auto next = registry_of({named("x", {peer("b"), peer("c"), peer("d")}),
                                 named("z", {peer("a"), peer("b")}), named("y", {peer("a")})});
  const std::size_t used = gate.arena.in_use();
  const std::size_t blocks = gate.arena.blocks();
  std::size_t number = 1;
  for (;; ++number) {
    gate.arena.fail_at(number);
    const std::uint64_t id = gate.build(next);
    if (!gate.arena.failed()) {
      assert_int_not_equal(id, 0);
      gate.arena.fail_at(0);
      break;
    }
    assert_int_equal(id, 0);
    assert_int_equal(gate.arena.blocks(), blocks);
    assert_int_equal(gate.arena.in_use(), used);
    assert_text(gate.generations(), "1");
    assert_true(state_of(process, "b") == breaker::State::kOpen);
  }
  // A generation, one new service and four new peers were asked for, and each has failed once.
  assert_int_equal(number, 1 + 1 + 4 + 1);
  gate.zone.publish(2);
  const Process fresh = gate.attach(1);
  assert_true(state_of(fresh, "b") == breaker::State::kOpen);
  process.detach();
  gate.sweep();
  assert_text(gate.generations(), "2");
}

void a_full_zone_refuses_the_build_and_goes_on(void**) {
  const Gate gate(256 * 1024);
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  registry::Registry large = one({});
  for (int i = 0; i < 5'000; ++i) large.services[0].peers.push_back(peer(std::to_string(i)));
  const std::size_t used = gate.arena.in_use();
  assert_int_equal(gate.build(large), 0);
  assert_int_equal(gate.arena.in_use(), used);
  assert_text(serve(process, 4, 1), "abab");
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
      cmocka_unit_test(a_generation_holds_what_the_configuration_says),
      cmocka_unit_test(every_option_can_be_a_peers_own),
      cmocka_unit_test(every_address_of_a_name_is_a_peer),
      cmocka_unit_test(ids_that_are_taken_get_an_ordinal),
      cmocka_unit_test(two_lines_of_one_address_are_two_peers),
      cmocka_unit_test(services_are_found_by_name),
      cmocka_unit_test(without_services_nothing_is_found),
      cmocka_unit_test(records_survive_a_reload_of_the_same_peers),
      cmocka_unit_test(records_survive_another_order_and_other_neighbours),
      cmocka_unit_test(records_survive_other_parameters),
      cmocka_unit_test(records_survive_the_death_of_all_processes),
      cmocka_unit_test(an_id_that_moves_to_another_address_starts_anew),
      cmocka_unit_test(an_address_that_gets_another_id_starts_anew),
      cmocka_unit_test(one_address_in_two_services_is_two_peers),
      cmocka_unit_test(a_peer_that_was_gone_for_a_while_starts_anew),
      cmocka_unit_test(a_build_that_finds_no_room_leaves_no_trace),
      cmocka_unit_test(a_full_zone_refuses_the_build_and_goes_on),
      cmocka_unit_test(the_size_that_is_asked_for_is_enough),
      cmocka_unit_test(there_is_room_to_replace_every_peer),
      cmocka_unit_test(more_peers_and_more_processes_need_more),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
