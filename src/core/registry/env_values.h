// SPDX-License-Identifier: MIT
//
// The written forms in the variables that define services. They are other gateways' forms: fields
// with colons between them, of which URLs have some themselves.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/instant.h"

namespace kerberos::registry {

// Without the blanks and line ends around it.
std::string_view trimmed(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);

// ID:URL:HEALTH_URL:WEIGHT:TIMEOUT, where HEALTH_URL may be empty, and none of the five may be
// left out: a port could pass for a weight. The ends are told by their colons, the URLs by what
// begins behind one.
struct InstanceParts {
  std::string_view id;
  std::string_view url;
  std::string_view check_url;
  std::string_view weight;
  std::string_view timeout;
};

std::optional<InstanceParts> split_instance(std::string_view text);

// What is wrong with a health URL, empty where nothing is, or there is none.
std::string flaw_of_check_url(std::string_view url);

// A time that says its unit: where fields were forgotten, a port must not pass for seconds.
std::optional<base::Millis> parse_time_with_unit(std::string_view text);

// "2", "2.0" or "1.125", in thousandths.
std::optional<std::uint32_t> parse_permille(std::string_view text);

// A strategy in the words of kerberos_balance, which may be said as well. The names that gateways
// have for them are known in any case, with hyphens or underscores.
std::string method_meant_by(std::string_view strategy);

}  // namespace kerberos::registry
