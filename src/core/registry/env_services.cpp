// SPDX-License-Identifier: MIT
#include "core/registry/env_services.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/registry/document.h"
#include "core/registry/env_values.h"
#include "core/registry/env_variables.h"
#include "core/registry/raw_text.h"
#include "core/registry/scalar.h"
#include "core/registry/service_reader.h"
#include "core/registry/value.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr base::Millis kDay = base::Millis{24} * 60 * 60 * 1'000;
constexpr std::string_view kInstanceForm = "ID:URL:HEALTH_URL:WEIGHT:TIMEOUT";
// A field of a variable, and the key that it has in a registry file.
struct Part {
  std::string_view name;
  std::string_view text;
};

struct Instance {
  InstanceParts said;
  base::Millis timeout = 0;
};

// What a service waits for: as long as the most patient instance says, since it cannot wait for
// each as long as that says itself.
Timeouts timeouts_of(const std::vector<Instance>& instances) {
  const base::Millis longest = std::ranges::max_element(instances, {}, &Instance::timeout)->timeout;
  return {longest, longest, longest};
}

std::uint32_t length_of(std::string_view part) {
  return static_cast<std::uint32_t>(std::max<std::size_t>(part.size(), 1));
}

// The variables of one service.
struct Variables {
  std::map<std::string_view, std::uint32_t> topics;  // the number of its source
  bool misspelt = false;
};

class EnvReader {
 public:
  explicit EnvReader(std::span<const Source> sources) : sources_(sources) {}

  EnvReading read() && {
    for (const auto& [name, variables] : by_service()) read_service_of(name, variables);
    return std::move(reading_);
  }

 private:
  std::map<std::string_view, Variables> by_service() {
    std::map<std::string_view, Variables> services;
    for (std::uint32_t i = 0; i < sources_.size(); ++i) {
      if (!sources_[i].is_variable()) continue;
      const auto variable = std::string_view(sources_[i].name).substr(kAllVariables.size());
      const auto name = parse_variable(variable);
      if (!name) continue;
      const std::string_view text = sources_[i].text;
      if (auto flaw = flaw_of(text)) {
        flaw->source = i;
        reading_.problems.push_back(*std::move(flaw));
        services[name->service].misspelt = true;
      } else if (std::ranges::find(kTopics, name->topic) == kTopics.end()) {
        report(i, text.substr(0, 0),
               "unknown variable " + quoted(variable) + " (" + hint(name->topic, kTopics) + ")");
        services[name->service].misspelt = true;
      } else if (name->topic == kInstances || !trimmed(text).empty()) {
        services[name->service].topics.emplace(name->topic, i);
      }
    }
    return services;
  }

  void read_service_of(std::string_view name, const Variables& variables) {
    const auto source_of = [&](std::string_view topic) -> std::optional<std::uint32_t> {
      const auto at = variables.topics.find(topic);
      if (at == variables.topics.end()) return {};
      return at->second;
    };
    const auto instances = source_of(kInstances);
    if (!instances && !variables.topics.empty() && !variables.misspelt) {
      report(variables.topics.begin()->second, {},
             "service " + quoted(service_name(name)) + " without " + std::string(name) +
                 "_SVC_INSTANCES (" + std::string(kInstanceForm) + ", ...)");
    }
    Defaults defaults;
    if (const auto source = source_of("LOAD_BALANCE_STRATEGY")) read_strategy(*source, defaults);
    if (const auto source = source_of("CIRCUIT_BREAKER")) read_breaker(*source, defaults);
    std::optional<Retry> retry;
    if (const auto source = source_of("RETRY")) retry = read_retry(*source);
    std::optional<Check> check;
    if (const auto source = source_of("HEALTH_CHECK")) check = read_check(*source);
    if (!instances) return;
    if (auto service = read_instances(*instances, service_name(name), defaults)) {
      service->retry = retry;
      service->check = check;
      reading_.services.push_back(*std::move(service));
    }
  }

  void read_strategy(std::uint32_t source, Defaults& defaults) {
    const std::string_view strategy = trimmed(sources_[source].text);
    const Node value = scalar(source, strategy, method_meant_by(strategy));
    defaults.balance = defaults_of(source, "balance", value).balance;
  }

  void read_breaker(std::uint32_t source, Defaults& defaults) {
    const auto parts = fields(source, 3, "THRESHOLD:SUCCESSES:TIMEOUT, such as 5:3:60s");
    if (!parts || !time(source, (*parts)[2], 1)) return;
    constexpr std::array<std::string_view, 3> kNames = {"threshold", "successes", "timeout"};
    Node map = mapping(source, sources_[source].text);
    for (std::size_t i = 0; i < kNames.size(); ++i) add(map, source, {kNames[i], (*parts)[i]});
    defaults.breaker = defaults_of(source, "breaker", map).breaker;
  }

  std::optional<Retry> read_retry(std::uint32_t source) {
    const auto parts = fields(source, 4, "ATTEMPTS:BASE:MAX:FACTOR, such as 3:100ms:5s:2.0");
    if (!parts) return {};
    const auto attempts = parse_whole_number((*parts)[0]);
    if (!attempts || *attempts < 1 || *attempts > kAttemptsMax) {
      report(source, (*parts)[0],
             "invalid number of attempts " + quoted((*parts)[0]) + " (a whole number from 1 to " +
                 std::to_string(kAttemptsMax) + ")");
    }
    const auto base = time(source, (*parts)[1], 0);
    const auto max = time(source, (*parts)[2], base.value_or(0));
    const auto factor = parse_permille((*parts)[3]);
    if (!factor || *factor < 1'000 || *factor > 100'000) {
      report(source, (*parts)[3],
             "invalid factor " + quoted((*parts)[3]) + " (a number from 1 to 100, such as 1.5)");
    }
    note_idle(source, {});
    return Retry{static_cast<std::uint32_t>(attempts.value_or(1)), base.value_or(0),
                 max.value_or(0), factor.value_or(1'000)};
  }

  std::optional<Check> read_check(std::uint32_t source) {
    const auto parts = fields(source, 3, "INTERVAL:TIMEOUT:DELAY, such as 30s:10s:5s");
    if (!parts) return {};
    const auto interval = time(source, (*parts)[0], 1);
    const auto timeout = time(source, (*parts)[1], 1);
    const auto delay = time(source, (*parts)[2], 0);
    note_idle(source, {});
    return Check{interval.value_or(0), timeout.value_or(0), delay.value_or(0)};
  }

  std::optional<Service> read_instances(std::uint32_t source, const std::string& name,
                                        const Defaults& defaults) {
    const std::string_view text = sources_[source].text;
    if (trimmed(text).empty()) {
      const bool none = sources_[source].name == kNoVariables;
      report(source, text.substr(0, 0),
             (none ? "no such variable is set (" : "no instances (") + std::string(kInstanceForm) +
                 ", ...)");
      return {};
    }
    std::vector<Instance> instances;
    Node peers;
    peers.kind = Kind::kSequence;
    peers.place = place_of(source, text);
    for (const std::string_view between : split(text, ',')) {
      const std::string_view item = trimmed(between);
      const auto instance = read_instance(source, item);
      if (!instance) continue;
      Node peer = mapping(source, item);
      add(peer, source, {"id", instance->said.id});
      add(peer, source, {"url", instance->said.url});
      add(peer, source, {"weight", instance->said.weight});
      peers.children.push_back(std::move(peer));
      instances.push_back(*instance);
    }
    if (instances.empty()) return {};

    base::Problems problems;
    Service service = read_service({{name, {1, 1}}, peers}, defaults, problems);
    take(source, std::move(problems));
    service.source = source;
    service.timeouts = timeouts_of(instances);
    bool checks = false;
    for (std::size_t i = 0; i < service.peers.size(); ++i) {
      service.peers[i].check_url = instances[i].said.check_url;
      checks = checks || !service.peers[i].check_url.empty();
    }
    if (checks) note_idle(source, " (health URLs)");
    return service;
  }

  std::optional<Instance> read_instance(std::uint32_t source, std::string_view item) {
    if (item.find('@') != std::string_view::npos) {  // and nothing of it is repeated
      report(source, item, "invalid instance (a URL has no user name or password)");
      return {};
    }
    const auto parts = split_instance(item);
    if (!parts) {
      report(source, item,
             "invalid instance " + quoted(item) + " (" + std::string(kInstanceForm) +
                 "; HEALTH_URL may be empty)");
      return {};
    }
    if (const std::string flaw = flaw_of_check_url(parts->check_url); !flaw.empty()) {
      report(source, parts->check_url,
             "invalid health URL " + quoted(parts->check_url) + " (" + flaw + ")");
    }
    return Instance{*parts, time(source, parts->timeout, 1).value_or(0)};
  }

  // The fields of a value that has so many.
  std::optional<std::vector<std::string_view>> fields(std::uint32_t source, std::size_t count,
                                                      const std::string& form) {
    const std::string_view text = trimmed(sources_[source].text);
    auto parts = split(text, ':');
    if (parts.size() == count) return parts;
    const bool secret = text.find('@') != std::string_view::npos;
    report(source, text, "invalid value " + (secret ? "" : quoted(text) + " ") + "(" + form + ")");
    return {};
  }

  std::optional<base::Millis> time(std::uint32_t source, std::string_view text,
                                   base::Millis lowest) {
    const auto time = parse_time_with_unit(text);
    const bool good = time && *time >= lowest && *time <= kDay;
    if (!good) {
      const std::string least = lowest == 0 ? "0s" : time_text(lowest);
      report(source, text,
             "invalid time " + quoted(text) + " (with its unit, from " + least +
                 " to 24h, such as 30s)");
    }
    return good ? time : std::nullopt;
  }

  Defaults defaults_of(std::uint32_t source, const std::string& key, const Node& value) {
    Node map = mapping(source, sources_[source].text);
    map.keys.push_back({key, map.place});
    map.children.push_back(value);
    base::Problems problems;
    Defaults defaults = read_defaults({{"defaults", map.place}, map}, problems);
    take(source, std::move(problems));
    return defaults;
  }

  void take(std::uint32_t source, base::Problems problems) {
    for (base::Problem& problem : problems) {
      problem.source = source;
      reading_.problems.push_back(std::move(problem));
    }
  }

  // `part` is a part of the source's text.
  void report(std::uint32_t source, std::string_view part, std::string what) {
    reading_.problems.push_back({place_of(source, part), std::move(what), source, length_of(part)});
  }

  void note_idle(std::uint32_t source, std::string_view what) {
    reading_.idle.push_back(sources_[source].name.substr(kAllVariables.size()).append(what));
  }

  [[nodiscard]] base::Place place_of(std::uint32_t source, std::string_view part) const {
    if (part.data() == nullptr) return {1, 1};
    const std::string_view text = sources_[source].text;
    const auto before = text.substr(0, static_cast<std::size_t>(part.data() - text.data()));
    const auto line = 1 + std::ranges::count(before, '\n');
    return {static_cast<int>(line), static_cast<int>(before.size() - before.rfind('\n'))};
  }

  [[nodiscard]] Node mapping(std::uint32_t source, std::string_view part) const {
    Node node;
    node.kind = Kind::kMap;
    node.place = place_of(source, part);
    node.length = length_of(part);
    return node;
  }

  [[nodiscard]] Node scalar(std::uint32_t source, std::string_view part,
                            std::string_view text) const {
    Node node;
    node.kind = Kind::kScalar;
    node.place = place_of(source, part);
    node.length = length_of(part);
    node.text = text;
    return node;
  }

  void add(Node& map, std::uint32_t source, const Part& part) const {
    map.keys.push_back({std::string(part.name), place_of(source, part.text), length_of(part.text)});
    map.children.push_back(scalar(source, part.text, part.text));
  }

  std::span<const Source> sources_;
  EnvReading reading_;
};

}  // namespace

EnvReading read_env_services(std::span<const Source> sources) {
  return EnvReader(sources).read();
}

}  // namespace kerberos::registry
