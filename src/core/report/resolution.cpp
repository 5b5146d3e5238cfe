// SPDX-License-Identifier: MIT
#include "core/report/resolution.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <iterator>

#include "core/registry/answer.h"

namespace kerberos::report {
namespace {

using registry::Answer;

constexpr std::size_t kToldMax = 8;  // addresses that came, and as many that went

std::string counted(std::size_t addresses) {
  return std::to_string(addresses) + (addresses == 1 ? " address" : " addresses");
}

// What only the first of two has, each after a sign.
void tell_others(std::string& line, const Answer& has, const Answer& lacks, char sign) {
  Answer others;
  std::ranges::set_difference(has, lacks, std::back_inserter(others));
  for (std::size_t i = 0; i < std::min(others.size(), kToldMax); ++i) {
    ((line += ' ') += sign) += registry::text_of(others[i]);
  }
  if (others.size() <= kToldMax) return;
  (((line += ' ') += sign) += std::to_string(others.size() - kToldMax)) += " more";
}

}  // namespace

// RFC 1035, section 4.1.1.
std::string error_text(std::uint32_t error) {
  constexpr std::array<std::string_view, 6> kTexts = {"No error",       "Format error",
                                                      "Server failure", "Host not found",
                                                      "Unimplemented",  "Operation refused"};
  const std::string number = std::to_string(error) + ": ";
  if (error == ETIMEDOUT) return number + "Operation timed out";
  if (error < kTexts.size()) return number + std::string(kTexts[error]);
  return number + "Unknown error";
}

ResolutionLine line_of(std::string_view name, const service::Hearing& hearing,
                       const service::Lesson& lesson) {
  const std::string subject = "name \"" + std::string(name) + "\" ";
  if (hearing.answer.empty()) {
    if (lesson.error != 0) return {};
    std::string line = subject + "could not be resolved (" + error_text(hearing.error) + "), ";
    line += lesson.former.empty()
                ? "it has no address yet"
                : counted(lesson.former.size()) + (lesson.former.size() == 1 ? " stays" : " stay");
    return {line, true};
  }
  if (!lesson.changed()) return {lesson.error != 0 ? subject + "is resolved again" : "", false};
  std::string line = subject + "is " + counted(lesson.now.size()) + ":";
  tell_others(line, lesson.now, lesson.former, '+');
  tell_others(line, lesson.former, lesson.now, '-');
  return {line, false};
}

}  // namespace kerberos::report
