// SPDX-License-Identifier: MIT
//
// Who is in: the roster of a service, brought up to date when a peer has changed sides.
#include <algorithm>

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
void Service::changed(base::Instant now) {
  record_.changes.fetch_add(1);
  refresh(now);
}

void Service::refresh(base::Instant now) {
  balance::Roster roster = generation_.roster(image_);
  for (int i = 0; i < kRebuilds; ++i) {
    const std::uint64_t changes = record_.changes.load(std::memory_order_acquire);
    if (roster.current(changes + 1, now)) return;
    const base::Instant claim = roster.claim(now);
    if (claim == 0) return;  // somebody is at it; until then the old image serves
    rebuild(changes, claim, now);
  }
}

void Service::rebuild(std::uint64_t changes, base::Instant claim, base::Instant now) {
  balance::Roster roster = generation_.roster(image_);
  const balance::Due seen = roster.due();
  const balance::Roster::Draft draft = roster.draft();
  const base::Owners owners = process_.zone().owners();
  balance::Roster::Contents contents;
  for (std::uint32_t i = 0; i < peers_.size(); ++i) {
    const breaker::Breaker breaker = breaker_of(peers_[i]);
    if (peers_[i].down) continue;
    contents.until = std::min(contents.until, breaker.forced_until(now));
    if (!breaker.shut(now)) continue;
    draft.out[contents.lengths.out++].store(i, std::memory_order_relaxed);
    contents.due = std::min(contents.due, breaker.due(owners, now));
  }
  contents.panic = line_up(now);
  contents.lengths.primary = static_cast<std::uint32_t>(balance::smooth_order(
      process_.primaries(), {draft.primary, image_.room.primary}, process_.bench()));
  contents.lengths.backup = static_cast<std::uint32_t>(balance::smooth_order(
      process_.backups(), {draft.backup, image_.room.backup}, process_.bench()));
  roster.publish(draft, contents, changes + 1, seen, claim);
}

// Gathers who may be picked. Returns whether that is panic: so few primaries are in, and no backup,
// that those are asked again who answer badly, rather than nobody. Never those who refuse.
bool Service::line_up(base::Instant now) {
  const auto gather = [&](bool panic) {
    process_.primaries().clear();
    process_.backups().clear();
    for (std::uint32_t i = 0; i < peers_.size(); ++i) {
      const PeerImage& peer = peers_[i];
      const breaker::Breaker breaker = breaker_of(peer);
      if (peer.down) continue;
      if (!breaker.shut(now) || (panic && !peer.backup && breaker.admit_held(now))) {
        (peer.backup ? process_.backups() : process_.primaries()).push_back({i, peer.share});
      }
    }
  };
  gather(false);
  const bool panic =
      process_.backups().empty() &&
      process_.primaries().size() * 100 < std::size_t{image_.panic_percent} * image_.primaries;
  if (panic) gather(true);
  return panic;
}

}  // namespace kerberos::service
