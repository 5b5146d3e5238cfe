// SPDX-License-Identifier: MIT
#include "core/registry/settings.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <type_traits>
#include <variant>

#include "core/registry/scalar.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

using Count = std::optional<std::uint32_t> BreakerSettings::*;
using Time = std::optional<base::Millis> BreakerSettings::*;
using Choice = std::optional<breaker::Mode> BreakerSettings::*;

enum class Form : std::uint8_t { kNumber, kPercent, kTime, kMode };

struct Parameter {
  std::string_view name;
  Form form;
  std::int64_t lowest;
  std::int64_t highest;
  std::variant<Count, Time, Choice> member;
};

// Beyond a day an open breaker is a peer that somebody should have taken out.
constexpr base::Millis kTimeMax = 86'400'000;

// Shorter windows have buckets of no length.
constexpr base::Millis kWindowMin = 100;

constexpr std::array<std::string_view, 3> kModes = {"enforce", "observe", "off"};

// In the order of the documents.
constexpr std::array kParameters = {
    Parameter{"threshold", Form::kNumber, 0, 1'000'000, &BreakerSettings::threshold},
    Parameter{"failure_rate", Form::kPercent, 1, 100, &BreakerSettings::failure_rate_percent},
    Parameter{"slow", Form::kTime, 1, kTimeMax, &BreakerSettings::slow},
    Parameter{"slow_rate", Form::kPercent, 1, 100, &BreakerSettings::slow_rate_percent},
    Parameter{"window", Form::kTime, kWindowMin, 3'600'000, &BreakerSettings::window},
    Parameter{"min_requests", Form::kNumber, 1, 1'000'000, &BreakerSettings::min_requests},
    Parameter{"timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::timeout},
    Parameter{"max_timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::max_timeout},
    Parameter{"jitter", Form::kPercent, 0, 100, &BreakerSettings::jitter_percent},
    Parameter{"probes", Form::kNumber, 1, breaker::kProbesMax, &BreakerSettings::probes},
    Parameter{"successes", Form::kNumber, 1, 1'000, &BreakerSettings::successes},
    Parameter{"probe_timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::probe_timeout},
    Parameter{"probe_grace", Form::kTime, 0, kTimeMax, &BreakerSettings::probe_grace},
    Parameter{"ramp", Form::kTime, 0, kTimeMax, &BreakerSettings::ramp},
    Parameter{"max_open", Form::kPercent, 1, 100, &BreakerSettings::max_open_percent},
    Parameter{"panic", Form::kPercent, 0, 100, &BreakerSettings::panic_percent},
    Parameter{"mode", Form::kMode, 0, kModes.size() - 1, &BreakerSettings::mode},
};

constexpr auto kParameterNames = [] {
  std::array<std::string_view, kParameters.size()> names;
  std::ranges::transform(kParameters, names.begin(), &Parameter::name);
  return names;
}();

// The value in the smallest unit of its form, if the text has that form.
std::optional<std::int64_t> parse(Form form, std::string_view text) {
  switch (form) {
    case Form::kPercent:
      return parse_percent(text);
    case Form::kTime:
      return parse_time(text);
    case Form::kMode: {
      const auto* const mode = std::ranges::find(kModes, text);
      if (mode == kModes.end()) return std::nullopt;
      return mode - kModes.begin();
    }
    case Form::kNumber:
      break;
  }
  const auto number = parse_whole_number(text);
  if (!number || *number > static_cast<std::uint64_t>(INT64_MAX)) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::string allowed_by(const Parameter& parameter) {
  const auto range = [&](auto text) {
    return "from " + text(parameter.lowest) + " to " + text(parameter.highest);
  };
  const auto digits = [](std::int64_t value) { return std::to_string(value); };
  switch (parameter.form) {
    case Form::kPercent:
      return "a share " + range([&](auto v) { return digits(v) + "%"; });
    case Form::kTime:
      return "a time such as 500ms, 30s or 5m, " + range(time_text);
    case Form::kMode:
      return "allowed: " + joined(kModes);
    case Form::kNumber:
      break;
  }
  return "a whole number " + range(digits);
}

}  // namespace

Verdict set(BreakerSettings& settings, std::string_view name, std::string_view value) {
  const auto* const parameter = std::ranges::find(kParameters, name, &Parameter::name);
  if (parameter == kParameters.end()) return {Refusal::kUnknown, hint(name, kParameterNames)};

  return std::visit(
      [&](auto member) -> Verdict {
        auto& setting = settings.*member;
        if (setting) return {Refusal::kDuplicate, "each parameter once"};
        const auto parsed = parse(parameter->form, value);
        if (!parsed || *parsed < parameter->lowest || *parsed > parameter->highest) {
          return {Refusal::kInvalid, allowed_by(*parameter)};
        }
        using Value = typename std::remove_reference_t<decltype(setting)>::value_type;
        setting = static_cast<Value>(*parsed);
        return {};
      },
      parameter->member);
}

Verdict add(breaker::FailureOn& on, std::string_view word) {
  constexpr std::string_view kStatus = "http_";
  constexpr std::string_view kAllowed =
      "allowed: error, timeout, invalid_header, slow, http_5xx, http_400 to http_599";
  const auto set = [](bool& flag) -> Verdict {
    if (flag) return {Refusal::kDuplicate, "each word once"};
    flag = true;
    return {};
  };
  if (word == "error") return set(on.error);
  if (word == "timeout") return set(on.timeout);
  if (word == "invalid_header") return set(on.invalid_header);
  if (word == "slow") return set(on.slow);
  if (word == "http_5xx") {
    Verdict verdict = set(on.http_5xx);
    on.add_5xx();
    return verdict;
  }
  if (!word.starts_with(kStatus)) return {Refusal::kUnknown, std::string(kAllowed)};
  const auto status = parse_whole_number(word.substr(kStatus.size()));
  if (!status || *status < breaker::kStatusMin || *status > breaker::kStatusMax) {
    return {Refusal::kUnknown, std::string(kAllowed)};
  }
  if (*status == 503) {
    on.add(503);
    return set(on.http_503);
  }
  const auto code = static_cast<int>(*status);
  if (on.has(code) && !(on.http_5xx && code >= 500)) return {Refusal::kDuplicate, "each word once"};
  on.add(code);
  return {};
}

std::span<const std::string_view> breaker_parameters() {
  return kParameterNames;
}

BreakerSettings inherit(BreakerSettings settings, const BreakerSettings& inherited) {
  if (!settings.enabled) settings.enabled = inherited.enabled;
  if (!settings.failure_on) settings.failure_on = inherited.failure_on;
  for (const Parameter& parameter : kParameters) {
    std::visit(
        [&](auto member) {
          if (!(settings.*member)) settings.*member = inherited.*member;
        },
        parameter.member);
  }
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
