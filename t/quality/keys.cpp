// SPDX-License-Identifier: MIT
#include "quality/keys.h"

#include <array>
#include <cstdio>

#include "core/balance/ring.h"
#include "core/service/service.h"

namespace kerberos::quality {

std::string key_text(std::uint64_t seed, std::uint32_t k) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%llu-user-%u", static_cast<unsigned long long>(seed), k);
  return text.data();
}

std::vector<std::uint64_t> hashed_keys(std::uint64_t seed, std::uint32_t count) {
  std::vector<std::uint64_t> keys;
  keys.reserve(count);
  for (std::uint32_t k = 0; k < count; ++k) keys.push_back(balance::hash_of(key_text(seed, k)));
  return keys;
}

registry::Service hashing(std::string_view balance, const std::vector<std::uint32_t>& peers) {
  registry::Service made = service_of(balance, equal(static_cast<std::uint32_t>(peers.size())));
  for (std::size_t i = 0; i < peers.size(); ++i) {
    const std::string address = name_of(peers[i]);
    made.peers[i].addresses = {{{address.begin(), address.end()}, address}};
  }
  return made;
}

void each_owner(Gateway& gateway, std::uint64_t seed, std::uint32_t keys, base::Instant now,
                const std::function<void(std::uint32_t key, std::uint32_t peer)>& tell) {
  service::Request request;
  request.service = 0;
  for (std::uint32_t k = 0; k < keys; ++k) {
    service::Service service(gateway.worker(k % kWorkers), 0);
    service.open(request, true, key_text(seed, k));
    if (!service.pick(request, now).picked) give_up("no peer for a key");
    tell(k, request.peer);
    service.report(request, {.outcome = breaker::Outcome::kSuccess, .status = 200}, now);
  }
}

}  // namespace kerberos::quality
