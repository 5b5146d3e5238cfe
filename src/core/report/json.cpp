// SPDX-License-Identifier: MIT
#include "core/report/json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <string_view>

#include "core/report/names.h"
#include "core/report/resolution.h"
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

void write_optional(Writer& json, std::string_view name, std::string_view text) {
  json.key(name);
  if (text.empty()) {
    json.value(nullptr);
  } else {
    json.value(text);
  }
}

void write_reasons(Writer& json, const service::PeerSnapshot& peer) {
  json.begin_array();
  if (peer.breaker.forced == breaker::Way::kOpen) {
    json.value("admin");
  } else if (peer.breaker.shut) {
    json.value("breaker");
  }
  if (peer.down) json.value("config");
  if (peer.full) json.value("max_conns");
  json.end_array();
}

// "connect refused", "status 503"
std::string last_of(const breaker::View& view) {
  if (view.last == breaker::Cause::kNone) return {};
  std::string text(breaker::describe(view.last));
  if (breaker::has_number(view.last)) text += ' ' + std::to_string(view.number);
  return text;
}

void write(Writer& json, const breaker::View& view) {
  json.begin_object();
  json.field("state", text_of(view.state));
  json.field("mode", text_of(view.mode));
  write_optional(json, "forced", text_of(view.forced));
  write_optional(json, "reason", text_of(view.reason));
  write_optional(json, "last", last_of(view));
  json.field("consecutive_failures", view.consecutive_failures);
  json.key("window");
  if (view.window) {
    json.begin_object();
    json.field("attempts", view.window->attempts);
    json.field("failures", view.window->failures);
    json.field("slow", view.window->slow);
    json.end_object();
  } else {
    json.value(nullptr);
  }
  json.field("trips", view.trips);
  json.field("overflow", view.overflow);
  json.field("late", view.late);
  json.field("doublings", view.doublings);
  json.field("probes_in_flight", view.probes_in_flight);
  json.field("retry_in", seconds(view.retry_in));
  json.field("ramp", static_cast<double>(view.ramp_percent) / 100.0);
  json.end_object();
}

void write_responses(Writer& json, const service::PeerSnapshot& peer) {
  constexpr std::array<std::string_view, 5> kClasses = {"1xx", "2xx", "3xx", "4xx", "5xx"};
  json.begin_object();
  for (std::size_t i = 0; i < kClasses.size(); ++i) json.field(kClasses[i], peer.responses[i]);
  json.end_object();
}

// Those that have happened.
void write_causes(Writer& json, const service::PeerSnapshot& peer) {
  json.begin_object();
  for (std::size_t i = 0; i < peer.causes.size(); ++i) {
    if (peer.causes[i] == 0) continue;
    json.field(breaker::name_of(static_cast<breaker::Cause>(i)), peer.causes[i]);
  }
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
  json.field("idle", peer.idle);
  json.field("requests", peer.requests);
  json.field("successes", peer.successes);
  json.field("failures", peer.failures);
  json.field("neutral", peer.neutral);
  json.key("responses");
  write_responses(json, peer);
  json.key("causes");
  write_causes(json, peer);
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
  json.field("balance", balance::row_of(service.balance.method).name);
  if (service.balance.adaptive) json.field("adaptive", true);
  if (!service.key.empty()) json.field("key", service.key);
  if (service.balance.bounded_percent != 0) {
    json.field("bounded", static_cast<double>(service.balance.bounded_percent) / 100.0);
  }
  json.field("state", state_of(service, available));
  json.field("available", available);
  json.field("in_flight", service.in_flight);
  json.field("requests", service.requests);
  json.field("rejected", service.rejected);
  json.field("overflow", service.overflow);
  json.key("peers");
  json.begin_array();
  for (const auto& peer : service.peers) write(json, peer);
  json.end_array();
  json.end_object();
}

void write_names(Writer& json, const service::Snapshot& snapshot) {
  json.key("names");
  json.begin_array();
  for (const auto& name : snapshot.names) {
    json.begin_object();
    json.field("name", name.name);
    json.field("addresses", name.addresses);
    write_optional(json, "error", name.error == 0 ? "" : error_text(name.error));
    json.end_object();
  }
  json.end_array();
}

// The configuration in force, and why a later one is not.
void write_config(Writer& json, const service::Snapshot& snapshot) {
  json.begin_object();
  json.field("generation", snapshot.generation);
  json.field("loaded", time_text(snapshot.loaded));
  json.key("error");
  if (snapshot.refusal) {
    json.begin_object();
    json.field("time", time_text(snapshot.refusal->unix_ms));
    json.field("message", snapshot.refusal->text);
    json.end_object();
  } else {
    json.value(nullptr);
  }
  if (!snapshot.names.empty()) write_names(json, snapshot);
  json.end_object();
}

// How much of the shared memory is taken, and by how many configurations at once.
void write_zone(Writer& json, const service::Snapshot& snapshot, const Stamp& stamp) {
  json.begin_object();
  json.field("size", snapshot.size);
  json.field("used", stamp.used);
  json.field("generations", snapshot.generations);
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
  json.field("unmatched", snapshot.unmatched);
  json.key("config");
  write_config(json, snapshot);
  json.key("zone");
  write_zone(json, snapshot, stamp);
  json.key("services");
  json.begin_array();
  for (const auto& service : snapshot.services) write(json, service);
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

}  // namespace kerberos::report
