// SPDX-License-Identifier: MIT
#include "core/registry/env_services.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "core/registry/document.h"
#include "core/registry/raw_text.h"
#include "core/registry/scalar.h"
#include "core/registry/service_reader.h"
#include "core/registry/url.h"
#include "core/registry/value.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kInfix = "_SVC_";
constexpr std::string_view kInstances = "INSTANCES";
constexpr std::array<std::string_view, 5> kTopics = {kInstances, "LOAD_BALANCE_STRATEGY",
                                                     "CIRCUIT_BREAKER", "RETRY", "HEALTH_CHECK"};

// Stands for the instances of all where there are none: no variable has such a name.
constexpr std::string_view kNone = "*_SVC_INSTANCES";

constexpr std::string_view kInstanceForm = "ID:URL:HEALTH_URL:WEIGHT:TIMEOUT";
constexpr std::string_view kBlanks = " \t\r\n";
constexpr base::Millis kDay = base::Millis{24} * 60 * 60 * 1'000;

// "USER_SVC_RETRY" is the topic RETRY of USER.
struct VariableName {
  std::string_view service;
  std::string_view topic;
};

// Of a variable that is ours, or was meant to be: "_SVC_INSTANCE" is not passed over in silence.
std::optional<VariableName> parse_name(std::string_view variable) {
  const std::size_t at = variable.rfind(kInfix);
  if (at == std::string_view::npos) return {};
  const VariableName name{variable.substr(0, at), variable.substr(at + kInfix.size())};
  if (!hint(name.topic, kTopics).starts_with("did you mean")) return {};
  return name;
}

std::string in_small_letters(std::string_view text) {
  std::string result(text);
  std::ranges::transform(result, result.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return result;
}

// USER is "user", ORDER_ITEM is "order-item".
std::string service_name(std::string_view name) {
  std::string result = in_small_letters(name);
  std::ranges::replace(result, '_', '-');
  return result;
}

// In the words of kerberos_balance, which may be said as well; what other gateways call a method is
// known in any case, with hyphens or underscores.
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

// A time that says its unit: where fields are forgotten, a port must not pass for one.
std::optional<base::Millis> time_of(std::string_view text, base::Millis lowest) {
  const auto time = parse_time(text);
  if (!time || text.back() <= '9' || *time < lowest || *time > kDay) return {};
  return time;
}

// "2", "2.0" or "1.125": thousandths of it.
std::optional<std::uint32_t> permille_of(std::string_view text) {
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

// What is wrong with the URL of a check, empty where nothing is.
std::string flaw_of_check_url(std::string_view url) {
  const std::size_t scheme = url.find("//") + 2;
  const UrlReading reading = parse_url(url.substr(0, url.find_first_of("/?#", scheme)));
  if (!reading.url) return reading.refusal;
  if (url.find_first_of(" \t\r\n#") != std::string_view::npos) return "no blanks and no fragment";
  return {};
}

// One field of an instance.
struct Part {
  std::string_view name;
  std::string_view text;
};

struct Instance {
  std::array<Part, 3> said;  // what a registry file says of a peer
  std::string check_url;
  base::Millis timeout = 0;
};

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
      const auto name = parse_name(variable);
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
    const auto factor = permille_of((*parts)[3]);
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
      const bool none = sources_[source].name.ends_with(kNone);
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
      auto instance = read_instance(source, item);
      if (!instance) continue;
      Node peer = mapping(source, item);
      for (const Part& part : instance->said) add(peer, source, part);
      peers.children.push_back(std::move(peer));
      instances.push_back(*std::move(instance));
    }
    if (instances.empty()) return {};

    base::Problems problems;
    Service service = read_service({{name, {1, 1}}, peers}, defaults, problems);
    take(source, std::move(problems));
    service.source = source;
    for (std::size_t i = 0; i < service.peers.size(); ++i) {
      service.peers[i].check_url = std::move(instances[i].check_url);
      service.peers[i].timeout = instances[i].timeout;
    }
    note_idle(source, " (health URLs and timeouts)");
    return service;
  }

  std::optional<Instance> read_instance(std::uint32_t source, std::string_view item) {
    if (item.find('@') != std::string_view::npos) {  // and nothing of it is repeated
      report(source, item, "invalid instance (a URL has no user name or password)");
      return {};
    }
    const std::size_t id = item.find(':');
    const std::size_t timeout = item.rfind(':');
    const std::size_t weight = timeout == 0 || timeout == std::string_view::npos
                                   ? std::string_view::npos
                                   : item.rfind(':', timeout - 1);
    const auto urls = weight == std::string_view::npos || weight <= id
                          ? std::nullopt
                          : split_urls(item.substr(id + 1, weight - id - 1));
    if (!urls) {
      report(source, item,
             "invalid instance " + quoted(item) + " (" + std::string(kInstanceForm) +
                 "; HEALTH_URL may be empty)");
      return {};
    }
    Instance instance;
    instance.said = {Part{"id", item.substr(0, id)}, Part{"url", urls->first},
                     Part{"weight", item.substr(weight + 1, timeout - weight - 1)}};
    instance.check_url = urls->second;
    if (!urls->second.empty()) {
      const std::string flaw = flaw_of_check_url(urls->second);
      if (!flaw.empty()) {
        report(source, urls->second,
               "invalid health URL " + quoted(urls->second) + " (" + flaw + ")");
      }
    }
    instance.timeout = time(source, item.substr(timeout + 1), 1).value_or(0);
    return instance;
  }

  // The fields of a value that has so many.
  std::optional<std::vector<std::string_view>> fields(std::uint32_t source, std::size_t count,
                                                      const std::string& form) {
    const std::string_view text = trimmed(sources_[source].text);
    auto parts = split(text, ':');
    if (parts.size() == count) return parts;
    report(source, text, "invalid value " + quoted(text) + " (" + form + ")");
    return {};
  }

  std::optional<base::Millis> time(std::uint32_t source, std::string_view text,
                                   base::Millis lowest) {
    const auto time = time_of(text, lowest);
    if (!time) {
      const std::string least = lowest == 0 ? "0s" : time_text(lowest);
      report(source, text,
             "invalid time " + quoted(text) + " (with its unit, from " + least +
                 " to 24h, such as 30s)");
    }
    return time;
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
    const auto length = static_cast<std::uint32_t>(std::max<std::size_t>(part.size(), 1));
    reading_.problems.push_back({place_of(source, part), std::move(what), source, length});
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
    return node;
  }

  [[nodiscard]] Node scalar(std::uint32_t source, std::string_view part,
                            std::string_view text) const {
    Node node;
    node.kind = Kind::kScalar;
    node.place = place_of(source, part);
    node.text = text;
    return node;
  }

  void add(Node& map, std::uint32_t source, const Part& part) const {
    map.keys.push_back({std::string(part.name), place_of(source, part.text)});
    map.children.push_back(scalar(source, part.text, part.text));
  }

  std::span<const Source> sources_;
  EnvReading reading_;
};

}  // namespace

std::vector<Source> with_variables(std::vector<Source> sources, const Environment& environment) {
  std::vector<Source> result;
  for (Source& source : sources) {
    if (source.name != kAllVariables) {
      result.push_back(std::move(source));
      continue;
    }
    const std::size_t before = result.size();
    for (const auto& [name, value] : environment.variables()) {
      if (parse_name(name)) result.push_back({std::string(kAllVariables) + name, value});
    }
    if (result.size() == before) result.push_back({std::string(kAllVariables).append(kNone), {}});
  }
  return result;
}

EnvReading read_env_services(std::span<const Source> sources) {
  return EnvReader(sources).read();
}

}  // namespace kerberos::registry
