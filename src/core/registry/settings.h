// SPDX-License-Identifier: MIT
//
// What directives and YAML say of a breaker, by one table, so that the two faces can neither differ
// in words nor in validation. A setting that nobody gave stays empty and is inherited: peer,
// service, file defaults, http block, built-in default.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/instant.h"
#include "core/breaker/options.h"
#include "core/registry/known.h"

namespace kerberos::registry {

struct BreakerSettings {
  std::optional<bool> enabled;  // false: "off", whatever the mode
  std::optional<breaker::Mode> mode;
  std::optional<breaker::FailureOn> failure_on;
  std::optional<std::uint32_t> threshold;
  std::optional<std::uint32_t> failure_rate_percent;
  std::optional<base::Millis> slow;
  std::optional<std::uint32_t> slow_rate_percent;
  std::optional<base::Millis> window;
  std::optional<std::uint32_t> min_requests;
  std::optional<base::Millis> timeout;
  std::optional<base::Millis> max_timeout;
  std::optional<std::uint32_t> jitter_percent;
  std::optional<std::uint32_t> probes;
  std::optional<std::uint32_t> successes;
  std::optional<base::Millis> probe_timeout;
  std::optional<base::Millis> probe_grace;
  std::optional<base::Millis> ramp;
  std::optional<std::uint32_t> max_open_percent;
  std::optional<std::uint32_t> panic_percent;
};

// Sets the breaker parameter `name` ("threshold", "timeout", ...) from its text.
Verdict set(BreakerSettings& settings, std::string_view name, std::string_view value);

// Adds a word of kerberos_failure_on ("error", "http_5xx", "http_503", ...) to `on`.
Verdict add(breaker::FailureOn& on, std::string_view word);

// The parameters, in the order of the documents.
Table<BreakerSettings> breaker_table();
std::span<const KeyRow> breaker_keys();

// The words of kerberos_failure_on; the last one stands for many, and its pattern is theirs.
std::span<const KeyRow> failure_words();

// Fills what `settings` does not say from `inherited`.
BreakerSettings inherit(BreakerSettings settings, const BreakerSettings& inherited);

// The complete options of settings that inherit from nothing further. A max_timeout that was not
// given follows the timeout.
breaker::Options complete(const BreakerSettings& settings);

// What contradicts what in complete settings, empty where nothing does:
// "max_timeout=10s is below timeout=30s". A setting that has no effect without another counts.
std::string contradiction(const BreakerSettings& settings);

// The part of it that two settings tell by themselves, whatever else is said further out.
std::string contradiction_of_timeouts(const BreakerSettings& settings);

}  // namespace kerberos::registry
