// SPDX-License-Identifier: MIT
#include "sim/peer_script.h"

#include <algorithm>

namespace kerberos::sim {
namespace {

using breaker::Freed;

constexpr base::Millis kConnectTimeout = 800;
constexpr base::Millis kReadTimeout = 4'000;

// The evidence of a response that came to its end, as nginx shows it.
Fate answer(int status, base::Millis header, base::Millis body) {
  Fate fate;
  fate.evidence = {.freed = status >= 500 ? Freed::kFailed : Freed::kDone,
                   .finalized = true,
                   .status = status,
                   .header_received = true,
                   .header_sent = true,
                   .request_sent = true,
                   .bytes_received = true};
  fate.header = header;
  fate.end = header + body;
  return fate;
}

// One that nginx gave up without a response.
Fate failure(breaker::Evidence evidence, base::Millis end) {
  evidence.freed = Freed::kFailed;
  Fate fate;
  fate.evidence = evidence;
  fate.end = end;
  return fate;
}

Fate cut(base::Millis end, std::uint32_t how) {
  switch (how) {
    case 0:
      return failure({.request_sent = true, .read_eof = true}, end);
    case 1:
      return failure({.request_sent = true, .read_error = true}, end);
    case 2:
      return failure({.request_sent = true, .bytes_received = true}, end);
    default:
      return failure({.reused = true, .read_eof = true}, 0);
  }
}

Fate broken_body(base::Millis header, bool stalls) {
  Fate fate = answer(200, header, stalls ? kReadTimeout : 3);
  fate.evidence.finalize = stalls ? 504 : 502;
  fate.evidence.read_timed_out = stalls;
  return fate;
}

Fate limited(base::Millis header, bool unavailable) {
  Fate fate = answer(unavailable ? 503 : 429, header, 0);
  fate.evidence.freed = Freed::kDone;
  fate.evidence.retry_after = true;
  return fate;
}

Fate poisoned(Poison poison, base::Millis latency) {
  switch (poison) {
    case Poison::kHang:
      return failure({.request_sent = true, .read_timed_out = true}, kReadTimeout);
    case Poison::kReset:
      return cut(latency, 1);
    case Poison::kNonsense:
      return cut(latency, 2);
    default:
      return cut(latency, 0);
  }
}

}  // namespace

Machine::Machine(std::uint64_t seed, std::uint32_t trouble)
    : dice_(seed), troubled_(dice_.chance(trouble)), latency_(dice_.scaled(1, 30)) {}

const Machine::Phase& Machine::phase(base::Instant now) {
  while (now >= phase_.end) {
    Phase next;
    next.begin = phase_.end == 0 ? now : phase_.end;
    if (troubled_ && dice_.chance(65)) next.conduct = static_cast<Conduct>(dice_.below(kConducts));
    next.end = std::max(next.begin + dice_.scaled(200, 20'000), now - 60'000);
    next.percent = dice_.number(20, 100);
    next.period = dice_.scaled(20, 4'000);
    phase_ = next;
  }
  return phase_;
}

Fate Machine::serve(base::Instant now, Poison poison, Dice& dice) {
  const Phase& phase = this->phase(now);
  const base::Millis latency = dice.span(0, latency_);
  const bool hit = dice.chance(phase.percent);
  // Faster than what any operator here calls slow.
  if (healed_) return answer(200, dice.span(0, 5), dice.span(0, 3));
  switch (phase.conduct) {
    case Conduct::kRefusing:
      return failure({}, dice.span(0, 1));
    case Conduct::kMute:
      return failure({.connect_timed_out = true}, kConnectTimeout);
    case Conduct::kBadTls:
      return failure({.tls = true}, latency);
    case Conduct::kHanging:
      return failure({.request_sent = true, .read_timed_out = true}, kReadTimeout);
    default:
      break;
  }
  if (poison != Poison::kNone) return poisoned(poison, latency);
  switch (phase.conduct) {
    case Conduct::kErrors:
      if (hit) return answer(dice.chance(80) ? 500 : 502, latency, 0);
      break;
    case Conduct::kFlapping:
      if ((now / phase.period) % 2 == 0) return hit ? failure({}, 0) : answer(500, latency, 0);
      break;
    case Conduct::kSlow:
      if (hit) return answer(200, latency + dice.scaled(50, 2'000), dice.span(0, 50));
      break;
    case Conduct::kCutting:
      if (hit) return cut(latency, dice.below(4));
      break;
    case Conduct::kTruncating:
      if (hit) return broken_body(latency, dice.chance(20));
      break;
    case Conduct::kLimiting:
      if (hit) return limited(latency, dice.chance(50));
      break;
    case Conduct::kRecovering: {
      const base::Millis left = (phase.end - now) * 100 / (phase.end - phase.begin);
      if (dice.chance(static_cast<std::uint32_t>(std::clamp<base::Millis>(left, 0, 100)))) {
        return answer(500, latency, 0);
      }
      break;
    }
    default:
      break;
  }
  const bool long_body = dice.chance(3);
  return answer(dice.chance(95) ? 200 : 404, latency, dice.span(0, long_body ? 5'000 : 10));
}

}  // namespace kerberos::sim
