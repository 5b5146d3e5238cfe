// SPDX-License-Identifier: MIT
#include "core/route/words.h"

#include <algorithm>

namespace kerberos::route {
namespace {

constexpr std::size_t kNameMax = 128;
constexpr std::size_t kLabelMax = 63;

// These are about one connection, or say where a message ends: whoever could set them could make
// a peer see other requests than nginx does. Host is for proxy_set_header.
constexpr std::array<std::string_view, 9> kReserved = {
    "connection", "content-length",    "host",   "keep-alive", "proxy-connection", "te",
    "trailer",    "transfer-encoding", "upgrade"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

bool has_escape(std::string_view path) {
  for (std::size_t at = path.find('%'); at != std::string_view::npos; at = path.find('%', at + 1)) {
    if (at + 2 < path.size() && is_hex(path[at + 1]) && is_hex(path[at + 2])) return true;
  }
  return false;
}

// Of each segment but an empty last one.
std::string flaw_of_segments(std::string_view path) {
  std::size_t segments = 0;
  while (!path.empty()) {
    path.remove_prefix(1);  // the slash
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    if (segment.empty() && !path.empty()) return "no \"//\": nginx merges slashes";
    if (segment == "." || segment == "..") return "no \".\" or \"..\": nginx resolves them";
    if (++segments > kSegmentsMax) return "at most " + std::to_string(kSegmentsMax) + " segments";
  }
  return {};
}

bool is_label(std::string_view label) {
  return !label.empty() && label.size() <= kLabelMax && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, [](char c) {
           return is_letter(c) || is_digit(c) || c == '-' || c == '_';
         });
}

bool is_ipv6(std::string_view host) {
  return host.size() > 4 && host.front() == '[' && host.back() == ']' &&
         std::ranges::all_of(host.substr(1, host.size() - 2),
                             [](char c) { return is_hex(c) || c == ':' || c == '.'; });
}

// What RFC 9110 calls a token.
bool is_token(std::string_view text) {
  constexpr std::string_view kOthers = "!#$%&'*+-.^_`|~";
  return !text.empty() && text.size() <= kNameMax && std::ranges::all_of(text, [&](char c) {
    return is_letter(c) || is_digit(c) || kOthers.find(c) != std::string_view::npos;
  });
}

}  // namespace

std::uint32_t method_bit(std::string_view name) {
  const auto* const match = std::ranges::find(kMethods, name);
  return match == kMethods.end() ? 0 : 1U << static_cast<unsigned>(match - kMethods.begin());
}

std::string flaw_of_path(std::string_view path) {
  if (!path.starts_with('/')) return "a path begins with \"/\"";
  if (path.size() > kPathMax) return "at most " + std::to_string(kPathMax) + " bytes";
  if (std::ranges::any_of(path, is_control)) return "no control characters";
  if (path.find_first_of("?#") != std::string_view::npos) {
    return "a path has no query and no fragment; arguments stand under \"query\"";
  }
  if (has_escape(path)) return "written decoded, as nginx compares it: no %XX";
  return flaw_of_segments(path);
}

std::string flaw_of_prefix(std::string_view path) {
  if (path.starts_with('/') && path.ends_with("/*")) {
    const std::string_view meant = path.substr(0, std::max<std::size_t>(path.size() - 2, 1));
    return "did you mean \"" + std::string(meant) + "\"? a path matches all that is below it";
  }
  if (path.find('*') != std::string_view::npos) return "a pattern stands under \"regex\"";
  return flaw_of_path(path);
}

std::string flaw_of_host(std::string_view host) {
  constexpr std::string_view kForm =
      "a name such as example.org, or *.example.org for all below it";
  if (is_ipv6(host)) return {};
  if (host == "*") return "a route without \"host\" takes any";
  if (host.size() > kHostMax) return "at most " + std::to_string(kHostMax) + " bytes";
  if (host.find('/') != std::string_view::npos) return "a host stands without scheme and path";
  if (host.find(':') != std::string_view::npos) return "a host stands without its port";
  std::string_view rest = host;
  if (rest.starts_with("*.")) rest.remove_prefix(2);
  if (rest.ends_with('.')) rest.remove_suffix(1);
  for (;;) {
    const std::size_t dot = rest.find('.');
    if (!is_label(rest.substr(0, dot))) return std::string(kForm);
    if (dot == std::string_view::npos) return {};
    rest.remove_prefix(dot + 1);
  }
}

std::string flaw_of_header(std::string_view name) {
  return is_token(name) ? "" : "a header's name is 1 to 128 letters, digits and - _ .";
}

std::string flaw_of_set_header(std::string_view name) {
  if (std::ranges::find(kReserved, lower(name)) != kReserved.end()) {
    return "this one is nginx's own; see proxy_set_header";
  }
  return flaw_of_header(name);
}

std::string flaw_of_argument(std::string_view name) {
  const bool good =
      !name.empty() && name.size() <= kNameMax && std::ranges::none_of(name, [](char c) {
        return is_control(c) || c == ' ' || c == '&' || c == '=' || c == '#';
      });
  return good ? "" : "an argument's name is 1 to 128 bytes without blanks, \"&\", \"=\" and \"#\"";
}

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

}  // namespace kerberos::route
