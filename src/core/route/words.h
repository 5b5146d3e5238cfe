// SPDX-License-Identifier: MIT
//
// What the words of a route may be. Each function says what is wrong with a text and what is
// allowed, or nothing: an empty text. A path is refused where it could never be what nginx
// compares, a path that is decoded and has neither empty nor dot segments.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace kerberos::route {

inline constexpr std::size_t kPathMax = 1024;      // bytes
inline constexpr std::size_t kSegmentsMax = 64;    // of a path
inline constexpr std::size_t kRegexMax = 1024;     // bytes
inline constexpr std::size_t kHostMax = 253;       // RFC 1035, as text
inline constexpr std::size_t kConditionsMax = 16;  // headers of one route, and arguments

// A method's bit is its place in here: what nginx knows, and what caches and searches use.
inline constexpr std::array<std::string_view, 20> kMethods = {
    "GET",       "HEAD",    "POST",   "PUT",    "PATCH", "DELETE", "OPTIONS",
    "TRACE",     "CONNECT", "COPY",   "LOCK",   "MKCOL", "MOVE",   "PROPFIND",
    "PROPPATCH", "UNLOCK",  "REPORT", "SEARCH", "QUERY", "PURGE"};

// Its bit; 0 for any other.
std::uint32_t method_bit(std::string_view name);

std::string flaw_of_path(std::string_view path);    // of `exact` and `rewrite`
std::string flaw_of_prefix(std::string_view path);  // of `path`
std::string flaw_of_host(std::string_view host);
std::string flaw_of_header(std::string_view name);      // one that is looked at
std::string flaw_of_set_header(std::string_view name);  // one that is set
std::string flaw_of_argument(std::string_view name);

std::string lower(std::string_view text);

}  // namespace kerberos::route
