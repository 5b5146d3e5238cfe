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
using registry::NamedAddress;

constexpr std::size_t kToldMax = 8;  // addresses that came, as many that went, and so on

std::string counted(std::size_t addresses) {
  return std::to_string(addresses) + (addresses == 1 ? " address" : " addresses");
}

bool same_place(const NamedAddress& one, const NamedAddress& other) {
  return one.v6 == other.v6 && one.ip == other.ip && one.port == other.port;
}

void tell(std::string& line, const Answer& addresses, char sign) {
  for (std::size_t i = 0; i < std::min(addresses.size(), kToldMax); ++i) {
    const NamedAddress& address = addresses[i];
    ((line += ' ') += sign) += registry::text_of(address);
    if (sign != '~') continue;
    (line += " (priority ") += std::to_string(address.priority);
    ((line += ", weight ") += std::to_string(address.weight)) += ')';
  }
  if (addresses.size() <= kToldMax) return;
  (((line += ' ') += sign) += std::to_string(addresses.size() - kToldMax)) += " more";
}

// Who came, who went, and who stays with another priority or weight of an SRV record.
void tell_change(std::string& line, const Answer& former, const Answer& now) {
  Answer came;
  Answer went;
  Answer altered;
  std::ranges::set_difference(now, former, std::back_inserter(came));
  std::ranges::set_difference(former, now, std::back_inserter(went));
  std::erase_if(came, [&](const NamedAddress& address) {
    const auto place = std::ranges::find_if(
        went, [&](const NamedAddress& other) { return same_place(address, other); });
    if (place == went.end()) return false;
    went.erase(place);
    altered.push_back(address);
    return true;
  });
  tell(line, came, '+');
  tell(line, went, '-');
  tell(line, altered, '~');
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
  tell_change(line, lesson.former, lesson.now);
  return {line, false};
}

}  // namespace kerberos::report
