// SPDX-License-Identifier: MIT
#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/service/service.h"
#include "quality/chance.h"
#include "quality/keys.h"
#include "quality/parts.h"
#include "quality/rivals.h"

namespace kerberos::quality {
namespace {

using Numbers = std::vector<std::uint32_t>;

// Several sets of peers, because one may be lucky. The keys are so many that chance gives a peer
// no more than a few thousandths too much.
struct Size {
  std::uint32_t peers;
  std::uint32_t sets;
  std::uint32_t keys;
};
constexpr Size kSizes[] = {{10, 10, 1'000'000}, {100, 1, 10'000'000}, {1'000, 1, 40'000'000}};

Numbers numbers(std::uint32_t first, std::uint32_t count) {
  Numbers made(count);
  std::iota(made.begin(), made.end(), first);
  return made;
}

// How unequal shares are, averaged over the sets.
struct Spread {
  double peak = 0, least = 0, deviation = 0;

  // `shares` are those of the peers in all keys.
  void add(std::vector<double> shares, std::uint32_t sets) {
    const auto peers = static_cast<double>(shares.size());
    double squares = 0;
    for (double& share : shares) {
      share *= peers;
      squares += (share - 1) * (share - 1);
    }
    peak += *std::max_element(shares.begin(), shares.end()) / sets;
    least += *std::min_element(shares.begin(), shares.end()) / sets;
    deviation += std::sqrt(squares / peers) / sets;
  }
  [[nodiscard]] Json json() const {
    return {{"peak", peak}, {"least", least}, {"deviation", deviation}};
  }
};

std::vector<double> our_shares(const Numbers& peers, std::uint64_t seed, std::uint32_t keys) {
  Gateway gateway(hashing("hash $key", peers), seed);
  std::vector<double> shares(peers.size());
  each_owner(gateway, seed, keys, 1'000'000,
             [&](std::uint32_t, std::uint32_t peer) { shares[peer] += 1.0 / keys; });
  return shares;
}

// So many requests a peer are in flight at once, with keys of that distribution: the most of a
// peer by the average, and how many requests are where plain hash would have them.
Json held(std::uint32_t peers, double zipf, std::uint64_t seed) {
  constexpr std::uint32_t kEach = 20;
  constexpr base::Instant kNow = 1'000'000;
  const Keys keys(1'000'000, zipf);
  Json all;
  Numbers plain;
  for (const char* balance : {"hash $key", "hash $key bounded=150%", "hash $key bounded=125%"}) {
    Chance chance(seed);
    Gateway gateway(service_of(balance, equal(peers)), seed);
    Numbers counts(peers);
    Numbers owners;
    for (std::uint32_t i = 0; i < peers * kEach; ++i) {
      service::Request request;
      request.service = 0;
      service::Service service(gateway.worker(i % kWorkers), 0);
      service.open(request, true, key_text(seed, keys.draw(chance)));
      if (!service.pick(request, kNow).picked) give_up("no peer for a request");
      owners.push_back(request.peer);
      ++counts[request.peer];
    }
    if (plain.empty()) plain = owners;
    double same = 0;
    for (std::size_t i = 0; i < owners.size(); ++i) same += owners[i] == plain[i] ? 1 : 0;
    all[balance] = {
        {"in_flight_peak", 1.0 * *std::max_element(counts.begin(), counts.end()) / kEach},
        {"at_home", same / static_cast<double>(owners.size())}};
  }
  return all;
}

}  // namespace

Json key_shares(std::uint64_t seed) {
  Json all;
  for (const Size& size : kSizes) {
    const std::string n = std::to_string(size.peers);
    Spread ours;
    std::vector<Spread> theirs(rivals().size());
    for (std::uint32_t set = 0; set < size.sets; ++set) {
      const Numbers peers = numbers(set * 10'000, size.peers);
      ours.add(our_shares(peers, seed, size.keys), size.sets);
      for (std::size_t r = 0; r < rivals().size(); ++r) {
        theirs[r].add(rivals()[r].shares(peers), size.sets);
      }
    }
    all["plain"][n]["kerberos"] = ours.json();
    for (std::size_t r = 0; r < rivals().size(); ++r) {
      all["plain"][n][std::string(rivals()[r].name)] = theirs[r].json();
    }
    all["held_uniform"][n] = held(size.peers, 0, seed);
    all["held_zipf"][n] = held(size.peers, 1, seed);
  }
  return all;
}

}  // namespace kerberos::quality
