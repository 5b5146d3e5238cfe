// SPDX-License-Identifier: MIT
//
// Who is in: the roster of a service, brought up to date when a peer has changed sides.
#include <algorithm>

#include "core/service/draw_up.h"
#include "core/service/service.h"

namespace kerberos::service {
namespace {

// A roster that goes on changing under its builder is left to the next who notices.
constexpr int kRebuilds = 3;

}  // namespace

void Service::force(std::uint32_t peer, breaker::Forced forced, base::Instant now) {
  breaker_of(peers_[peer]).force(forced);
  changed(now);
}

// A peer changed sides, or was found on the wrong one: every generation's roster of this service
// is stale from here on.
void Service::changed(base::Instant now, Haste haste) {
  record_.changes.fetch_add(1);
  refresh(now, haste);
}

// Brings the roster up to date; returns whether it had to.
bool Service::refresh(base::Instant now, Haste haste) {
  balance::Roster roster = generation_.roster(image_);
  for (int i = 0; i < kRebuilds; ++i) {
    const std::uint64_t changes = record_.changes.load(std::memory_order_acquire);
    if (roster.current(changes + 1, now)) return i != 0;
    if (haste == Haste::kMayRest && roster.resting(now)) return i != 0;
    const base::Instant claim = roster.claim(now);
    if (claim == 0) return i != 0;  // somebody is at it; until then the old image serves
    rebuild(changes, claim, now);
  }
  return true;
}

void Service::rebuild(std::uint64_t changes, base::Instant claim, base::Instant now) {
  balance::Roster roster = generation_.roster(image_);
  balance::Workbench& bench = process_.bench();
  const balance::Roster::Draft draft = roster.draft();
  balance::Roster::Contents contents = line_up(now);
  for (const balance::Tier tier : balance::kAllTiers) {
    const auto t = static_cast<std::size_t>(tier);
    contents.lengths[t] = draw_up(generation_, image_, tier, bench.in, draft.tiers[t], bench);
  }
  generation_.due(image_).rebuild([&](std::uint32_t peer) { return due_of(peer, now); });
  roster.publish(draft, contents, changes + 1, claim);
  rank_all(now);  // by the image in force
}

// Finds out who is in. So few primaries may be, and no backup, that it is panic: then those are
// asked again who answer badly, rather than nobody. Never those who refuse.
balance::Roster::Contents Service::line_up(base::Instant now) {
  balance::Roster::Contents contents;
  const auto rest = static_cast<base::Millis>(peers_.size() / balance::Roster::kRestPeers);
  if (rest != 0) contents.rest = now + rest;
  auto& in = process_.bench().in;
  in.assign(peers_.size(), 0);
  std::uint32_t counts[balance::kTiers] = {};
  const auto enter = [&](std::uint32_t peer) {
    const std::size_t tier = peers_[peer].backup ? 1 : 0;
    in[peer] = 1;
    ++counts[tier];
    contents.weights[tier] += peers_[peer].weight;
  };
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    if (peers_[i].down) continue;
    const breaker::Breaker breaker = breaker_of(peers_[i]);
    contents.until = std::min(contents.until, breaker.forced_until(now));
    if (breaker.shut(now)) {
      ++contents.out;
    } else {
      enter(i);
    }
  }
  contents.panic = counts[1] == 0 && std::size_t{counts[0]} * 100 <
                                         std::size_t{image_.panic_percent} * image_.primaries;
  if (!contents.panic) return contents;
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    const PeerImage& peer = peers_[i];
    const bool held = in[i] == 0 && !peer.down && !peer.backup && breaker_of(peer).admit_held(now);
    if (held) enter(i);
  }
  return contents;
}

}  // namespace kerberos::service
