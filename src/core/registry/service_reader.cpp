// SPDX-License-Identifier: MIT
#include "core/registry/service_reader.h"

#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "core/registry/peer_reader.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

constexpr std::string_view kPeersForm = "a list of peers, each a URL or a mapping";

void read_balance(const Field& field, std::optional<Balance>& balance, base::Problems& problems) {
  const auto text = text_of(field, "a method, such as least_conn or hash $cookie_x", problems);
  if (!text) return;
  BalanceReading reading = balance_of(words_of(*text));
  if (reading.problem.empty()) {
    balance = std::move(reading.balance);
  } else {
    problems.push_back({field.value.place, std::move(reading.problem)});
  }
}

// A number in quotes is a text: refused for every parameter, as for all other numbers.
bool is_quoted_number(const Node& node) {
  return node.quoted && !node.text.empty() &&
         node.text.find_first_not_of("0123456789") == std::string::npos;
}

void read_parameter(const Field& field, BreakerSettings& breaker, base::Problems& problems) {
  const Verdict verdict = set(breaker, field.key.text, field.value.text);
  if (verdict.refusal == Refusal::kUnknown) {
    report_unknown(field.key, breaker_parameters(), problems);
  } else if (field.value.kind != Kind::kScalar) {
    report_wrong_type(field, verdict.allowed, problems);
  } else if (verdict.refusal != Refusal::kNone) {
    report_invalid(field, verdict.allowed, problems);
  } else if (is_quoted_number(field.value)) {
    report_invalid(field, "without quotes", problems);
  }
}

void read_breaker(const Field& field, const BreakerSettings& inherited, BreakerSettings& breaker,
                  base::Problems& problems) {
  const std::string allowed = "off, or a mapping of " + joined(breaker_parameters());
  if (field.value.kind == Kind::kScalar) {
    if (field.value.text != "off") return report_invalid(field, allowed, problems);
    breaker.enabled = false;
    return;
  }
  if (field.value.kind != Kind::kMap) return report_wrong_type(field, allowed, problems);

  breaker.enabled = true;
  for (std::size_t i = 0; i < field.value.keys.size(); ++i) {
    read_parameter({field.value.keys[i], field.value.children[i]}, breaker, problems);
  }
  if (!breaker.timeout && !breaker.max_timeout) return;
  const BreakerSettings merged = inherit(breaker, inherited);
  if (!merged.timeout || !merged.max_timeout) return;
  std::string what = contradiction_of_timeouts(merged);
  if (!what.empty()) problems.push_back({field.value.place, std::move(what)});
}

void read_failure_on(const Field& field, BreakerSettings& breaker, base::Problems& problems) {
  constexpr std::string_view kForm = "a list of words such as error, timeout, http_5xx, http_429";
  if (field.value.kind != Kind::kSequence) return report_wrong_type(field, kForm, problems);
  if (field.value.children.empty()) return report_invalid(field, kForm, problems);
  breaker.failure_on.emplace();
  for (const Node& word : field.value.children) {
    const Field item{field.key, word};
    if (word.kind != Kind::kScalar) {
      report_wrong_type(item, kForm, problems);
      continue;
    }
    const Verdict verdict = add(*breaker.failure_on, word.text);
    if (verdict.refusal != Refusal::kNone) report_invalid(item, verdict.allowed, problems);
  }
}

struct DefaultsDraft {
  Defaults& defaults;
  base::Problems& problems;
};

constexpr std::array kDefaultsKeys = {
    Known<DefaultsDraft>{"breaker",
                         [](DefaultsDraft& draft, const Field& field) {
                           read_breaker(field, {}, draft.defaults.breaker, draft.problems);
                         }},
    Known<DefaultsDraft>{"failure_on",
                         [](DefaultsDraft& draft, const Field& field) {
                           read_failure_on(field, draft.defaults.breaker, draft.problems);
                         }},
    Known<DefaultsDraft>{"balance",
                         [](DefaultsDraft& draft, const Field& field) {
                           read_balance(field, draft.defaults.balance, draft.problems);
                         }},
};

struct ServiceDraft {
  Service& service;
  const Defaults& defaults;
  base::Problems& problems;
  std::optional<Balance> balance;
  bool has_peers = false;
};

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

  bool tls() const { return tls_.value_or(false); }
  bool all_backup() const { return all_backup_; }

 private:
  base::Problems& problems_;
  std::map<std::string, base::Place> ids_;
  std::optional<bool> tls_;
  bool mixed_ = false;
  bool all_backup_ = true;
};

void read_peers(ServiceDraft& draft, const Field& field) {
  draft.has_peers = true;
  const Node& list = field.value;
  if (list.kind != Kind::kSequence) return report_wrong_type(field, kPeersForm, draft.problems);
  const std::string name = quoted(draft.service.name);
  if (list.children.empty()) {
    draft.problems.push_back({list.place, "service " + name + " has no peers (at least one)"});
    return;
  }
  PeersCheck check(draft.problems);
  draft.service.peers.reserve(list.children.size());
  for (const Node& node : list.children) {
    PeerReading reading = read_peer(node, draft.problems);
    check.take(reading);
    draft.service.peers.push_back(std::move(reading.peer));
  }
  draft.service.tls = check.tls();
  if (check.all_backup()) {
    draft.problems.push_back({list.place, "all peers of service " + name +
                                              " are backups (a backup stands in for others: at "
                                              "least one peer must not be a backup)"});
  }
}

constexpr std::array kServiceKeys = {
    Known<ServiceDraft>{"balance",
                        [](ServiceDraft& draft, const Field& field) {
                          read_balance(field, draft.balance, draft.problems);
                        }},
    Known<ServiceDraft>{"peers", read_peers},
    Known<ServiceDraft>{"breaker",
                        [](ServiceDraft& draft, const Field& field) {
                          read_breaker(field, draft.defaults.breaker, draft.service.breaker,
                                       draft.problems);
                        }},
    Known<ServiceDraft>{"failure_on",
                        [](ServiceDraft& draft, const Field& field) {
                          read_failure_on(field, draft.service.breaker, draft.problems);
                        }},
};

}  // namespace

Defaults read_defaults(const Field& field, base::Problems& problems) {
  Defaults defaults;
  if (field.value.kind != Kind::kMap) {
    report_wrong_type(field, "a mapping of breaker, failure_on, balance", problems);
    return defaults;
  }
  DefaultsDraft draft{defaults, problems};
  read_map(field.value, kDefaultsKeys, draft, problems);
  return defaults;
}

Service read_service(const Field& field, const Defaults& defaults, base::Problems& problems) {
  Service service;
  service.name = field.key.text;
  service.place = field.key.place;
  if (!is_name(service.name)) {
    problems.push_back({field.key.place, "invalid service name " + quoted(service.name) + " (" +
                                             std::string(kNameForm) + ")"});
  }
  ServiceDraft draft{service, defaults, problems, std::nullopt};
  if (field.value.kind == Kind::kMap) {
    read_map(field.value, kServiceKeys, draft, problems);
    if (!draft.has_peers) {
      problems.push_back({field.key.place, "service " + quoted(service.name) +
                                               " without \"peers\" (" + std::string(kPeersForm) +
                                               ")"});
    }
  } else if (field.value.kind == Kind::kSequence) {
    read_peers(draft, field);
  } else {
    report_wrong_type(field, "a list of URLs, or a mapping of balance, peers, breaker, failure_on",
                      problems);
  }
  service.balance = draft.balance.value_or(defaults.balance.value_or(service.balance));
  service.breaker = inherit(service.breaker, defaults.breaker);
  return service;
}

}  // namespace kerberos::registry
