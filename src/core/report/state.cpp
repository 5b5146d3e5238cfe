// SPDX-License-Identifier: MIT
#include "core/report/state.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "core/report/names.h"
#include "core/report/writer.h"

namespace kerberos::report {
namespace {

using breaker::Forced;
using breaker::Saved;
using breaker::State;
using breaker::Way;

constexpr std::string_view kKind = "kerberos breakers";
constexpr std::int64_t kSchema = 1;
constexpr std::string_view kList = "breakers";

// The year 10,000, in unix time: no sum of two such is too large.
constexpr std::int64_t kLastMoment = 253'402'300'800'000;

void write_unless_zero(Writer& json, std::string_view name, std::uint64_t number) {
  if (number != 0) json.field(name, number);
}

void write(Writer& json, const service::SavedPeer& peer, const Clocks& clocks) {
  const Saved& saved = peer.breaker;
  const auto write_time = [&](std::string_view name, base::Instant at) {
    json.field(name, std::max<std::int64_t>(0, clocks.unix_ms + (at - clocks.now)));
  };
  json.begin_object();
  json.field("service", peer.service);
  json.field("peer", peer.id);
  json.field("address", peer.address);
  json.field("state", text_of(saved.state));
  if (saved.trips != 0) {
    write_time("until", saved.until);
    write_time("opened", saved.opened_at);
  }
  if (saved.held) json.field("held", true);
  write_unless_zero(json, "trips", saved.trips);
  write_unless_zero(json, "doublings", saved.doublings);
  if (saved.reason != breaker::Reason::kNone) json.field("reason", text_of(saved.reason));
  if (saved.last != breaker::Cause::kNone) json.field("last", text_of(saved.last));
  write_unless_zero(json, "number", saved.number);
  write_unless_zero(json, "failures", saved.failures);
  write_unless_zero(json, "window_attempts", saved.tally.attempts);
  write_unless_zero(json, "window_failures", saved.tally.failures);
  write_unless_zero(json, "window_slow", saved.tally.slow);
  if (saved.forced.way != Way::kNone) {
    json.field("forced", text_of(saved.forced.way));
    if (saved.forced.until != Forced::kForever) write_time("forced_until", saved.forced.until);
  }
  json.end_object();
}

// One row, whose every word may be wrong. What is wrong with any of them is wrong with all.
class RowReader {
 public:
  RowReader(const Row& row, const Clocks& clocks) : row_(row), clocks_(clocks) {}

  std::optional<service::SavedPeer> read() {
    const service::SavedPeer peer{.service = name("service"),
                                  .id = name("peer"),
                                  .address = name("address"),
                                  .breaker = breaker()};
    if (bad_) return std::nullopt;
    return peer;
  }

 private:
  Saved breaker() {
    Saved saved;
    saved.state = value("state", State::kHalfOpen, std::optional<State>());
    const bool opened = saved.state != State::kClosed;
    saved.trips = number<std::uint32_t>("trips", std::numeric_limits<std::uint32_t>::max());
    saved.doublings = number<std::uint32_t>("doublings", Saved::kDoublingsMax);
    // Whoever has never opened has no such times.
    if (opened || saved.trips != 0) {
      saved.until = time("until");
      saved.opened_at = time("opened");
    }
    saved.held = opened && row_.flag("held").value_or(false);
    if (opened) {
      saved.reason = value("reason", breaker::Reason::kProbe, breaker::Reason::kNone);
      saved.last = value("last", breaker::Cause::kStale, breaker::Cause::kNone);
      saved.number = number<std::uint16_t>("number", 999);
      saved.failures = number<std::uint64_t>("failures", kCountMax);
      saved.tally.attempts = number<std::uint64_t>("window_attempts", kCountMax);
      saved.tally.failures = number<std::uint64_t>("window_failures", kCountMax);
      saved.tally.slow = number<std::uint64_t>("window_slow", kCountMax);
    }
    saved.forced.way = value("forced", Way::kClosed, Way::kNone);
    if (row_.has("forced_until")) saved.forced.until = time("forced_until");
    bad_ |= saved.forced.until > Forced::kForever;
    return saved;
  }

  std::string_view name(std::string_view key) {
    const auto text = row_.text(key);
    bad_ |= !text || text->empty();
    return text.value_or("");
  }

  // A value by its name; `otherwise` where nothing is said, if that may be.
  template <class Value>
  Value value(std::string_view key, Value last, std::optional<Value> otherwise) {
    if (!row_.has(key) && otherwise) return *otherwise;
    const auto known = value_of(row_.text(key).value_or("nothing"), last);
    bad_ |= !known;
    return known.value_or(Value{});
  }
  template <class Value>
  Value value(std::string_view key, Value last, Value otherwise) {
    return value(key, last, std::optional<Value>(otherwise));
  }

  template <class Number>
  Number number(std::string_view key, Number most) {
    if (!row_.has(key)) return 0;
    const auto known = row_.number(key);
    if (!known || *known < 0 || std::cmp_greater(*known, most)) {
      bad_ = true;
      return 0;
    }
    return static_cast<Number>(*known);
  }

  base::Instant time(std::string_view key) {
    const auto known = row_.number(key);
    if (!known || *known < 0 || *known > kLastMoment) {
      bad_ = true;
      return 0;
    }
    return clocks_.now + (*known - clocks_.unix_ms);
  }

  // More than anybody has counted.
  static constexpr std::uint64_t kCountMax = std::uint64_t{1} << 53U;

  const Row& row_;
  const Clocks& clocks_;
  bool bad_ = false;
};

}  // namespace

std::string to_text(std::span<const service::SavedPeer> peers, const Clocks& clocks) {
  constexpr std::size_t kRow = 300;  // as names are
  Writer json;
  json.reserve((peers.size() + 1) * kRow);
  json.begin_object();
  json.field("schema", kSchema);
  json.field("kind", kKind);
  json.field("time", clocks.unix_ms);
  json.key(kList);
  json.begin_array();
  for (const auto& peer : peers) write(json, peer, clocks);
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

StateReading read_state(std::string_view text, const Clocks& clocks) {
  StateReading reading{.peers = {}, .problem = {}, .rows = read_rows(text, kKind, kSchema, kList)};
  reading.problem = reading.rows.problem;
  for (const Row& row : reading.rows.rows) {
    if (const auto peer = RowReader(row, clocks).read()) {
      reading.peers.push_back(*peer);
    } else {
      ++reading.skipped;
    }
  }
  return reading;
}

}  // namespace kerberos::report
