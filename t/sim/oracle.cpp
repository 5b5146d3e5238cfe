// SPDX-License-Identifier: MIT
#include "sim/oracle.h"

#include <algorithm>

#include "core/breaker/lease.h"
#include "sim/expect.h"

namespace kerberos::sim {
namespace {

using breaker::Cause;
using breaker::Mode;
using breaker::Outcome;
using breaker::Reason;
using breaker::Way;

constexpr std::int64_t kTenths = 10;

const char* text(State state) {
  static constexpr const char* kNames[] = {"CLOSED", "OPEN", "HALF_OPEN"};
  return kNames[static_cast<std::size_t>(state)];
}

bool refused(Cause cause) {
  return cause == Cause::kConnectRefused || cause == Cause::kConnectTimeout ||
         cause == Cause::kHandshake;
}

std::uint64_t half_if(bool ramping, std::uint64_t threshold) {
  return ramping ? (threshold + 1) / 2 : threshold;
}

Millis base_time(const Options& options, std::uint32_t doublings) {
  Millis span = options.timeout;
  for (std::uint32_t i = 0; i < doublings && span < options.max_timeout; ++i) span *= 2;
  return doublings == 0 ? span : std::min(span, options.max_timeout);
}

bool too_many(std::uint64_t part, const breaker::Tally& tally, std::uint64_t percent) {
  return part * 100 >= tally.attempts * percent;
}

// A lease keeps but the low bits of its owner's life: 32 lives later a dead one looks alive.
bool alive(const base::Owner& owner, const Lives& lives) {
  return lives[owner.slot] != 0 &&
         ((lives[owner.slot] ^ owner.life) & breaker::Lease::kLifeMask) == 0;
}

void add(breaker::Tally& sum, const breaker::Tally& tally) {
  sum.attempts += tally.attempts;
  sum.failures += tally.failures;
  sum.slow += tally.slow;
}

}  // namespace

void TenthsModel::clear() {
  tenths_.clear();
  span_ = 0;
  mixed_ = false;
  newest_ = 0;
}

void TenthsModel::add(Instant now, Millis length, bool failed, bool slow) {
  const Millis span = std::max<Millis>(1, length / kTenths);
  mixed_ |= span_ != 0 && span_ != span;
  span_ = span;
  const std::int64_t number = now / span;
  // It empties a newer tenth that has its place.
  mixed_ |= number <= newest_ - kTenths;
  newest_ = std::max(newest_, number);
  while (!tenths_.empty() && tenths_.front().number < newest_ - 4 * kTenths) tenths_.pop_front();
  auto tenth = std::ranges::find(tenths_, number, &Tenth::number);
  if (tenth == tenths_.end()) {
    tenths_.push_back({number, {}});
    tenth = tenths_.end() - 1;
  }
  sim::add(tenth->tally, {1, failed ? 1U : 0U, slow ? 1U : 0U});
}

std::optional<TenthsModel::Bounds> TenthsModel::tally(Instant now, Millis length,
                                                      Instant since) const {
  const Millis span = std::max<Millis>(1, length / kTenths);
  if (mixed_ || (span_ != 0 && span_ != span)) return std::nullopt;
  const std::int64_t last = now / span;
  Bounds bounds;
  for (const Tenth& tenth : tenths_) {
    if (tenth.number > last || tenth.number <= last - kTenths) continue;
    sim::add(bounds.most, tenth.tally);
    if (tenth.number > newest_ - kTenths && tenth.number >= since / span)
      sim::add(bounds.least, tenth.tally);
  }
  return bounds;
}

std::uint64_t LeaseModel::bits() const {
  return breaker::Lease{owner, epoch, answered, deadline}.pack();
}

Way PeerModel::forced_way(Instant now) const {
  return now < forced.until ? forced.way : Way::kNone;
}

bool PeerModel::shut(const Options& options, Instant now) const {
  const Way way = forced_way(now);
  if (way != Way::kNone) return way == Way::kOpen;
  return options.mode == Mode::kEnforce && state != State::kClosed;
}

bool PeerModel::lets_in_for_panic(Instant now) const {
  return held && forced_way(now) != Way::kOpen;
}

bool PeerModel::ramping(const Options& options, Instant now) const {
  return state == State::kClosed && epoch != 0 && base::elapsed(until, now) < options.ramp;
}

std::uint32_t PeerModel::probes_alive(const Lives& lives, Instant now) const {
  return static_cast<std::uint32_t>(std::ranges::count_if(leases, [&](const LeaseModel& lease) {
    return alive(lease.owner, lives) && now < lease.deadline;
  }));
}

bool PeerModel::probe_due(const Options& options, const Lives& lives, Instant now) const {
  if (options.mode == Mode::kOff || forced_way(now) != Way::kNone) return false;
  // Half-open: a process whose clock is behind may not know it yet.
  if (state == State::kClosed || now < until) return false;
  return state == State::kOpen || probes_alive(lives, now) < options.probes;
}

Instant PeerModel::next_probe(const Options& options, const Lives& lives, Instant now) const {
  if (forced_way(now) != Way::kNone) return forced.until;
  if (state == State::kOpen || probes_alive(lives, now) < options.probes) return until;
  // More may be out than these options allow: so many have to end.
  std::vector<Instant> deadlines;
  for (const LeaseModel& lease : leases) {
    if (alive(lease.owner, lives) && now < lease.deadline) deadlines.push_back(lease.deadline);
  }
  std::ranges::sort(deadlines);
  return deadlines[deadlines.size() - options.probes];
}

AttemptModel PeerModel::admitted(const breaker::Pass& pass, base::Owner self,
                                 const Options& options, const Lives& lives, Instant now) {
  ++requests;
  ++in_flight;
  expect_equal(pass.epoch, epoch & breaker::Word::kEpochMask, name, ": epoch of the pass");
  AttemptModel attempt{.epoch = epoch, .probe = pass.probe(), .owner = self};
  if (!pass.probe()) return attempt;
  expect(state == State::kHalfOpen, name, ": probe of a breaker that is ", text(state));
  expect(probes_alive(lives, now) < options.probes, name, ": more than ", options.probes,
         " probes");
  attempt.place = pass.place;
  attempt.deadline = std::max(now, until) + options.probe_timeout;
  expect(std::ranges::none_of(leases, [&](auto& lease) { return lease.place == pass.place; }), name,
         ": two leases in place ", pass.place);
  leases.push_back({pass.place, self, epoch, false, attempt.deadline});
  expect_equal(pass.lease, leases.back().bits(), name, ": lease");
  return attempt;
}

void PeerModel::answered(AttemptModel& attempt, const Judgement& judgement, Instant now) {
  if (!attempt.probe || now >= attempt.deadline) return;
  if (judgement.outcome == Outcome::kFailure || judgement.slow ||
      judgement.cause == Cause::kRateLimited) {
    return;
  }
  for (LeaseModel& lease : leases) {
    if (lease.place != attempt.place || lease.owner.slot != attempt.owner.slot ||
        lease.owner.life != attempt.owner.life || lease.epoch != attempt.epoch ||
        lease.deadline != attempt.deadline) {
      continue;
    }
    lease.answered = true;
    attempt.answered = true;
  }
}

std::optional<LeaseModel> PeerModel::take_lease(std::uint32_t place, std::uint64_t bits) {
  const auto found = std::ranges::find_if(leases, [&](const LeaseModel& lease) {
    return lease.place == place && lease.bits() == bits;
  });
  if (found == leases.end()) return std::nullopt;
  const LeaseModel taken = *found;
  leases.erase(found);
  return taken;
}

Foreseen PeerModel::ended(const AttemptModel& attempt, const Judgement& judgement,
                          const Options& options, Instant now) {
  --in_flight;
  ++(judgement.outcome == Outcome::kSuccess   ? successes
     : judgement.outcome == Outcome::kFailure ? failures
                                              : neutral);
  if (judgement.cause != Cause::kNone) ++causes[static_cast<std::size_t>(judgement.cause)];
  if (judgement.slow && judgement.cause != Cause::kSlow) {
    ++causes[static_cast<std::size_t>(Cause::kSlow)];
  }
  bool settled = false;
  if (attempt.probe) {
    const LeaseModel lease{attempt.place, attempt.owner, attempt.epoch, attempt.answered,
                           attempt.deadline};
    settled = !take_lease(attempt.place, lease.bits());
  }
  if (options.mode == Mode::kOff) return {};
  if (settled || attempt.epoch != epoch) {
    ++late;
    return {};
  }
  if (!attempt.probe) {
    return state == State::kClosed ? foresee_closed(judgement, options, now) : Foreseen{};
  }
  if (state != State::kHalfOpen) return {};
  if (judgement.outcome == Outcome::kFailure || judgement.slow ||
      judgement.cause == Cause::kRateLimited) {
    return {.to = State::kOpen, .reason = Reason::kProbe, .failures = 1, .tally = {}};
  }
  if (judgement.outcome == Outcome::kNeutral) return {};
  if (++run < options.successes) return {};
  return {.to = State::kClosed, .tally = {}};
}

Foreseen PeerModel::foresee_closed(const Judgement& judgement, const Options& options,
                                   Instant now) {
  const bool failed = judgement.outcome == Outcome::kFailure;
  const bool wants_window = options.failure_rate_percent != 0 || options.slow != 0 ||
                            options.max_timeout > options.timeout;
  if (wants_window && (judgement.outcome != Outcome::kNeutral || judgement.slow)) {
    tenths.add(now, options.window, failed, judgement.slow);
  }
  if (judgement.outcome == Outcome::kSuccess) {
    run = 0;
    decay(options, now);
  }
  const bool coming_back = ramping(options, now);
  Foreseen foreseen;
  foreseen.capped = options.max_open_percent < 100 && !refused(judgement.cause);
  if (failed) {
    foreseen.failures = ++run;
    if (options.threshold != 0 && run >= half_if(coming_back, options.threshold)) {
      foreseen.to = State::kOpen;
      foreseen.reason = Reason::kConsecutive;
      return foreseen;
    }
  }
  const bool by_failures = failed && options.failure_rate_percent != 0;
  if (!by_failures && !judgement.slow) return foreseen;
  const auto bounds = tenths.tally(now, options.window, until);
  foreseen.certain = bounds && bounds->exact();
  if (!foreseen.certain) return foreseen;
  const breaker::Tally& tally = bounds->most;
  foreseen.tally = tally;
  if (tally.attempts < half_if(coming_back, options.min_requests)) return foreseen;
  if (by_failures &&
      too_many(tally.failures, tally, half_if(coming_back, options.failure_rate_percent))) {
    foreseen.to = State::kOpen;
    foreseen.reason = Reason::kFailureRate;
  } else if (judgement.slow &&
             too_many(tally.slow, tally, half_if(coming_back, options.slow_rate_percent))) {
    foreseen.to = State::kOpen;
    foreseen.reason = Reason::kSlowRate;
  }
  return foreseen;
}

// One doubling less for every whole window of good service with enough requests.
void PeerModel::decay(const Options& options, Instant now) {
  if (doublings == 0) return;
  if (base::elapsed(std::max(decayed_at, until), now) < options.window) return;
  const auto bounds = tenths.tally(now, options.window, until);
  if (!bounds || !bounds->exact()) {
    // Follow: at most one, now.
    const std::uint32_t actual = record->breaker.doublings.load();
    expect(actual == doublings || actual + 1 == doublings, name, ": doublings fell from ",
           doublings, " to ", actual);
    if (actual != doublings) decayed_at = now;
    doublings = actual;
    return;
  }
  if (bounds->most.attempts < options.min_requests) return;
  --doublings;
  decayed_at = now;
}

void PeerModel::follow(const breaker::Transition& told, const Options& options, Instant now) {
  expect(told.from == state, name, ": told ", text(told.from), " -> ", text(told.to),
         ", but it was ", text(state));
  const bool legal = (told.from == State::kClosed && told.to == State::kOpen) ||
                     (told.from == State::kOpen && told.to == State::kHalfOpen) ||
                     (told.from == State::kHalfOpen && told.to != State::kHalfOpen);
  expect(legal, name, ": illegal transition ", text(told.from), " -> ", text(told.to));
  expect_equal(told.epoch, (epoch + 1) & breaker::Word::kEpochMask, name, ": epoch that was told");
  expect_equal(told.observed, options.mode == Mode::kObserve, name, ": observed");
  expect(options.mode != Mode::kOff, name, ": transition of a breaker that is off");
  switch (told.to) {
    case State::kOpen: {
      const bool again = state == State::kHalfOpen;
      std::uint32_t most = 0;
      while (base_time(options, most) < options.max_timeout) ++most;
      doublings = std::min(doublings + (again || ramping(options, now) ? 1 : 0), most);
      const Millis span = base_time(options, doublings);
      expect(told.span >= span && told.span <= span + span * options.jitter_percent / 100, name,
             ": open for ", told.span, " ms, expected ", span, " ms and a jitter of ",
             options.jitter_percent, "%");
      expect(told.span >= options.timeout, name, ": open for less than timeout");
      expect(told.span <= options.max_timeout + options.max_timeout * options.jitter_percent / 100,
             name, ": open for longer than max_timeout and its jitter");
      held = !refused(told.last) && (again ? held : true);
      until = now + told.span;
      ++trips;
      if (!again) opened_at = now;
      break;
    }
    case State::kHalfOpen:
      expect(now >= until, name, ": half-open ", until - now, " ms too early");
      until = now;
      break;
    case State::kClosed:
      expect_equal(told.span, base::elapsed(opened_at, now), name, ": time since it opened");
      held = false;
      until = now;
      break;
  }
  state = told.to;
  ++epoch;
  run = 0;
  tenths.clear();
}

void PeerModel::follow_look(std::span<const breaker::Transition> told, const Options& options,
                            const Lives& lives, Instant now) {
  std::size_t next = 0;
  const auto follow_next = [&](State to) {
    expect(next < told.size() && told[next].to == to, name, ": was not told to be ", text(to));
    follow(told[next++], options, now);
  };
  if (!told.empty() && told[0].from == State::kOpen) follow_next(State::kHalfOpen);
  for (std::uint32_t place = 0; place < breaker::kProbesMax; ++place) {
    const auto found = std::ranges::find(leases, place, &LeaseModel::place);
    if (found == leases.end() || record->breaker.leases[place].load() == found->bits()) continue;
    const LeaseModel lease = *found;
    leases.erase(found);
    if (!alive(lease.owner, lives)) continue;  // orphaned: no verdict
    expect(now >= lease.deadline, name, ": a lease was taken away ", lease.deadline - now,
           " ms early");
    if (state != State::kHalfOpen || lease.epoch != epoch) continue;
    if (!lease.answered) {
      follow_next(State::kOpen);
    } else if (++run >= options.successes) {
      follow_next(State::kClosed);
    }
  }
  expect(next == told.size(), name, ": a transition without a reason");
}

void PeerModel::compare() const {
  const breaker::Words& words = record->breaker;
  const auto word = breaker::Word::unpack(words.word.load());
  expect(word.state == state, name, ": is ", text(word.state), ", expected ", text(state));
  expect_equal(word.held, held, name, ": held");
  expect_equal(word.epoch, epoch & breaker::Word::kEpochMask, name, ": epoch");
  expect_equal(word.until, until, name, ": until");
  expect_equal(breaker::Run::count(words.run.load(), word.epoch), run, name, ": run");
  expect_equal(words.doublings.load(), doublings, name, ": doublings");
  expect_equal(words.why.told.load(), logged & breaker::Word::kEpochMask, name,
               ": epoch told last");
  expect_equal(words.trips.load(), trips, name, ": trips");
  expect_equal(words.late.load(), late, name, ": late");
  expect_equal(words.overflow.load(), overflow, name, ": overflow");
  expect_equal(words.intent.load(), 0U, name, ": intent");
  for (std::uint32_t place = 0; place < breaker::kProbesMax; ++place) {
    const auto found = std::ranges::find(leases, place, &LeaseModel::place);
    const std::uint64_t wanted = found == leases.end() ? 0 : found->bits();
    expect_equal(words.leases[place].load(), wanted, name, ": lease in place ", place);
  }
  expect_equal(record->counters.requests.load(), requests, name, ": requests");
  expect_equal(record->counters.successes.load(), successes, name, ": successes");
  expect_equal(record->counters.failures.load(), failures, name, ": failures");
  expect_equal(record->counters.neutral.load(), neutral, name, ": neutral");
  expect_equal(requests, successes + failures + neutral + in_flight + unburied + lost, name,
               ": sum of its requests");
  for (std::size_t cause = 0; cause < causes.size(); ++cause) {
    expect_equal(record->causes[cause].load(), causes[cause], name, ": cause ", cause);
  }
}

}  // namespace kerberos::sim
