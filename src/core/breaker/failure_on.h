// SPDX-License-Identifier: MIT
//
// Which outcomes are failures: what an operator says by kerberos_failure_on. The words are nginx's
// own, of proxy_next_upstream.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace kerberos::breaker {

inline constexpr int kStatusMin = 400;  // a status below is no failure in anybody's eyes
inline constexpr int kStatusMax = 599;

struct FailureOn {
  bool error = false;           // no connection, no TLS, or it broke before the response was whole
  bool timeout = false;         // connecting, waiting for the header, or for the body
  bool invalid_header = false;  // bytes that are no response
  bool slow = false;            // a response header that took longer than `slow`
  bool http_5xx = false;        // by that name
  bool http_503 = false;        // 503 by its own name: also where it says Retry-After

  constexpr void add(int status) { word(status) |= bit(status); }

  // 500 to 599, but for 501 and 505, which are the request's fault and not the peer's.
  constexpr void add_5xx() {
    http_5xx = true;
    for (int status = 500; status <= kStatusMax; ++status) {
      if (status != 501 && status != 505) add(status);
    }
  }

  [[nodiscard]] constexpr bool has(int status) const {
    if (status < kStatusMin || status > kStatusMax) return false;
    return (statuses_[index(status)] & bit(status)) != 0;
  }

  bool operator==(const FailureOn&) const = default;

 private:
  static constexpr std::size_t index(int status) {
    return static_cast<std::size_t>(status - kStatusMin) / 64;
  }
  static constexpr std::uint64_t bit(int status) {
    return 1ULL << (static_cast<unsigned>(status - kStatusMin) % 64);
  }
  constexpr std::uint64_t& word(int status) { return statuses_[index(status)]; }

  std::array<std::uint64_t, 4> statuses_{};  // of kStatusMin to kStatusMax, a bit each
};

// error timeout invalid_header http_5xx
constexpr FailureOn default_failure_on() {
  FailureOn on;
  on.error = on.timeout = on.invalid_header = true;
  on.add_5xx();
  return on;
}

}  // namespace kerberos::breaker
