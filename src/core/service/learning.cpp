// SPDX-License-Identifier: MIT
//
// What the end of an attempt teaches about a peer's pace, for the methods that want to know.
#include <algorithm>

#include "core/balance/adaptive.h"
#include "core/balance/average.h"
#include "core/balance/ewma.h"
#include "core/service/service.h"

namespace kerberos::service {
namespace {

using breaker::Cause;
using breaker::Judgement;
using breaker::Outcome;

// A response may be nobody's failure and yet no service to the client: it says "not now" or "not
// here", and mostly says so fast.
bool served(const Judgement& judgement) {
  return judgement.outcome == Outcome::kSuccess && judgement.status != 429 &&
         judgement.status < 500;
}

// The client left, nothing was sent, or the request is to blame: nobody knows how the peer would
// have done.
bool tells_nothing(const Judgement& judgement) {
  if (judgement.outcome != Outcome::kNeutral || judgement.status >= 500) return false;
  switch (judgement.cause) {
    case Cause::kNone:
    case Cause::kClientGone:
    case Cause::kStale:
    case Cause::kCorrelated:
      return true;
    default:
      return false;
  }
}

}  // namespace

void Service::learn(PeerRecord& record, const Judgement& judgement, base::Instant now) {
  const balance::Options& options = image_.balance;
  if (!options.learns() || tells_nothing(judgement)) return;
  const bool good = served(judgement);
  const auto latency = static_cast<float>(judgement.duration);
  balance::Average usual(record_.counters.latency);
  if (good) usual.add(latency, now, balance::kEwmaDecay);
  if (!options.adaptive) {
    const float counted =
        good ? latency : balance::ewma_penalty(latency, usual.value().value_or(0.0F));
    balance::Peak(record.pace.peak).add(counted, now, balance::kEwmaDecay);
    return;
  }
  if (good) balance::Average(record.pace.latency).add(latency, now, balance::kAdaptiveDecay);
  const float error = good ? 0.0F : 1.0F;
  balance::Average(record.pace.errors).add(error, now, balance::kAdaptiveDecay);
  balance::Average(record_.counters.errors).add(error, now, balance::kAdaptiveDecay);
  adapt(record, now);
}

// Brings a peer's share up to date, once a pause and by one process.
void Service::adapt(PeerRecord& record, base::Instant now) {
  std::uint64_t bits = record.pace.factor.load(std::memory_order_relaxed);
  const auto factor = balance::Factor::unpack(bits);
  if (base::elapsed(factor.at, now) < balance::kAdaptivePause) return;
  const float errors = balance::Average(record_.counters.errors).value().value_or(0.0F);
  const float latency = balance::Average(record_.counters.latency).value().value_or(0.0F);
  const balance::Achievement its{
      balance::Average(record.pace.errors).value(errors, balance::kAdaptivePrior),
      balance::Average(record.pace.latency).value(latency, balance::kAdaptivePrior)};
  const balance::Factor next{balance::adapted(factor.percent, its, {errors, latency}), now};
  record.pace.factor.compare_exchange_strong(bits, next.pack(), std::memory_order_relaxed);
}

}  // namespace kerberos::service
