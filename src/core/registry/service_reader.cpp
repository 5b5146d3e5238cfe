// SPDX-License-Identifier: MIT
#include "core/registry/service_reader.h"

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/registry/peer_reader.h"
#include "core/registry/route_reader.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

// What is being read: a service, or the defaults, which are no service.
struct Draft {
  const Defaults& inherited;
  base::Problems& problems;
  Service* service = nullptr;
  Defaults own = {};
  bool has_peers = false;
  std::optional<bool> has_tls = {};  // as far as its peers tell
  const Key* tls = nullptr;          // where it sets it
};

using ServiceKey = Known<Draft>;

constexpr std::array<std::string_view, 1> kOff = {"off"};

constexpr KeyRow kPeers = required(block("peers", Form::kPeers, peer_keys, "",
                                         "The peers of the service, at least one that is no "
                                         "backup."));

constexpr KeyRow kBalance = {.name = "balance",
                             .form = Form::kBalance,
                             .standard = "round_robin",
                             .meaning = "How peers are chosen: the words of kerberos_balance."};

constexpr KeyRow kBreaker = {.name = "breaker",
                             .form = Form::kMap,
                             .words = kOff,
                             .inside = breaker_keys,
                             .standard = "that of nginx.conf",
                             .meaning =
                                 "The breaker of each peer, by the parameters of "
                                 "kerberos_breaker."};

constexpr KeyRow kFailureOn = {
    .name = "failure_on",
    .form = Form::kTexts,
    .wording = "a list of words such as error, timeout, http_5xx, http_429",
    .inside = failure_words,
    .standard = "that of nginx.conf",
    .meaning =
        "Which outcomes are failures: the words of kerberos_failure_on. A list replaces the "
        "one it would inherit."};

constexpr KeyRow kKeepalive = {.name = "keepalive",
                               .form = Form::kMap,
                               .lowest = 1,
                               .highest = kKeptMax,
                               .words = kOff,
                               .inside = keepalive_keys,
                               .standard = "32",
                               .meaning =
                                   "Idle connections kept to each peer; a number alone is "
                                   "its connections."};

void read_balance(Draft& draft, const Field& field) {
  const auto text = text_of(kBalance, field, draft.problems);
  if (!text) return;
  BalanceReading reading = balance_of(words_of(*text));
  if (reading.problem.empty()) {
    draft.own.balance = std::move(reading.balance);
    draft.own.balance_place = field.value.place;
  } else {
    draft.problems.push_back(problem_at(field.value, std::move(reading.problem)));
  }
}

// Whether the value is a mapping of settings, and not "off" or something that is wrong.
template <typename Settings>
bool is_on(const KeyRow& row, const Field& field, Settings& settings, base::Problems& problems) {
  const Node& value = field.value;
  settings.enabled = true;
  if (value.kind == Kind::kMap) return true;
  if (value.kind != Kind::kScalar) {
    report_wrong_type(field, allowed_by(row), problems);
  } else if (value.text == kOff[0]) {
    settings.enabled = false;
  } else {
    report_invalid(field, allowed_by(row), problems);
  }
  return false;
}

void read_breaker(Draft& draft, const Field& field) {
  BreakerSettings& breaker = draft.own.breaker;
  if (!is_on(kBreaker, field, breaker, draft.problems)) return;
  read_map(field.value, breaker_table(), breaker, draft.problems);
  if (!breaker.timeout && !breaker.max_timeout) return;
  const BreakerSettings merged = inherit(breaker, draft.inherited.breaker);
  if (!merged.timeout || !merged.max_timeout) return;
  std::string what = contradiction_of_timeouts(merged);
  if (what.empty()) return;
  // One of the two stands elsewhere.
  constexpr std::string_view kElsewhere = " of the defaults";
  if (!breaker.timeout) what += kElsewhere;
  if (!breaker.max_timeout) what.insert(what.find(" is below"), kElsewhere);
  draft.problems.push_back(problem_at(field.value, std::move(what)));
}

void read_failure_on(Draft& draft, const Field& field) {
  const std::string allowed = allowed_by(kFailureOn);
  if (field.value.kind != Kind::kSequence) {
    return report_wrong_type(field, allowed, draft.problems);
  }
  if (field.value.children.empty()) return report_invalid(field, allowed, draft.problems);
  auto& failure_on = draft.own.breaker.failure_on.emplace();
  for (const Node& word : field.value.children) {
    const Field item{field.key, word};
    if (word.kind != Kind::kScalar) {
      report_wrong_item(item, allowed, draft.problems);
      continue;
    }
    const Verdict verdict = add(failure_on, word.text);
    if (verdict.refusal != Refusal::kNone) report_invalid(item, verdict.allowed, draft.problems);
  }
}

void read_keepalive(Draft& draft, const Field& field) {
  KeepaliveSettings& keepalive = draft.own.keepalive;
  if (set(keepalive, "connections", field.value.text).refusal == Refusal::kNone) {
    keepalive.enabled = true;
    if (field.value.quoted) {
      report_invalid(field, allowed_by(kKeepalive) + ", a number without quotes", draft.problems);
    }
  } else if (is_on(kKeepalive, field, keepalive, draft.problems)) {
    read_map(field.value, keepalive_table(), keepalive, draft.problems);
  }
}

// Reads a mapping that is nothing else.
template <typename Settings>
void read_block(const KeyRow& row, const Field& field, Table<Settings> table, Settings& settings,
                base::Problems& problems) {
  if (field.value.kind != Kind::kMap) return report_wrong_type(field, allowed_by(row), problems);
  read_map(field.value, table, settings, problems);
}

constexpr KeyRow kTimeouts = block("timeouts", Form::kMap, timeouts_keys, "those of the location",
                                   "How long is waited for a peer.");

constexpr KeyRow kTls = block("tls", Form::kMap, tls_keys, "that of the location",
                              "TLS to the peers, where they are https.");

// Of what stands under that key of a mapping; nowhere: it has none.
base::Place place_of(std::string_view key, const Node& map) {
  for (std::size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return map.children[i].place;
  }
  return {};
}

void read_timeouts(Draft& draft, const Field& field) {
  read_block(kTimeouts, field, timeouts_table(), draft.own.timeouts, draft.problems);
}

void read_tls(Draft& draft, const Field& field) {
  draft.tls = &field.key;
  read_block(kTls, field, tls_table(), draft.own.tls_settings, draft.problems);
  draft.own.certificate_place = place_of("trusted_certificate", field.value);
}

// What only shows when all peers are known: one scheme, no id twice, somebody to serve first.
class PeersCheck {
 public:
  explicit PeersCheck(base::Problems& problems) : problems_(problems) {}

  void take(const PeerReading& reading) {
    if (!reading.peer.backup) all_backup_ = false;
    if (!tls_) tls_ = reading.tls;
    if (reading.tls && *reading.tls != *tls_ && !std::exchange(mixed_, true)) {
      problems_.push_back({reading.peer.place,
                           "http and https peers in one service (all of them "
                           "speak one or the other)"});
    }
    if (reading.peer.id.empty()) return;
    const auto [first, added] = ids_.emplace(reading.peer.id, reading.id_place);
    if (added) return;
    problems_.push_back({reading.id_place, "duplicate id " + quoted(reading.peer.id) + " (" +
                                               first_at(first->second) + ")"});
  }

  std::optional<bool> tls() const { return tls_; }
  bool all_backup() const { return all_backup_; }

 private:
  base::Problems& problems_;
  std::map<std::string, base::Place> ids_;
  std::optional<bool> tls_;
  bool mixed_ = false;
  bool all_backup_ = true;
};

void read_peers(Draft& draft, const Field& field) {
  draft.has_peers = true;
  const Node& list = field.value;
  if (list.kind != Kind::kSequence) {
    return report_wrong_type(field, allowed_by(kPeers), draft.problems);
  }
  const std::string name = quoted(draft.service->name);
  if (list.children.empty()) {
    draft.problems.push_back(problem_at(list, "service " + name + " has no peers (at least one)"));
    return;
  }
  PeersCheck check(draft.problems);
  auto& peers = draft.service->peers;
  peers.reserve(list.children.size());
  for (const Node& node : list.children) {
    PeerReading reading = read_peer(node, draft.problems);
    check.take(reading);
    peers.push_back(std::move(reading.peer));
  }
  draft.has_tls = check.tls();
  draft.service->tls = check.tls().value_or(false);
  if (check.all_backup()) {
    draft.problems.push_back(
        problem_at(list, "all peers of service " + name +
                             " are backups (a backup stands in for others: at least one peer must "
                             "not be a backup)"));
  }
}

// Those of a service alone first.
constexpr std::array kServiceKeys = {
    ServiceKey{kPeers, read_peers},
    ServiceKey{block("routes", Form::kList, route_keys, "",
                     "Which requests the service takes, where no kerberos_service says so."),
               [](Draft& draft, const Field& field) {
                 read_routes(field, draft.service->routes, draft.problems);
               }},
    ServiceKey{kBalance, read_balance},
    ServiceKey{kBreaker, read_breaker},
    ServiceKey{kFailureOn, read_failure_on},
    ServiceKey{kKeepalive, read_keepalive},
    ServiceKey{kTimeouts, read_timeouts},
    ServiceKey{kTls, read_tls},
};
constexpr std::size_t kServiceAlone = 2;

constexpr auto kServiceRows = rows_of(kServiceKeys);

std::string form_of_service() {
  return "a list of URLs, or a mapping of " + joined(names_of(kServiceRows));
}

}  // namespace

std::span<const KeyRow> service_keys() {
  return kServiceRows;
}

std::span<const KeyRow> defaults_keys() {
  return service_keys().subspan(kServiceAlone);
}

Defaults read_defaults(const Field& field, base::Problems& problems) {
  const Defaults nothing;
  Draft draft{nothing, problems};
  if (field.value.kind != Kind::kMap) {
    report_wrong_type(field, "a mapping of " + joined(names_of(defaults_keys())), problems);
  } else {
    read_map(field.value, std::span(kServiceKeys).subspan(kServiceAlone), draft, problems);
  }
  return std::move(draft.own);
}

Service read_service(const Field& field, const Defaults& defaults, base::Problems& problems) {
  Service service;
  service.name = field.key.text;
  service.place = field.key.place;
  const std::string name = quoted(service.name);
  if (!is_name(service.name)) {
    problems.push_back(problem_at(
        field.key, "invalid service name " + name + " (" + std::string(kNameForm) + ")"));
  }
  Draft draft{defaults, problems, &service};
  if (field.value.kind == Kind::kMap) {
    read_map(field.value, kServiceKeys, draft, problems);
    if (!draft.has_peers) {
      problems.push_back(problem_at(
          field.key, "service " + name + " without \"peers\" (" + allowed_by(kPeers) + ")"));
    }
  } else if (field.value.kind == Kind::kSequence) {
    read_peers(draft, field);
  } else {
    report_wrong_type(field, form_of_service(), problems);
  }
  if (draft.tls != nullptr && draft.has_tls == false) {
    problems.push_back(
        problem_at(*draft.tls, "\"tls\" of service " + name + ", whose peers are not https"));
  }
  service.balance = draft.own.balance.value_or(defaults.balance.value_or(service.balance));
  service.balance_place = draft.own.balance ? draft.own.balance_place : defaults.balance_place;
  service.breaker = inherit(draft.own.breaker, defaults.breaker);
  service.timeouts = inherit(draft.own.timeouts, defaults.timeouts);
  service.keepalive = inherit(draft.own.keepalive, defaults.keepalive);
  service.tls_settings = inherit(draft.own.tls_settings, defaults.tls_settings);
  service.certificate_place = draft.own.tls_settings.trusted_certificate
                                  ? draft.own.certificate_place
                                  : defaults.certificate_place;
  // By whose word would that be? Those of the location are not known here, nor need it have any.
  if (service.tls && service.tls_settings.verify == true &&
      !service.tls_settings.trusted_certificate) {
    problems.push_back(problem_at(draft.tls != nullptr ? *draft.tls : field.key,
                                  "\"verify\" of service " + name +
                                      " without \"trusted_certificate\" (the authorities to "
                                      "verify by)"));
  }
  return service;
}

}  // namespace kerberos::registry
