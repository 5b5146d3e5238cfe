// SPDX-License-Identifier: MIT
#include "core/report/names.h"

namespace kerberos::report {

std::string_view text_of(breaker::State state) {
  switch (state) {
    case breaker::State::kClosed:
      return "closed";
    case breaker::State::kOpen:
      return "open";
    case breaker::State::kHalfOpen:
      return "half_open";
  }
  return "unknown";
}

std::string_view text_of(breaker::Mode mode) {
  switch (mode) {
    case breaker::Mode::kEnforce:
      return "enforce";
    case breaker::Mode::kObserve:
      return "observe";
    case breaker::Mode::kOff:
      return "off";
  }
  return "unknown";
}

std::string_view text_of(breaker::Reason reason) {
  switch (reason) {
    case breaker::Reason::kNone:
      return {};
    case breaker::Reason::kConsecutive:
      return "consecutive";
    case breaker::Reason::kFailureRate:
      return "failure_rate";
    case breaker::Reason::kSlowRate:
      return "slow_rate";
    case breaker::Reason::kProbe:
      return "probe";
  }
  return "unknown";
}

std::string_view text_of(breaker::Way way) {
  switch (way) {
    case breaker::Way::kNone:
      return {};
    case breaker::Way::kOpen:
      return "open";
    case breaker::Way::kClosed:
      return "closed";
  }
  return "unknown";
}

}  // namespace kerberos::report
