// SPDX-License-Identifier: MIT
#include "core/report/json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "core/report/writer.h"

namespace kerberos::report {
namespace {

// Seconds, as all durations of the document.
double seconds(base::Millis span) {
  return static_cast<double>(span) / 1000.0;
}

// RFC 3339 in UTC with milliseconds.
std::string time_text(std::int64_t unix_ms) {
  using namespace std::chrono;
  const sys_time<milliseconds> at{milliseconds(unix_ms)};
  const auto day = floor<days>(at);
  const year_month_day date(day);
  const hh_mm_ss<milliseconds> clock(at - day);
  std::array<char, 64> text{};
  (void)std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                      static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                      static_cast<unsigned>(date.day()), static_cast<int>(clock.hours().count()),
                      static_cast<int>(clock.minutes().count()),
                      static_cast<int>(clock.seconds().count()),
                      static_cast<int>(clock.subseconds().count()));
  return text.data();
}

std::string_view text_of(breaker::State state) {
  switch (state) {
    case breaker::State::kClosed:
      return "closed";
    case breaker::State::kOpen:
      return "open";
    case breaker::State::kHalfOpen:
      return "half_open";
  }
  return "unknown";
}

void write(Writer& json, breaker::Reason reason) {
  switch (reason) {
    case breaker::Reason::kNone:
      json.value(nullptr);
      return;
    case breaker::Reason::kConsecutive:
      json.value("consecutive");
      return;
    case breaker::Reason::kProbe:
      json.value("probe");
      return;
  }
}

void write_reasons(Writer& json, const service::PeerSnapshot& peer) {
  json.begin_array();
  if (peer.breaker.state != breaker::State::kClosed) json.value("breaker");
  if (peer.down) json.value("config");
  if (peer.full) json.value("max_conns");
  json.end_array();
}

void write(Writer& json, const breaker::View& view) {
  json.begin_object();
  json.field("state", text_of(view.state));
  json.key("reason");
  write(json, view.reason);
  json.field("consecutive_failures", view.consecutive_failures);
  json.field("trips", view.trips);
  json.field("probes_in_flight", view.probes_in_flight);
  json.field("retry_in", seconds(view.retry_in));
  json.end_object();
}

void write(Writer& json, const service::PeerSnapshot& peer) {
  json.begin_object();
  json.field("id", peer.id);
  json.field("address", peer.address);
  json.field("state", peer.available() ? "up" : "down");
  json.key("reasons");
  write_reasons(json, peer);
  json.field("weight", peer.weight);
  json.field("backup", peer.backup);
  json.field("in_flight", peer.in_flight);
  json.field("requests", peer.requests);
  json.field("successes", peer.successes);
  json.field("failures", peer.failures);
  json.field("neutral", peer.neutral);
  json.key("breaker");
  write(json, peer.breaker);
  json.end_object();
}

// A peer that is down by configuration is meant to be: it degrades nothing.
std::string_view state_of(const service::ServiceSnapshot& service, std::ptrdiff_t available) {
  const auto wanted = std::count_if(service.peers.begin(), service.peers.end(),
                                    [](const auto& peer) { return !peer.down; });
  if (available == 0) return "down";
  return available == wanted ? "up" : "degraded";
}

void write(Writer& json, const service::ServiceSnapshot& service) {
  const auto available = std::count_if(service.peers.begin(), service.peers.end(),
                                       [](const auto& peer) { return peer.available(); });
  json.begin_object();
  json.field("name", service.name);
  json.field("balance", registry::name_of(service.balance));
  json.field("state", state_of(service, available));
  json.field("available", available);
  json.field("requests", service.requests);
  json.field("rejected", service.rejected);
  json.key("peers");
  json.begin_array();
  for (const auto& peer : service.peers) write(json, peer);
  json.end_array();
  json.end_object();
}

}  // namespace

std::string to_json(const service::Snapshot& snapshot, const Stamp& stamp) {
  Writer json;
  json.begin_object();
  json.field("schema", 1);
  json.field("generation", snapshot.generation);
  json.field("time", time_text(stamp.unix_ms));
  json.field("pid", stamp.pid);
  json.field("faults", snapshot.faults);
  json.key("services");
  json.begin_array();
  for (const auto& service : snapshot.services) write(json, service);
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

}  // namespace kerberos::report
