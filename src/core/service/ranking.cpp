// SPDX-License-Identifier: MIT
//
// The peers of a service in order of their load, for the method that wants the least of all.
#include "core/balance/least_conn.h"
#include "core/service/service.h"

namespace kerberos::service {

// Looks at a peer's load, and puts it where it belongs among the others.
balance::Load Service::weigh(std::uint32_t peer, base::Instant now) {
  const balance::Tier tier = peers_[peer].backup ? balance::Tier::kBackup : balance::Tier::kPrimary;
  balance::Load load;
  generation_.loads(image_, tier).update(peer, [&] {
    load = load_of(peer);
    return key_of(peer, load, now);
  });
  return load;
}

// Whoever is out or full is not in the contest.
std::uint32_t Service::key_of(std::uint32_t peer, const balance::Load& load,
                              base::Instant now) const {
  const PeerImage& image = peers_[peer];
  const breaker::Breaker breaker = breaker_of(image);
  const bool in =
      !breaker.shut(now) ||
      (!image.backup && generation_.roster(image_).lineup().panic && breaker.admit_held(now));
  const bool full = image.max_conns != 0 && load.in_flight >= image.max_conns;
  return in && !full && !image.down ? load.key() : balance::Loads::kOut;
}

void Service::rank_all(base::Instant now) {
  if (!image_.balance.ranks()) return;
  for (const balance::Tier tier : balance::kAllTiers) {
    const bool backup = tier == balance::Tier::kBackup;
    generation_.loads(image_, tier).rebuild([&](std::uint32_t peer) {
      if (peers_[peer].backup != backup) return balance::Loads::kOut;
      return key_of(peer, load_of(peer), now);
    });
  }
}

}  // namespace kerberos::service
