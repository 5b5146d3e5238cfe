// SPDX-License-Identifier: MIT
//
// The oracle is nginx's own scan, written down again as it stands in
// ngx_http_upstream_get_peer(): every table must be what that scan would have picked.
#include "core/balance/schedule.h"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::balance {
namespace {

using Shares = std::vector<Share>;
using Order = std::vector<std::uint32_t>;

// Peers 0, 1, 2, ... of these weights.
Shares weighing(std::initializer_list<std::uint32_t> weights) {
  Shares shares;
  for (const std::uint32_t weight : weights) {
    shares.push_back({static_cast<std::uint32_t>(shares.size()), weight});
  }
  return shares;
}

std::string text(const Shares& shares) {
  std::string result;
  for (const Share& share : shares) {
    result += " " + std::to_string(share.peer) + ":" + std::to_string(share.weight);
  }
  return result;
}

Order nginx_order(const Shares& shares, std::size_t picks) {
  struct Peer {
    std::int64_t weight;
    std::int64_t current_weight = 0;
  };
  std::vector<Peer> peers;
  for (const Share& share : shares) peers.push_back({.weight = share.weight});
  Order order;
  while (order.size() < picks) {
    std::int64_t total = 0;
    Peer* best = nullptr;
    for (Peer& peer : peers) {
      peer.current_weight += peer.weight;
      total += peer.weight;
      if (best == nullptr || peer.current_weight > best->current_weight) best = &peer;
    }
    best->current_weight -= total;
    order.push_back(shares[static_cast<std::size_t>(best - peers.data())].peer);
  }
  return order;
}

constexpr std::uint32_t kUnwritten = UINT32_MAX;

Order order_of(const Shares& shares, Workbench& bench) {
  const std::size_t length = period(shares);
  // One entry more than needed, to see that it is left alone.
  std::vector<std::atomic<std::uint32_t>> out(length + 1);
  for (auto& entry : out) entry = kUnwritten;
  assert_int_equal(smooth_order(shares, {out.data(), length}, bench), length);
  assert_int_equal(out[length].load(), kUnwritten);
  return {out.begin(), out.end() - 1};
}

Order order_of(const Shares& shares) {
  Workbench bench;
  bench.reserve(shares.size());
  return order_of(shares, bench);
}

// Over two periods: the table must also begin again where nginx does.
void expect_nginx_order(const Shares& shares, Workbench& bench) {
  Order order = order_of(shares, bench);
  const std::size_t once = order.size();
  for (std::size_t i = 0; i < once; ++i) order.push_back(order[i]);
  if (order != nginx_order(shares, order.size())) fail_msg("shares:%s", text(shares).c_str());
}

void expect_nginx_order(const Shares& shares) {
  Workbench bench;
  expect_nginx_order(shares, bench);
}

void the_order_is_the_one_that_nginx_is_known_for(void**) {
  // 5, 1, 1: a a b a c a a
  const Order expected = {0, 0, 1, 0, 2, 0, 0};
  assert_true(order_of(weighing({5, 1, 1})) == expected);
}

void nobody_has_no_order(void**) {
  Workbench bench;
  assert_int_equal(period({}), 0);
  assert_int_equal(smooth_order({}, {}, bench), 0);
  fit({});
}

void a_single_peer_is_always_next(void**) {
  for (const std::uint32_t weight : {1U, 7U, 1'000'000U, UINT32_MAX}) {
    const Shares shares = {{42, weight}};
    assert_true(order_of(shares) == Order{42});
  }
}

void equal_weights_take_turns(void**) {
  for (const std::uint32_t weight : {1U, 3U, 100'000U}) {
    assert_true(order_of(weighing({weight, weight, weight})) == (Order{0, 1, 2}));
  }
  Shares many;
  Order expected;
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    many.push_back({i, 2});
    expected.push_back(i);
  }
  assert_true(order_of(many) == expected);
}

void the_order_is_nginxs(void**) {
  for (const auto& weights : std::initializer_list<std::initializer_list<std::uint32_t>>{
           {1, 2},
           {2, 1},
           {1, 1, 2},
           {1, 2, 3},
           {3, 2, 1},
           {5, 1, 1},
           {1, 5, 1},
           {4, 3, 3, 1},
           {10, 1},
           {1, 100},
           {7, 7, 3},
           {7, 3, 7},
           {100, 99, 1},
           {2, 4, 6},
           {50, 50, 25, 25},
           {1, 2, 4, 8, 16, 32},
           {97, 89, 83},
           {1'000, 1, 1},
           {3, 3, 3, 1, 1, 1, 2, 2, 2},
       }) {
    expect_nginx_order(weighing(weights));
  }
}

void the_order_is_nginxs_for_random_weights(void**) {
  base::Pcg32 random(20'261'120);
  Workbench bench;  // one for all, as a process has it
  for (int i = 0; i < 2'000; ++i) {
    const std::uint32_t peers = 1 + random.below(12);
    const std::uint32_t heaviest = 1 + random.below(i % 2 == 0 ? 5 : 60);
    Shares shares;
    for (std::uint32_t peer = 0; peer < peers; ++peer) {
      shares.push_back({peer, 1 + random.below(heaviest)});
    }
    expect_nginx_order(shares, bench);
  }
}

// Peers that are out are left out, as nginx's scan passes over peers that are down.
void the_order_is_nginxs_for_any_subset(void**) {
  const Shares all = weighing({5, 2, 2, 8, 1, 2, 4});
  Workbench bench;
  for (std::uint32_t in = 1; in < 1U << all.size(); ++in) {
    Shares shares;
    for (const Share& share : all) {
      if ((in >> share.peer & 1U) != 0) shares.push_back(share);
    }
    expect_nginx_order(shares, bench);
  }
}

void the_period_is_the_sum_by_the_common_divisor(void**) {
  assert_int_equal(period(weighing({1})), 1);
  assert_int_equal(period(weighing({1, 2, 3})), 6);
  assert_int_equal(period(weighing({2, 4, 6})), 6);
  assert_int_equal(period(weighing({10, 10, 10})), 3);
  assert_int_equal(period(weighing({UINT32_MAX, UINT32_MAX})), 2);
  assert_int_equal(period(weighing({6, 10, 15})), 31);
}

// A workbench that has grown to the largest service allocates no more.
void a_reserved_bench_does_not_grow(void**) {
  Workbench bench;
  bench.reserve(8);
  const auto* const shares = bench.shares.data();
  const auto* const classes = bench.classes.data();
  order_of(weighing({1, 2, 3, 4, 5, 6, 7, 8}), bench);
  order_of(weighing({9, 9}), bench);
  assert_true(bench.shares.data() == shares);
  assert_true(bench.classes.data() == classes);
}

// Fitting.

void weights_that_fit_are_only_reduced(void**) {
  struct {
    Shares before;
    Shares after;
  } const rows[] = {
      {weighing({1}), weighing({1})},
      {weighing({7}), weighing({1})},
      {weighing({1, 2, 3}), weighing({1, 2, 3})},
      {weighing({10, 20, 30}), weighing({1, 2, 3})},
      {weighing({100'000, 100'000}), weighing({1, 1})},
      {weighing({4'000'000'000U, 2'000'000'000U}), weighing({2, 1})},
      {weighing({16'383, 1}), weighing({16'383, 1})},  // the largest sum of all
  };
  for (const auto& row : rows) {
    Shares fitted = row.before;
    fit(fitted);
    if (text(fitted) != text(row.after)) {
      fail_msg("%s became %s", text(row.before).c_str(), text(fitted).c_str());
    }
  }
}

std::uint64_t sum_of(const Shares& shares) {
  return std::accumulate(shares.begin(), shares.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const Share& share) { return sum + share.weight; });
}

// The sum fits, nobody is lost, nobody is overtaken, and shares are what they were within one
// part in period_max.
void expect_sane_fit(const Shares& before) {
  Shares after = before;
  fit(after);
  const auto most = static_cast<double>(period_max(before.size()));
  const auto sum_before = static_cast<double>(sum_of(before));
  const auto sum_after = static_cast<double>(sum_of(after));
  const auto peers = static_cast<double>(before.size());
  bool sane = sum_after <= most && after.size() == before.size();
  // Reduced to the letter where that will do, else as fine as there is room for.
  const auto reduced = static_cast<double>(period(before));
  sane = sane && (reduced <= most ? sum_after == reduced : sum_after >= most - 2 * peers);
  for (std::size_t i = 0; sane && i < before.size(); ++i) {
    sane = after[i].weight >= 1 && after[i].peer == before[i].peer;
    for (std::size_t j = 0; sane && j < before.size(); ++j) {
      if (before[i].weight < before[j].weight) sane = after[i].weight <= after[j].weight;
      if (before[i].weight == before[j].weight) sane = after[i].weight == after[j].weight;
    }
    // Each is cut by less than one and lifted by less than one; the sum shrinks by as many.
    const double wanted = before[i].weight / sum_before;
    const double got = after[i].weight / sum_after;
    sane = sane && std::max(wanted - got, got - wanted) <= (1 + 2 * peers * wanted) / (most / 2);
  }
  if (!sane) fail_msg("%s became %s", text(before).c_str(), text(after).c_str());
}

void weights_that_are_too_long_are_scaled_down(void**) {
  expect_sane_fit(weighing({16'384, 1}));  // one too many
  expect_sane_fit(weighing({UINT32_MAX, 1}));
  expect_sane_fit(weighing({1, UINT32_MAX}));
  expect_sane_fit(weighing({UINT32_MAX, UINT32_MAX - 1}));
  expect_sane_fit(weighing({1'000'000, 999'999, 3}));
  expect_sane_fit(weighing({65'535, 65'534, 1, 1, 2}));
}

void weights_are_scaled_sanely_whatever_they_are(void**) {
  base::Pcg32 random(4'711);
  for (int i = 0; i < 500; ++i) {
    Shares shares;
    const std::uint32_t peers = 1 + random.below(40);
    for (std::uint32_t peer = 0; peer < peers; ++peer) {
      const std::uint32_t bits = random.below(32);
      shares.push_back({peer, std::max(1U, random.next() >> bits)});
    }
    expect_sane_fit(shares);
  }
}

// Beside which every weight of the others is nothing.
void one_giant_leaves_the_others_a_turn_each(void**) {
  Shares shares = {{0, UINT32_MAX}};
  for (std::uint32_t peer = 1; peer < 100; ++peer) shares.push_back({peer, 1});
  fit(shares);
  Order order = order_of(shares);
  std::sort(order.begin(), order.end());
  for (std::uint32_t peer = 1; peer < 100; ++peer) {
    const auto [first, last] = std::equal_range(order.begin(), order.end(), peer);
    assert_int_equal(last - first, 1);
  }
}

void many_peers_have_a_longer_period(void**) {
  assert_int_equal(period_max(1), 16'384);
  assert_int_equal(period_max(4'096), 16'384);
  assert_int_equal(period_max(4'097), 16'388);
  assert_int_equal(period_max(100'000), 400'000);
  Shares shares;
  base::Pcg32 random(5);
  for (std::uint32_t peer = 0; peer < 10'000; ++peer) {
    shares.push_back({peer, 1 + random.below(1'000'000)});
  }
  fit(shares);
  assert_in_range(sum_of(shares), 20'000, 40'000);
}

// The room for a table is measured by the fitted weights of all.
void no_subset_of_fitted_weights_has_a_longer_period(void**) {
  base::Pcg32 random(99);
  for (int i = 0; i < 50; ++i) {
    Shares all;
    for (std::uint32_t peer = 0; peer < 8; ++peer) {
      all.push_back({peer, 1 + random.below(i % 2 == 0 ? 20 : UINT32_MAX - 1)});
    }
    fit(all);
    for (std::uint32_t in = 1; in < 256; ++in) {
      Shares shares;
      for (const Share& share : all) {
        if ((in >> share.peer & 1U) != 0) shares.push_back(share);
      }
      assert_true(period(shares) <= sum_of(all));
    }
  }
}

void a_fitted_order_gives_each_peer_its_weight(void**) {
  Shares shares = weighing({3'000'000, 1'000'000, 999'999, 1});
  fit(shares);
  Order order = order_of(shares);
  assert_true(order == nginx_order(shares, order.size()));
  for (const Share& share : shares) {
    assert_int_equal(std::count(order.begin(), order.end(), share.peer), share.weight);
  }
}

}  // namespace
}  // namespace kerberos::balance

int main() {
  using namespace kerberos::balance;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_order_is_the_one_that_nginx_is_known_for),
      cmocka_unit_test(nobody_has_no_order),
      cmocka_unit_test(a_single_peer_is_always_next),
      cmocka_unit_test(equal_weights_take_turns),
      cmocka_unit_test(the_order_is_nginxs),
      cmocka_unit_test(the_order_is_nginxs_for_random_weights),
      cmocka_unit_test(the_order_is_nginxs_for_any_subset),
      cmocka_unit_test(the_period_is_the_sum_by_the_common_divisor),
      cmocka_unit_test(a_reserved_bench_does_not_grow),
      cmocka_unit_test(weights_that_fit_are_only_reduced),
      cmocka_unit_test(weights_that_are_too_long_are_scaled_down),
      cmocka_unit_test(weights_are_scaled_sanely_whatever_they_are),
      cmocka_unit_test(one_giant_leaves_the_others_a_turn_each),
      cmocka_unit_test(many_peers_have_a_longer_period),
      cmocka_unit_test(no_subset_of_fitted_weights_has_a_longer_period),
      cmocka_unit_test(a_fitted_order_gives_each_peer_its_weight),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
