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

enum class Form : std::uint8_t { kNumber, kPercent, kTime };

struct Parameter {
  std::string_view name;
  Form form;
  std::int64_t lowest;
  std::int64_t highest;
  std::variant<Count, Time> member;
};

// Beyond a day an open breaker is a peer that somebody should have taken out.
constexpr base::Millis kTimeMax = 86'400'000;

constexpr std::array kParameters = {
    Parameter{"threshold", Form::kNumber, 0, 1'000'000, &BreakerSettings::threshold},
    Parameter{"timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::timeout},
    Parameter{"max_timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::max_timeout},
    Parameter{"jitter", Form::kPercent, 0, 100, &BreakerSettings::jitter_percent},
    Parameter{"probes", Form::kNumber, 1, breaker::kProbesMax, &BreakerSettings::probes},
    Parameter{"successes", Form::kNumber, 1, 1'000, &BreakerSettings::successes},
    Parameter{"probe_timeout", Form::kTime, 1, kTimeMax, &BreakerSettings::probe_timeout},
};

constexpr auto kParameterNames = [] {
  std::array<std::string_view, kParameters.size()> names;
  std::ranges::transform(kParameters, names.begin(), &Parameter::name);
  return names;
}();

constexpr std::array<std::string_view, 1> kBalanceMethods = {"round_robin"};

// The value in the smallest unit of its form, if the text has that form.
std::optional<std::int64_t> parse(Form form, std::string_view text) {
  switch (form) {
    case Form::kPercent:
      return parse_percent(text);
    case Form::kTime:
      return parse_time(text);
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

std::span<const std::string_view> breaker_parameters() {
  return kParameterNames;
}

BreakerSettings inherit(BreakerSettings settings, const BreakerSettings& inherited) {
  if (!settings.enabled) settings.enabled = inherited.enabled;
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
  options.enabled = settings.enabled.value_or(options.enabled);
  options.threshold = settings.threshold.value_or(options.threshold);
  options.timeout = settings.timeout.value_or(options.timeout);
  options.max_timeout = settings.max_timeout.value_or(options.timeout);
  options.jitter_percent = settings.jitter_percent.value_or(options.jitter_percent);
  options.probes = settings.probes.value_or(options.probes);
  options.successes = settings.successes.value_or(options.successes);
  options.probe_timeout = settings.probe_timeout.value_or(options.probe_timeout);
  return options;
}

std::string contradiction(const BreakerSettings& settings) {
  const breaker::Options options = complete(settings);
  if (options.max_timeout >= options.timeout) return {};
  return "max_timeout=" + time_text(options.max_timeout) +
         " is below timeout=" + time_text(options.timeout);
}

std::optional<Balance> balance_from(std::string_view name) {
  const auto* const found = std::ranges::find(kBalanceMethods, name);
  if (found == kBalanceMethods.end()) return std::nullopt;
  return static_cast<Balance>(found - kBalanceMethods.begin());
}

std::string_view name_of(Balance balance) {
  return kBalanceMethods[static_cast<std::size_t>(balance)];
}

std::span<const std::string_view> balance_methods() {
  return kBalanceMethods;
}

}  // namespace kerberos::registry
