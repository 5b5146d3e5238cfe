// SPDX-License-Identifier: MIT
#include "core/registry/settings.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <variant>

#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

using breaker::FailureOn;
using Breaker = Known<BreakerSettings>;

// Shorter windows have buckets of no length.
constexpr base::Millis kWindowMin = 100;

constexpr std::array<std::string_view, 3> kModes = {"enforce", "observe", "off"};

// In the order of the documents.
constexpr std::array kParameters = {
    Breaker{number("threshold", 0, 1'000'000, "5", "Failures in a row that open it; 0: never."),
            &BreakerSettings::threshold},
    Breaker{share("failure_rate", 1, 100, "off",
                  "Opens when this share of the window's attempts failed."),
            &BreakerSettings::failure_rate_percent},
    Breaker{time("slow", 1, kDay, "off", "A response header that takes longer is slow."),
            &BreakerSettings::slow},
    Breaker{share("slow_rate", 1, 100, "80%",
                  "Opens when this share of the window's attempts was slow; needs slow."),
            &BreakerSettings::slow_rate_percent},
    Breaker{time("window", kWindowMin, 3'600'000, "10s", "What both shares are of."),
            &BreakerSettings::window},
    Breaker{number("min_requests", 1, 1'000'000, "20",
                   "With fewer attempts in the window no share opens it."),
            &BreakerSettings::min_requests},
    Breaker{time("timeout", 1, kDay, "30s",
                 "How long it stays open before a probe may pass; never shorter."),
            &BreakerSettings::timeout},
    Breaker{time("max_timeout", 1, kDay, "timeout",
                 "Each failed probe doubles the open time, up to this; not below timeout."),
            &BreakerSettings::max_timeout},
    Breaker{share("jitter", 0, 100, "10%",
                  "Each open time is up to this much longer, so that many gateways do not probe at "
                  "once."),
            &BreakerSettings::jitter_percent},
    Breaker{number("probes", 1, breaker::kProbesMax, "1",
                   "Probes in flight at once while half-open, over all workers together, exactly."),
            &BreakerSettings::probes},
    Breaker{number("successes", 1, 1'000, "1",
                   "Successful probes in a row that close it; one failed probe opens it again."),
            &BreakerSettings::successes},
    Breaker{time("probe_timeout", 1, kDay, "5s",
                 "A probe without a response header by then has failed, and its place is free "
                 "again."),
            &BreakerSettings::probe_timeout},
    Breaker{time("probe_grace", 0, kDay, "2s",
                 "So long a probe that is due waits for a request that can be sent to another peer "
                 "if it fails."),
            &BreakerSettings::probe_grace},
    Breaker{time("ramp", 0, kDay, "0s",
                 "After closing, the peer's share of the requests grows over this time."),
            &BreakerSettings::ramp},
    Breaker{share("max_open", 1, 100, "100%",
                  "At most this share of a service's peers is held open by failures after connect; "
                  "refused connections always open."),
            &BreakerSettings::max_open_percent},
    Breaker{share("panic", 0, 100, "0%",
                  "With fewer than this share of the primaries in, and no backup, those so held "
                  "serve again."),
            &BreakerSettings::panic_percent},
    Breaker{word("mode", kModes, "enforce",
                 "What it may do: observe computes, logs and reports every transition and acts on "
                 "none, off is "
                 "no breaker at all."),
            &BreakerSettings::mode},
};

constexpr std::array kFailureWords = {
    Known<FailureOn>{truth("error", "",
                           "No connection, no TLS, closed or reset before the header, body cut "
                           "short."),
                     &FailureOn::error},
    Known<FailureOn>{truth("timeout", "", "Of connecting, of the header, of the body."),
                     &FailureOn::timeout},
    Known<FailureOn>{
        truth("invalid_header", "", "A response header that is too large, or no HTTP."),
        &FailureOn::invalid_header},
    Known<FailureOn>{truth("slow", "", "A response header later than the breaker's slow."),
                     &FailureOn::slow},
    Known<FailureOn>{truth("http_5xx", "", "Status 500 to 599, but for 501 and 505."),
                     &FailureOn::http_5xx},
};

constexpr KeyRow kStatusWord =
    text("http_400 to http_599", {"a status", "^http_[45][0-9][0-9]$"}, "", "This status.");

constexpr auto kParameterRows = rows_of(kParameters);

constexpr auto kFailureRows = [] {
  std::array<KeyRow, kFailureWords.size() + 1> rows;
  std::ranges::copy(kFailureWords, rows.begin());
  rows.back() = kStatusWord;
  return rows;
}();

}  // namespace

Verdict set(BreakerSettings& settings, std::string_view name, std::string_view value) {
  return set(kParameters, settings, name, value);
}

Verdict add(FailureOn& on, std::string_view word) {
  constexpr std::string_view kStatus = "http_";
  const auto raise = [](bool& flag) -> Verdict {
    if (flag) return {Refusal::kDuplicate, "each word once"};
    flag = true;
    return {};
  };
  const auto* const known = std::ranges::find(kFailureWords, word, &KeyRow::name);
  if (known != kFailureWords.end()) {
    Verdict verdict = raise(on.*std::get<bool FailureOn::*>(known->into));
    if (on.http_5xx) on.add_5xx();
    return verdict;
  }
  const auto names = names_of(kFailureRows);
  if (!word.starts_with(kStatus)) return {Refusal::kUnknown, hint(word, names)};
  const auto status = parse_whole_number(word.substr(kStatus.size()));
  if (!status || *status < breaker::kStatusMin || *status > breaker::kStatusMax) {
    return {Refusal::kUnknown, "allowed: " + joined(names)};  // no http_5xx for an http_4xx
  }
  if (*status == 503) {
    on.add(503);
    return raise(on.http_503);
  }
  const auto code = static_cast<int>(*status);
  if (on.has(code) && !(on.http_5xx && code >= 500)) return {Refusal::kDuplicate, "each word once"};
  on.add(code);
  return {};
}

Table<BreakerSettings> breaker_table() {
  return kParameters;
}

std::span<const KeyRow> breaker_keys() {
  return kParameterRows;
}

std::span<const KeyRow> failure_words() {
  return kFailureRows;
}

BreakerSettings inherit(BreakerSettings settings, const BreakerSettings& inherited) {
  if (!settings.enabled) settings.enabled = inherited.enabled;
  if (!settings.failure_on) settings.failure_on = inherited.failure_on;
  inherit(kParameters, settings, inherited);
  return settings;
}

breaker::Options complete(const BreakerSettings& settings) {
  breaker::Options options;
  options.mode = settings.mode.value_or(options.mode);
  if (settings.enabled == false) options.mode = breaker::Mode::kOff;
  options.failure_on = settings.failure_on.value_or(options.failure_on);
  options.threshold = settings.threshold.value_or(options.threshold);
  options.failure_rate_percent = settings.failure_rate_percent.value_or(0);
  options.slow = settings.slow.value_or(options.slow);
  options.slow_rate_percent = settings.slow_rate_percent.value_or(options.slow_rate_percent);
  options.window = settings.window.value_or(options.window);
  options.min_requests = settings.min_requests.value_or(options.min_requests);
  options.timeout = settings.timeout.value_or(options.timeout);
  options.max_timeout = settings.max_timeout.value_or(options.timeout);
  options.jitter_percent = settings.jitter_percent.value_or(options.jitter_percent);
  options.probes = settings.probes.value_or(options.probes);
  options.successes = settings.successes.value_or(options.successes);
  options.probe_timeout = settings.probe_timeout.value_or(options.probe_timeout);
  options.probe_grace = settings.probe_grace.value_or(options.probe_grace);
  options.ramp = settings.ramp.value_or(options.ramp);
  options.max_open_percent = settings.max_open_percent.value_or(options.max_open_percent);
  options.panic_percent = settings.panic_percent.value_or(options.panic_percent);
  return options;
}

std::string contradiction_of_timeouts(const BreakerSettings& settings) {
  const breaker::Options options = complete(settings);
  if (options.max_timeout >= options.timeout) return {};
  return "max_timeout=" + time_text(options.max_timeout) +
         " is below timeout=" + time_text(options.timeout);
}

std::string contradiction(const BreakerSettings& settings) {
  const breaker::Options options = complete(settings);
  if (options.max_timeout < options.timeout) return contradiction_of_timeouts(settings);
  if (settings.slow_rate_percent && options.slow == 0) {
    return "slow_rate=" + std::to_string(options.slow_rate_percent) +
           "% without slow, the time from which a response is slow";
  }
  if (options.failure_on.slow && options.slow == 0) {
    return "failure_on slow without slow, the time from which a response is slow";
  }
  return {};
}

}  // namespace kerberos::registry
