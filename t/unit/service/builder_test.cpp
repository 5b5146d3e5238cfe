// SPDX-License-Identifier: MIT
//
// What is built holds what the configuration says, and a build that finds no room leaves no trace.
#include "core/service/generation.h"
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
      cmocka_unit_test(a_build_that_finds_no_room_leaves_no_trace),
      cmocka_unit_test(a_full_zone_refuses_the_build_and_goes_on),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
