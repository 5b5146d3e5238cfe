// SPDX-License-Identifier: MIT
#include "core/registry/follow.h"

#include <map>
#include <string>

#include "unit/registry/named.h"

#include "unit/cmocka.h"

namespace kerberos::registry {
namespace {

using Known = std::map<std::string, Answer, std::less<>>;

Registry answered(const Registry& registry, const Known& known) {
  return with_answers(registry, [&](std::string_view name) {
    const auto found = known.find(name);
    return found == known.end() ? nullptr : &found->second;
  });
}

Registry one(std::vector<Peer> peers) {
  Service service;
  service.name = "users";
  service.peers = std::move(peers);
  return {{service}};
}

// "10.0.0.1:80=5 x@10.0.0.2:80=1 backup"
std::string peers_of(const Registry& registry) {
  std::string text;
  for (const auto& service : registry.services) {
    for (const auto& peer : service.peers) {
      assert_int_equal(peer.addresses.size(), 1);
      if (!text.empty()) text += ' ';
      text += (peer.id.empty() ? peer.addresses[0].text : peer.id) + "=";
      text += std::to_string(peer.weight) + (peer.backup ? " backup" : "");
    }
  }
  return text;
}

void expect(const Registry& registry, const Known& known, const char* expected) {
  assert_string_equal(peers_of(answered(registry, known)).c_str(), expected);
}

void names_are_in_small_letters_and_each_once(void**) {
  Registry registry = one({followed("Users.Test.:80"), followed("users.test:81"),
                           followed("_http._tcp.Users.test", TargetKind::kSrv)});
  registry.services.push_back(registry.services[0]);
  Peer fixed = followed("other.test:80");
  fixed.followed = false;
  registry.services[0].peers.push_back(fixed);
  const auto names = names_of(registry);
  assert_int_equal(names.size(), 2);
  assert_string_equal(names[0].c_str(), "_http._tcp.users.test");
  assert_string_equal(names[1].c_str(), "users.test");
  assert_int_equal(names_of(one({})).size(), 0);
}

void an_address_is_a_peer_and_keeps_what_its_entry_says(void**) {
  Peer peer = followed("users.test:8080");
  peer.weight = 5;
  peer.max_conns = 7;
  peer.breaker.threshold = 9;
  const Registry registry = one({peer});
  const Known known = {{"users.test", {named("10.0.0.1"), named("10.0.0.2"), named("::1")}}};
  expect(registry, known, "10.0.0.1:8080=5 10.0.0.2:8080=5 [::1]:8080=5");
  const Registry made = answered(registry, known);
  for (const auto& each : made.services[0].peers) {
    assert_int_equal(each.max_conns, 7);
    assert_int_equal(*each.breaker.threshold, 9);
  }
  assert_int_equal(made.names.size(), 1);
}

void an_id_tells_addresses_apart(void**) {
  Peer peer = followed("users.test:80");
  peer.id = "x";
  expect(one({peer}), {{"users.test", {named("10.0.0.1"), named("::1")}}},
         "x@10.0.0.1:80=1 x@[::1]:80=1");
}

void who_is_not_known_has_no_peers(void**) {
  Peer fixed;
  fixed.target = "10.9.9.9:80";
  fixed.addresses.push_back({{1}, "10.9.9.9:80"});
  const Registry registry = one({followed("users.test:80"), fixed, followed("b.test:80")});
  expect(registry, {}, "10.9.9.9:80=1");
  expect(registry, {{"users.test", {}}, {"b.test", {named("10.0.0.1")}}},
         "10.9.9.9:80=1 10.0.0.1:80=1");
  expect(one({followed("users.test:80")}), {}, "");
}

void records_tell_port_weight_and_who_is_a_backup(void**) {
  Peer peer = followed("_http._tcp.users.test", TargetKind::kSrv);
  peer.weight = 2;
  const Answer answer = {named("10.0.0.1", 81, 10, 3), named("10.0.0.2", 82, 10, 0),
                         named("10.0.0.3", 83, 11, 65'535)};
  expect(one({peer}), {{"_http._tcp.users.test", answer}},
         "10.0.0.1:81=6 10.0.0.2:82=2 10.0.0.3:83=131070 backup");
  peer.weight = kWeightMax;
  expect(one({peer}), {{"_http._tcp.users.test", answer}},
         "10.0.0.1:81=1000000 10.0.0.2:82=1000000 10.0.0.3:83=1000000 backup");
  peer.weight = 1;
  peer.backup = true;
  expect(one({peer}), {{"_http._tcp.users.test", {named("10.0.0.1", 81, 0, 3)}}},
         "10.0.0.1:81=3 backup");
}

void services_keep_their_order(void**) {
  Registry registry = one({followed("a.test:80")});
  registry.services.push_back(registry.services[0]);
  registry.services[0].name = "other";
  registry.services[0].peers.clear();
  registry.allow_shrink = true;
  const Registry made = answered(registry, {{"a.test", {named("10.0.0.1")}}});
  assert_string_equal(made.services[0].name.c_str(), "other");
  assert_int_equal(made.services[0].peers.size(), 0);
  assert_int_equal(made.services[1].peers.size(), 1);
  assert_true(made.allow_shrink);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(names_are_in_small_letters_and_each_once),
      cmocka_unit_test(an_address_is_a_peer_and_keeps_what_its_entry_says),
      cmocka_unit_test(an_id_tells_addresses_apart),
      cmocka_unit_test(who_is_not_known_has_no_peers),
      cmocka_unit_test(records_tell_port_weight_and_who_is_a_backup),
      cmocka_unit_test(services_keep_their_order),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
