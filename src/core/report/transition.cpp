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

void add_opening(Line& line, const breaker::Transition& transition) {
  if (transition.reason == breaker::Reason::kProbe) {
    line.add_text("probe failed");
  } else {
    line.add("%" PRIu64 " consecutive failure%s", transition.failures,
             transition.failures == 1 ? "" : "s");
  }
  line.add_text(" (last: ");
  line.add_text(breaker::describe(transition.last));
  if (transition.last == breaker::Cause::kStatus) line.add(" %u", unsigned{transition.status});
  line.add_text("), probe in ");
  line.add_span(transition.span);
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
  return line.text();
}

}  // namespace kerberos::report
