// SPDX-License-Identifier: MIT
#include "core/report/json.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <string_view>

namespace kerberos::report {
namespace {

using Json = nlohmann::ordered_json;

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

Json text_of(breaker::Reason reason) {
  switch (reason) {
    case breaker::Reason::kNone:
      return nullptr;
    case breaker::Reason::kConsecutive:
      return "consecutive";
    case breaker::Reason::kProbe:
      return "probe";
  }
  return nullptr;
}

Json reasons_of(const service::PeerSnapshot& peer) {
  Json reasons = Json::array();
  if (peer.breaker.state != breaker::State::kClosed) reasons.push_back("breaker");
  if (peer.down) reasons.push_back("config");
  if (peer.full) reasons.push_back("max_conns");
  return reasons;
}

Json json_of(const breaker::View& view) {
  return {{"state", text_of(view.state)},
          {"reason", text_of(view.reason)},
          {"consecutive_failures", view.consecutive_failures},
          {"trips", view.trips},
          {"probes_in_flight", view.probes_in_flight},
          {"retry_in", seconds(view.retry_in)}};
}

Json json_of(const service::PeerSnapshot& peer) {
  return {{"id", peer.id},
          {"address", peer.address},
          {"state", peer.available() ? "up" : "down"},
          {"reasons", reasons_of(peer)},
          {"weight", peer.weight},
          {"backup", peer.backup},
          {"in_flight", peer.in_flight},
          {"requests", peer.requests},
          {"successes", peer.successes},
          {"failures", peer.failures},
          {"neutral", peer.neutral},
          {"breaker", json_of(peer.breaker)}};
}

// A peer that is down by configuration is meant to be: it degrades nothing.
std::string_view state_of(const service::ServiceSnapshot& service, std::size_t available) {
  const auto wanted = static_cast<std::size_t>(std::count_if(
      service.peers.begin(), service.peers.end(), [](const auto& peer) { return !peer.down; }));
  if (available == 0) return "down";
  return available == wanted ? "up" : "degraded";
}

Json json_of(const service::ServiceSnapshot& service) {
  const auto available =
      static_cast<std::size_t>(std::count_if(service.peers.begin(), service.peers.end(),
                                             [](const auto& peer) { return peer.available(); }));
  Json peers = Json::array();
  for (const auto& peer : service.peers) peers.push_back(json_of(peer));
  return {{"name", service.name},
          {"balance", registry::name_of(service.balance)},
          {"state", state_of(service, available)},
          {"available", available},
          {"requests", service.requests},
          {"rejected", service.rejected},
          {"peers", std::move(peers)}};
}

}  // namespace

std::string to_json(const service::Snapshot& snapshot, const Stamp& stamp) {
  Json services = Json::array();
  for (const auto& service : snapshot.services) services.push_back(json_of(service));
  const Json document = {
      {"schema", 1},      {"generation", snapshot.generation}, {"time", time_text(stamp.unix_ms)},
      {"pid", stamp.pid}, {"faults", snapshot.faults},         {"services", std::move(services)}};
  // Names come from configuration files in whatever encoding: never let one break the document.
  return document.dump(-1, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace kerberos::report
