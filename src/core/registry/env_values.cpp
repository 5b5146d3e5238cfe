// SPDX-License-Identifier: MIT
#include "core/registry/env_values.h"

#include <algorithm>
#include <array>
#include <utility>

#include "core/registry/scalar.h"
#include "core/registry/url.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

// A colon splits "URL:HEALTH_URL" where the rest is a URL or empty; those within URLs are followed
// by "//" or a port.
std::optional<std::pair<std::string_view, std::string_view>> split_urls(std::string_view text) {
  for (std::size_t at = text.find(':'); at != std::string_view::npos; at = text.find(':', at + 1)) {
    const std::string_view rest = text.substr(at + 1);
    if (rest.empty() || rest.starts_with("http://") || rest.starts_with("https://")) {
      return std::pair(text.substr(0, at), rest);
    }
  }
  return {};
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return text.substr(0, 0);
  return text.substr(first, text.find_last_not_of(kBlanks) + 1 - first);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t at = text.find(separator);
    parts.push_back(text.substr(0, at));
    if (at == std::string_view::npos) return parts;
    text.remove_prefix(at + 1);
  }
}

std::optional<InstanceParts> split_instance(std::string_view text) {
  const std::size_t id = text.find(':');
  const std::size_t timeout = text.rfind(':');
  if (timeout == std::string_view::npos || timeout == 0) return {};
  const std::size_t weight = text.rfind(':', timeout - 1);
  if (weight == std::string_view::npos || weight <= id) return {};
  const auto urls = split_urls(text.substr(id + 1, weight - id - 1));
  if (!urls) return {};
  return InstanceParts{text.substr(0, id), urls->first, urls->second,
                       text.substr(weight + 1, timeout - weight - 1), text.substr(timeout + 1)};
}

std::string flaw_of_check_url(std::string_view url) {
  if (url.empty()) return {};
  const std::size_t scheme = url.find("//") + 2;
  const UrlReading reading = parse_url(url.substr(0, url.find_first_of("/?#", scheme)));
  if (!reading.url) return reading.refusal;
  if (url.find_first_of(" \t\r\n#") != std::string_view::npos) return "no blanks and no fragment";
  return {};
}

std::optional<base::Millis> parse_time_with_unit(std::string_view text) {
  const auto time = parse_time(text);
  return time && text.back() > '9' ? time : std::nullopt;
}

std::optional<std::uint32_t> parse_permille(std::string_view text) {
  const std::size_t point = std::min(text.find('.'), text.size());
  const auto whole = parse_whole_number(text.substr(0, point));
  std::string thousandths(text.substr(std::min(point + 1, text.size())));
  const bool digits = thousandths.find_first_not_of("0123456789") == std::string::npos;
  if (!whole || *whole > 1'000 || !digits || thousandths.size() > 3) return {};
  if (thousandths.empty() && point < text.size()) return {};
  thousandths.resize(3, '0');
  std::uint64_t value = *whole;
  for (const char digit : thousandths) value = value * 10 + static_cast<std::uint64_t>(digit - '0');
  return static_cast<std::uint32_t>(value);
}

std::string method_meant_by(std::string_view strategy) {
  constexpr std::string_view kByAddress = "hash $remote_addr";
  constexpr std::array<std::pair<std::string_view, std::string_view>, 18> kMeant = {{
      {"round_robin", "round_robin"},
      {"roundrobin", "round_robin"},
      {"weighted", "round_robin"},
      {"weighted_round_robin", "round_robin"},
      {"least_conn", "least_conn"},
      {"least_connection", "least_conn"},
      {"least_connections", "least_conn"},
      {"weighted_least_connections", "least_conn"},
      {"random", "random"},
      {"weighted_random", "random"},
      {"ewma", "ewma"},
      {"least_time", "ewma"},
      {"least_response_time", "ewma"},
      {"hash", kByAddress},
      {"ip_hash", kByAddress},
      {"source_ip", kByAddress},
      {"consistent_hash", kByAddress},
      {"consistent_hashing", kByAddress},
  }};
  std::string name = in_small_letters(strategy);
  std::ranges::replace(name, '-', '_');
  const auto* const meant =
      std::ranges::find(kMeant, name, &std::pair<std::string_view, std::string_view>::first);
  return std::string(meant == kMeant.end() ? strategy : meant->second);
}

}  // namespace kerberos::registry
