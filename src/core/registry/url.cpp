// SPDX-License-Identifier: MIT
#include "core/registry/url.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "core/registry/scalar.h"

namespace kerberos::registry {
namespace {

constexpr std::size_t kHostMax = 253;  // RFC 1035, as text
constexpr std::size_t kLabelMax = 63;
constexpr std::size_t kPathMax = 107;  // what fits a sockaddr_un

struct Scheme {
  std::string_view text;
  bool tls;
  bool srv;
};

constexpr std::array<Scheme, 4> kSchemes = {{
    {"http://", false, false},
    {"https://", true, false},
    {"http+srv://", false, true},
    {"https+srv://", true, true},
}};

UrlReading refuse(std::string reason) {
  return {std::nullopt, std::move(reason), false};
}

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Letters, digits and, because many internal names have them, underscores.
bool is_label_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelMax && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_label_character);
}

bool is_address(int family, std::string_view text) {
  in6_addr scratch;
  return inet_pton(family, std::string(text).c_str(), &scratch) == 1;
}

UrlReading parse_unix(std::string_view text, std::string_view path) {
  if (!path.starts_with('/')) return refuse("unix: and an absolute path, such as unix:/run/a.sock");
  if (path.size() > kPathMax) {
    return refuse("a socket's path has at most " + std::to_string(kPathMax) + " bytes");
  }
  return {Url{.tls = false, .kind = TargetKind::kAddress, .target = std::string(text)}, {}, false};
}

// RFC 2782: _SERVICE._PROTOCOL.NAME, and what is asked for speaks TCP.
UrlReading parse_srv(std::string_view name, bool tls) {
  if (name.find(':') != std::string_view::npos) {
    return refuse("SRV records tell the port: there is none after their name");
  }
  const std::size_t service = name.find('.');
  const bool good = name.starts_with('_') && service != std::string_view::npos && service > 1 &&
                    name.substr(service).starts_with("._tcp.") &&
                    name.size() > service + std::string_view("._tcp.").size() && is_host(name);
  if (!good) {
    return refuse("SRV records have a name such as _http._tcp.users.example.org");
  }
  return {Url{.tls = tls, .kind = TargetKind::kSrv, .target = std::string(name)}, {}, false};
}

// The host's length at the front of an authority, up to its port or its end.
std::size_t host_size(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t close = authority.find(']');
    return close == std::string_view::npos ? close : close + 1;
  }
  return std::min(authority.find(':'), authority.size());
}

UrlReading parse_authority(std::string_view authority, bool tls) {
  if (std::ranges::count(authority, ':') > 1 && !authority.starts_with('[')) {
    return refuse("an IPv6 address stands in brackets, such as http://[::1]:80");
  }
  const std::size_t size = host_size(authority);
  if (size == std::string_view::npos) return refuse("no closing bracket");
  const std::string_view host = authority.substr(0, size);
  if (host.empty()) return refuse("no host; a peer is " + std::string(kUrlForms));

  const bool bracketed = host.starts_with('[');
  const bool good =
      bracketed ? is_address(AF_INET6, host.substr(1, host.size() - 2)) : is_host(host);
  if (!good) return refuse(bracketed ? "not an IPv6 address" : "not a host name or IPv4 address");

  std::string_view port = tls ? "443" : "80";
  if (std::string_view rest = authority.substr(size); !rest.empty()) {
    const auto number = parse_whole_number(rest.substr(1));
    if (rest.front() != ':' || !number || *number < 1 || *number > 65535) {
      return refuse("a port is a number from 1 to 65535");
    }
    port = rest.substr(1);
  }
  const std::string_view reached = host == "localhost" ? "127.0.0.1" : host;
  const bool address = bracketed || is_address(AF_INET, reached);
  const auto kind = address ? TargetKind::kAddress : TargetKind::kName;
  std::string target = std::string(reached).append(":").append(port);
  return {Url{.tls = tls, .kind = kind, .target = std::move(target)}, {}, false};
}

}  // namespace

bool is_host(std::string_view host) {
  if (host.size() > kHostMax) return false;
  if (host.ends_with('.')) host.remove_suffix(1);
  const std::string_view last = host.substr(host.rfind('.') + 1);
  if (!last.empty() && std::ranges::all_of(last, is_digit)) return is_address(AF_INET, host);
  for (;;) {
    const std::size_t dot = host.find('.');
    if (!is_label(host.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    host.remove_prefix(dot + 1);
  }
}

UrlReading parse_url(std::string_view text) {
  if (text.starts_with("unix:")) return parse_unix(text, text.substr(5));
  if (text.find('@') != std::string_view::npos) {
    return {std::nullopt, "a peer has no user name or password", true};
  }
  const auto* const scheme =
      std::ranges::find_if(kSchemes, [&](const Scheme& s) { return text.starts_with(s.text); });
  if (scheme == kSchemes.end()) return refuse("a peer is " + std::string(kUrlForms));

  const std::string_view authority = text.substr(scheme->text.size());
  if (authority.find_first_of("/?#") != std::string_view::npos) {
    return refuse("a peer has no path, query or fragment");
  }
  return scheme->srv ? parse_srv(authority, scheme->tls) : parse_authority(authority, scheme->tls);
}

}  // namespace kerberos::registry
