// SPDX-License-Identifier: MIT
#include "core/report/transition.h"

#include <algorithm>
#include <cinttypes>
#include <cstdio>

namespace kerberos::report {
namespace {

// Appends printf-wise and remembers the end.
class Line {
 public:
  explicit Line(std::span<char> room) : room_(room) {}

  template <class... Args>
  void add(const char* format, Args... args) {
    const std::span<char> rest = room_.subspan(length_);
    if (rest.size() <= 1) return;
    const int wrote = std::snprintf(rest.data(), rest.size(), format, args...);
    if (wrote > 0) length_ += std::min(static_cast<std::size_t>(wrote), rest.size() - 1);
  }

  void add_text(std::string_view text) { add("%.*s", static_cast<int>(text.size()), text.data()); }

  // "30.4s"
  void add_span(base::Millis span) { add("%.1fs", static_cast<double>(span) / 1000.0); }

  [[nodiscard]] std::string_view text() const { return {room_.data(), length_}; }

 private:
  std::span<char> room_;
  std::size_t length_ = 0;
};

const char* name_of(breaker::State state) {
  switch (state) {
    case breaker::State::kClosed:
      return "CLOSED";
    case breaker::State::kOpen:
      return "OPEN";
    case breaker::State::kHalfOpen:
      return "HALF_OPEN";
  }
  return "UNKNOWN";
}

void add_rate(Line& line, const char* what, std::uint64_t part,
              const breaker::Transition& transition) {
  const std::uint64_t attempts = transition.tally.attempts;
  line.add("%s rate %" PRIu64 "%% of %" PRIu64 " attempts in ", what,
           attempts == 0 ? 0 : part * 100 / attempts, attempts);
  line.add_span(transition.window);
}

void add_opening(Line& line, const breaker::Transition& transition) {
  switch (transition.reason) {
    case breaker::Reason::kProbe:
      line.add_text("probe failed");
      break;
    case breaker::Reason::kFailureRate:
      add_rate(line, "failure", transition.tally.failures, transition);
      break;
    case breaker::Reason::kSlowRate:
      add_rate(line, "slow", transition.tally.slow, transition);
      line.add_text(" over ");
      line.add_span(transition.slow);
      break;
    case breaker::Reason::kNone:
    case breaker::Reason::kConsecutive:
      line.add("%" PRIu64 " consecutive failure%s", transition.failures,
               transition.failures == 1 ? "" : "s");
      break;
  }
  line.add_text(" (last: ");
  line.add_text(breaker::describe(transition.last));
  if (breaker::has_number(transition.last)) line.add(" %u", unsigned{transition.number});
  line.add_text("), probe in ");
  line.add_span(transition.span);
}

void add_reason(Line& line, const breaker::Transition& transition) {
  switch (transition.to) {
    case breaker::State::kOpen:
      add_opening(line, transition);
      break;
    case breaker::State::kHalfOpen:
      line.add_text("timeout passed");
      break;
    case breaker::State::kClosed:
      line.add_text("recovered after ");
      line.add_span(transition.span);
      break;
  }
}

}  // namespace

std::string_view transition_line(const breaker::Transition& transition, std::string_view service,
                                 std::string_view peer, std::span<char> room) {
  Line line(room);
  line.add("circuit %s service \"", name_of(transition.to));
  line.add_text(service);
  line.add_text("\" peer ");
  line.add_text(peer);
  line.add_text(": ");
  if (transition.orphaned) {
    line.add_text("the worker that saw why has died");
  } else {
    add_reason(line, transition);
  }
  if (transition.observed) line.add_text(" (observe)");
  return line.text();
}

}  // namespace kerberos::report
