// SPDX-License-Identifier: MIT
#include "core/service/draw_up.h"

#include <atomic>
#include <map>
#include <string>
#include <vector>

#include "core/balance/ring.h"
#include "unit/service/gate.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::uint32_t kUntouched = 0xdead;

// Lists that are drawn up beside the roster, with a guard behind them.
struct Desk {
  Desk(std::string_view method, std::vector<registry::Peer> peers)
      : registry(balanced(method, std::move(peers))), gate(zone_for(registry)) {
    gate.reload(registry);
    bench.reserve(generation().peers().size());
  }
  [[nodiscard]] GenerationView generation() const { return GenerationView(gate.zone.current()); }
  [[nodiscard]] const ServiceImage& service() const { return generation().services()[0]; }
  [[nodiscard]] const auto& room(balance::Tier tier) const {
    return service().room.tiers[static_cast<std::size_t>(tier)];
  }

  // "abac"; of a ring, whose the points are.
  std::string draw(balance::Tier tier, std::vector<std::uint8_t> in) {
    const std::uint32_t words = room(tier).words;
    out = std::vector<std::atomic<std::uint32_t>>(words + 1);
    for (auto& word : out) word = kUntouched;
    length = draw_up(generation(), service(), tier, in, out.data(), bench);
    assert_true(length <= room(tier).peers);
    assert_int_equal(out[words].load(), kUntouched);
    std::string who;
    for (std::uint32_t i = 0; i < length; ++i) {
      who += generation().text(generation().peers()[out[i]].id);
    }
    return who;
  }

  registry::Registry registry;
  Gate gate;
  balance::Workbench bench;
  std::vector<std::atomic<std::uint32_t>> out;
  std::uint32_t length = 0;
};

registry::Peer spare(const std::string& id, std::uint32_t weight = 1) {
  registry::Peer made = peer(id, weight);
  made.backup = true;
  return made;
}

constexpr auto kPrimary = balance::Tier::kPrimary;
constexpr auto kBackup = balance::Tier::kBackup;

void a_schedule_is_nginxs_order_of_those_who_are_in(void**) {
  for (const std::string_view method :
       {"round_robin", "round_robin adaptive", "least_conn", "random", "ewma"}) {
    Desk desk(method, {peer("a", 5), spare("s", 2), peer("b"), spare("t"), peer("c", 2)});
    assert_text(desk.draw(kPrimary, {1, 1, 1, 1, 1}),
                Oracle({{"a", 5}, {"b", 1}, {"c", 2}}).next(8));
    assert_text(desk.draw(kBackup, {1, 1, 1, 1, 1}), Oracle({{"s", 2}, {"t", 1}}).next(3));
    assert_text(desk.draw(kPrimary, {0, 1, 1, 1, 1}), Oracle({{"b", 1}, {"c", 2}}).next(3));
    assert_text(desk.draw(kPrimary, {0, 1, 0, 1, 1}), "c");
    assert_text(desk.draw(kBackup, {1, 0, 1, 1, 1}), "t");
    assert_text(desk.draw(kPrimary, {0, 1, 0, 1, 0}), "");
    assert_text(desk.draw(kBackup, {1, 0, 1, 0, 1}), "");
  }
}

void a_ring_has_points_of_those_who_are_in_by_weight(void**) {
  Desk desk("hash $x", {peer("a", 5), spare("s", 2), peer("b"), spare("t"), peer("c", 2)});
  const auto counts = [](const std::string& who) {
    std::map<char, std::size_t> result;
    for (const char id : who) ++result[id];
    return result;
  };
  using Counts = std::map<char, std::size_t>;
  constexpr std::size_t kOne = balance::kPointsPerWeight;
  assert_true(counts(desk.draw(kPrimary, {1, 1, 1, 1, 1})) ==
              (Counts{{'a', 5 * kOne}, {'b', kOne}, {'c', 2 * kOne}}));
  assert_true(counts(desk.draw(kPrimary, {0, 1, 1, 1, 1})) ==
              (Counts{{'b', kOne}, {'c', 2 * kOne}}));
  assert_true(counts(desk.draw(kBackup, {0, 1, 0, 1, 0})) ==
              (Counts{{'s', 2 * kOne}, {'t', kOne}}));
  assert_text(desk.draw(kPrimary, {0, 1, 0, 1, 0}), "");
}

// What is behind the list belongs to it: the owners of keys are those of a ring of these alone.
void a_ring_can_be_read(void**) {
  Desk desk("hash $x", {peer("a", 5), peer("b"), peer("c", 2)});
  desk.draw(kPrimary, {1, 0, 1});
  const balance::Ring ring(desk.out.data(), desk.room(kPrimary).peers, desk.length);
  std::map<std::uint32_t, int> keys;
  for (std::uint64_t key = 0; key < 7'000; ++key) ++keys[ring.owner(balance::scatter(key))];
  assert_int_equal(keys.size(), 2);
  assert_in_range(keys[0], 4'300, 5'700);
  assert_in_range(keys[2], 1'300, 2'700);
}

void a_peer_that_is_down_is_in_no_ring(void**) {
  auto down = peer("b", 1'000);
  down.down = true;
  Desk desk("hash $x", {peer("a"), down});
  assert_int_equal(desk.room(kPrimary).peers, balance::kPointsPerWeight);
  const std::string who = desk.draw(kPrimary, {1, 1});
  assert_text(who, std::string(balance::kPointsPerWeight, 'a'));
}

void a_tier_without_peers_has_no_list(void**) {
  for (const std::string_view method : kEveryMethod) {
    Desk desk(method, {peer("a")});
    assert_text(desk.draw(kBackup, {1}), "");
    assert_int_equal(desk.room(kBackup).words, 0);
  }
}

// As many as the schedule has room for, whoever is in.
void no_list_is_longer_than_its_room(void**) {
  base::Pcg32 random(1);
  for (const std::string_view method : kEveryMethod) {
    auto peers = numbered(60);
    for (auto& peer : peers) {
      peer.weight = 1U << random.below(18);
      peer.backup = random.below(4) == 0;
      peer.down = random.below(9) == 0;
    }
    Desk desk(method, peers);
    for (int i = 0; i < 20; ++i) {
      std::vector<std::uint8_t> in(60);
      for (std::size_t k = 0; k < 60; ++k) in[k] = peers[k].down ? 0 : random.below(2) & 1U;
      desk.draw(kPrimary, in);
      desk.draw(kBackup, in);
    }
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_schedule_is_nginxs_order_of_those_who_are_in),
      cmocka_unit_test(a_ring_has_points_of_those_who_are_in_by_weight),
      cmocka_unit_test(a_ring_can_be_read),
      cmocka_unit_test(a_peer_that_is_down_is_in_no_ring),
      cmocka_unit_test(a_tier_without_peers_has_no_list),
      cmocka_unit_test(no_list_is_longer_than_its_room),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
