// SPDX-License-Identifier: MIT
#include "core/service/terms.h"

namespace kerberos::service {
namespace {

template <typename Value>
std::int64_t shown(const std::optional<Value>& value) {
  return value ? std::int64_t{*value} : Terms::kUnsaid;
}

}  // namespace

TermsPlan plan_terms(const registry::Service& service) {
  TermsPlan plan{service.tls, service.timeouts, service.keepalive, {}};
  // Defaults may speak of TLS to services that have nothing to do with it.
  if (service.tls) plan.tls_settings = service.tls_settings;
  return plan;
}

Terms terms_of(const TermsPlan& plan) {
  Terms terms;
  terms.connect = shown(plan.timeouts.connect);
  terms.send = shown(plan.timeouts.send);
  terms.read = shown(plan.timeouts.read);
  terms.connections = plan.keepalive.enabled == false ? 0 : shown(plan.keepalive.connections);
  terms.idle = shown(plan.keepalive.idle);
  terms.requests = shown(plan.keepalive.requests);
  terms.total = shown(plan.keepalive.total);
  terms.tls = plan.tls;
  if (const auto verify = plan.tls_settings.verifies()) terms.verify = *verify ? 1 : 0;
  return terms;
}

}  // namespace kerberos::service
