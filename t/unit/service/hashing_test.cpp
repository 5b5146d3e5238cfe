// SPDX-License-Identifier: MIT
//
// hash through a service: one key, one peer, whichever process of whichever generation asks.
#include <list>
#include <map>
#include <string>
#include <vector>

#include "core/balance/hash.h"
#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr int kKeys = 400;

// Who serves each key. None of the requests stays.
using Owners = std::map<int, std::string>;

Owners owners(Process& process, base::Instant now) {
  Owners result;
  for (int i = 0; i < kKeys; ++i) {
    Client client(process, 0, false, "user " + std::to_string(i));
    result[i] = client.pick(now);
    client.report(kGood, now);
  }
  return result;
}

registry::Registry hashed(std::vector<registry::Peer> peers, const char* words = "hash $arg_k") {
  return balanced(words, std::move(peers));
}

void a_key_has_one_peer_in_every_process(void**) {
  const Gate gate;
  gate.reload(hashed(numbered(7)));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  const Owners known = owners(first, 1);
  assert_true(owners(second, 2) == known);
  assert_true(owners(first, 3) == known);
  std::map<std::string, int> shares;
  for (const auto& [key, who] : known) ++shares[who];
  assert_int_equal(shares.size(), 7);
  for (const auto& [who, keys] : shares) assert_in_range(keys, kKeys / 7 / 2, kKeys / 7 * 2);
}

void the_order_of_the_peers_is_of_no_account(void**) {
  auto peers = numbered(9);
  for (std::uint32_t i = 0; i < 9; ++i) peers[i].weight = 1 + i % 4;
  const Gate gate;
  gate.reload(hashed(peers));
  Process old = gate.attach(0);
  std::ranges::reverse(peers);
  gate.reload(hashed(peers));
  Process fresh = gate.attach(1);
  assert_true(owners(fresh, 1) == owners(old, 1));
}

void a_peer_that_is_taken_out_of_the_file_moves_its_own_keys(void**) {
  auto peers = numbered(9);
  const Gate gate;
  gate.reload(hashed(peers));
  Process old = gate.attach(0);
  peers.erase(peers.begin() + 4);
  gate.reload(hashed(peers));
  Process fresh = gate.attach(1);
  Owners after = owners(fresh, 1);
  for (const auto& [key, who] : owners(old, 1)) {
    if (who != "4") assert_text(after[key], who);
  }
}

void a_peer_that_opens_moves_its_own_keys_and_has_them_again(void**) {
  const Gate gate;
  gate.reload(hashed(numbered(6)));
  Process process = gate.attach(0);
  const Owners before = owners(process, 1'000);
  Service service(process, 0);
  service.force(3, {.way = breaker::Way::kOpen}, 1'000);
  std::map<std::string, int> heirs;
  for (const auto& [key, who] : owners(process, 1'001)) {
    assert_string_not_equal(who.c_str(), "3");
    if (before.at(key) == "3") {
      ++heirs[who];
    } else {
      assert_text(who, before.at(key));
    }
  }
  assert_int_equal(heirs.size(), 5);  // all of them, not a neighbour
  service.force(3, {}, 2'000);
  assert_true(owners(process, 2'000) == before);
}

// By its breaker, and while the line-up does not know of it yet.
void keys_of_a_peer_that_opened_unnoticed_go_where_they_go_when_it_is_noticed(void**) {
  const Gate gate;
  gate.reload(hashed(numbered(6)));
  Process process = gate.attach(0);
  const Owners before = owners(process, 1'000);
  set_state(process, "2", State::kOpen, 30'000);
  const Owners during = owners(process, 1'001);
  for (const auto& [key, who] : during) {
    assert_true(before.at(key) == "2" ? who != "2" : who == before.at(key));
  }
  set_state(process, "2", State::kClosed, 0);
  Service(process, 0).force(0, {}, 2'000);
  assert_true(owners(process, 2'000) == before);
}

// Sent again, a key has a second peer, and it is always the same.
void a_key_that_is_sent_again_has_a_second_peer(void**) {
  const Gate gate;
  auto registry = hashed(numbered(6));
  registry.services[0].breaker.threshold = 0;
  gate.reload(registry);
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  for (int i = 0; i < 100; ++i) {
    std::string way[2];
    for (int k = 0; k < 2; ++k) {
      Client client(k == 0 ? first : second, 0, true, "user " + std::to_string(i));
      for (int attempt = 0; attempt < 6; ++attempt) {
        way[k] += client.pick(1);
        client.report(kBad, 1);
      }
    }
    assert_text(way[1], way[0]);
    assert_text(sorted(way[0]), "012345");
  }
}

void without_a_key_everybody_is_drawn_by_weight(void**) {
  const Gate gate;
  gate.reload(hashed({peer("a", 2), peer("b"), peer("c")}));
  Process process = gate.attach(0);
  const std::string who = serve(process, 4'000, 1);
  assert_in_range(std::count(who.begin(), who.end(), 'a'), 1'850, 2'150);
  assert_in_range(std::count(who.begin(), who.end(), 'b'), 900, 1'100);
}

// One key that everybody wants, and many: nobody has more than the bound says.
void nobody_has_more_than_the_bound(void**) {
  for (const std::string_view words : {"100%", "125%", "300%"}) {
    for (const auto& weights : {std::vector<std::uint32_t>(10, 1), {5, 1, 1}, {40, 3, 2, 1}}) {
      auto peers = numbered(static_cast<std::uint32_t>(weights.size()));
      std::uint64_t all = 0;
      for (std::size_t i = 0; i < weights.size(); ++i) all += peers[i].weight = weights[i];
      const auto registry = balanced("hash $arg_k bounded=" + std::string(words), peers);
      const std::uint32_t percent = registry.services[0].balance.options.bounded_percent;
      const Gate gate;
      gate.reload(registry);
      Process processes[] = {gate.attach(0), gate.attach(1)};
      for (int hot = 0; hot < 6; ++hot) {
        std::list<Client> clients;
        for (std::uint64_t i = 0; i < 300; ++i) {
          const std::string key = hot == 0 ? std::to_string(i) : std::to_string(hot);
          Client& client = clients.emplace_back(processes[i % 2], 0, true, key);
          const std::string id = client.pick(1);
          const auto number = client.request.peer;
          const std::uint64_t most = balance::bounded_most(i, all, weights[number], percent);
          if (in_flight(processes[0], id) > most) {
            fail_msg("%s: %lu of at most %lu", id.c_str(), in_flight(processes[0], id), most);
          }
        }
        for (Client& client : clients) client.report(kGood, 1);
        assert_int_equal(gate.zone.in_flight(service_of(processes[0]).rank), 0);
      }
    }
  }
}

// Where all others cannot serve, the bound does not stand in the way.
void beyond_the_bound_rather_than_nobody(void**) {
  const Gate gate;
  auto full = peer("b");
  full.max_conns = 1;
  gate.reload(hashed({peer("a"), full}, "hash $arg_k bounded=100%"));
  Process process = gate.attach(0);
  std::list<Client> clients;
  std::string who;
  for (int i = 0; i < 20; ++i) who += clients.emplace_back(process, 0, true, "one").pick(1);
  assert_int_equal(std::count(who.begin(), who.end(), 'a'), 19);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 1);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_key_has_one_peer_in_every_process),
      cmocka_unit_test(the_order_of_the_peers_is_of_no_account),
      cmocka_unit_test(a_peer_that_is_taken_out_of_the_file_moves_its_own_keys),
      cmocka_unit_test(a_peer_that_opens_moves_its_own_keys_and_has_them_again),
      cmocka_unit_test(keys_of_a_peer_that_opened_unnoticed_go_where_they_go_when_it_is_noticed),
      cmocka_unit_test(a_key_that_is_sent_again_has_a_second_peer),
      cmocka_unit_test(without_a_key_everybody_is_drawn_by_weight),
      cmocka_unit_test(nobody_has_more_than_the_bound),
      cmocka_unit_test(beyond_the_bound_rather_than_nobody),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
