// SPDX-License-Identifier: MIT
#include "core/report/json.h"

#include <set>
#include <string>

#include "unit/report/snapshots.h"

namespace kerberos::report {
namespace {

// The example of the public interface, field by field.
void the_document_is_the_one_that_was_promised(void**) {
  service::Snapshot snapshot;
  snapshot.generation = 3;
  service::PeerSnapshot well = peer("127.0.0.1:9001");
  well.successes = well.requests = 60;
  service::PeerSnapshot ill = peer("127.0.0.1:9002");
  ill.requests = 60;
  ill.successes = 55;
  ill.failures = 5;
  ill.breaker = {.state = breaker::State::kOpen,
                 .shut = true,
                 .reason = breaker::Reason::kConsecutive,
                 .consecutive_failures = 5,
                 .window = {},
                 .trips = 1,
                 .probes_in_flight = 0,
                 .retry_in = 24'800};
  snapshot.services.push_back(
      {.name = "product", .requests = 120, .rejected = 3, .peers = {ill, well}});

  snapshot.size = 8'388'608;
  snapshot.generations = 2;

  json document = read(snapshot, {.unix_ms = 1'795'167'000'123, .pid = 4711, .used = 65'536});
  json service = document["services"][0];
  json peer = service["peers"][0];
  expect_with(document, json::parse(R"({"schema": 1, "generation": 3,
      "time": "2026-11-20T09:30:00.123Z", "pid": 4711,
      "zone": {"size": 8388608, "used": 65536, "generations": 2}})"));
  expect_with(service, json::parse(R"({"name": "product", "balance": "round_robin",
      "state": "degraded", "available": 1, "requests": 120, "rejected": 3})"));
  expect_with(peer, json::parse(R"({"id": "127.0.0.1:9002", "address": "127.0.0.1:9002",
      "state": "down", "reasons": ["breaker"], "weight": 1, "backup": false, "in_flight": 0, "idle": 0,
      "requests": 60, "successes": 55, "failures": 5, "neutral": 0})"));
  expect_with(peer["breaker"], json::parse(R"({"state": "open", "reason": "consecutive",
      "consecutive_failures": 5, "trips": 1, "probes_in_flight": 0, "retry_in": 24.8})"));
  assert_int_equal(document["services"].size(), 1);
  assert_int_equal(service["peers"].size(), 2);
  expect(service["peers"][1]["id"], "127.0.0.1:9001");
  expect(service["peers"][1]["state"], "up");
  expect(service["peers"][1]["reasons"], json::array());
}

void the_fields_stand_in_the_promised_order_in_one_line(void**) {
  const std::string text = to_json(with({peer("a")}), {});
  assert_int_equal(text.find('\n'), text.size() - 1);
  std::size_t at = 0;
  for (const char* field : {"schema",    "generation",
                            "time",      "pid",
                            "services",  "name",
                            "balance",   "state",
                            "available", "requests",
                            "rejected",  "overflow",
                            "peers",     "id",
                            "address",   "state",
                            "reasons",   "weight",
                            "backup",    "in_flight",
                            "idle",      "requests",
                            "successes", "failures",
                            "neutral",   "responses",
                            "causes",    "breaker",
                            "state",     "mode",
                            "forced",    "reason",
                            "last",      "consecutive_failures",
                            "window",    "trips",
                            "overflow",  "late",
                            "doublings", "probes_in_flight",
                            "retry_in",  "ramp"}) {
    const std::size_t next = text.find('"' + std::string(field) + "\":", at);
    if (next == std::string::npos)
      fail_msg("%s is not where it should be: %s", field, text.c_str());
    at = next + 1;
  }
}

void every_value_comes_from_where_it_should(void**) {
  service::PeerSnapshot other = peer("the-id");
  other.address = "the-address";
  other.weight = 2;
  other.backup = true;
  other.in_flight = 3;
  other.idle = 2;
  other.requests = 40;
  other.successes = 5;
  other.failures = 6;
  other.neutral = 7;
  other.breaker = {.state = breaker::State::kHalfOpen,
                   .shut = true,
                   .reason = breaker::Reason::kProbe,
                   .consecutive_failures = 8,
                   .window = {},
                   .trips = 9,
                   .probes_in_flight = 10,
                   .retry_in = 0};
  service::Snapshot snapshot = with({other});
  snapshot.faults = 11;
  json document = read(snapshot);
  expect(document["faults"], 11);
  json shown = document["services"][0]["peers"][0];
  expect_with(shown, json::parse(R"({"id": "the-id", "address": "the-address", "weight": 2,
      "backup": true, "in_flight": 3, "idle": 2, "requests": 40, "successes": 5, "failures": 6,
      "neutral": 7})"));
  expect_with(shown["breaker"], json::parse(R"({"state": "half_open", "reason": "probe",
      "consecutive_failures": 8, "trips": 9, "probes_in_flight": 10, "retry_in": 0.0})"));
  assert_true(shown["breaker"]["retry_in"].is_number());
}

void a_peer_has_the_reasons_that_keep_it_out(void**) {
  service::PeerSnapshot all = peer("all");
  all.breaker.state = breaker::State::kOpen;
  all.breaker.shut = true;
  all.down = all.full = true;
  service::PeerSnapshot probing = peer("probing");
  probing.breaker.state = breaker::State::kHalfOpen;
  probing.breaker.shut = true;
  service::PeerSnapshot down = peer("down");
  down.down = true;
  service::PeerSnapshot full = peer("full");
  full.full = true;
  const json peers = read(with({all, probing, down, full, peer("up")}))["services"][0]["peers"];
  const auto reasons = [&](std::size_t i) {
    const auto list = peers[i]["reasons"].get<std::vector<std::string>>();
    return std::set<std::string>(list.begin(), list.end());
  };
  assert_true(reasons(0) == std::set<std::string>({"breaker", "config", "max_conns"}));
  assert_true(reasons(1) == std::set<std::string>({"breaker"}));
  assert_true(reasons(2) == std::set<std::string>({"config"}));
  assert_true(reasons(3) == std::set<std::string>({"max_conns"}));
  assert_true(reasons(4).empty());
  for (std::size_t i = 0; i < 4; ++i) expect(peers[i]["state"], "down");
  expect(peers[4]["state"], "up");
  expect(peers[4]["breaker"]["state"], "closed");
  expect(peers[4]["breaker"]["reason"], nullptr);
}

void a_service_is_as_well_as_its_peers(void**) {
  service::PeerSnapshot open = peer("open");
  open.breaker.state = breaker::State::kOpen;
  open.breaker.shut = true;
  service::PeerSnapshot meant = peer("down by configuration");
  meant.down = true;
  struct {
    std::vector<service::PeerSnapshot> peers;
    std::string state;
    int available;
  } const rows[] = {
      {{peer("a"), peer("b")}, "up", 2},
      {{peer("a"), open}, "degraded", 1},
      {{open, open}, "down", 0},
      {{peer("a"), meant}, "up", 1},
      {{open, meant}, "down", 0},
      {{meant}, "down", 0},
      {{peer("a"), open, meant}, "degraded", 1},
      {{}, "down", 0},
  };
  for (const auto& row : rows) {
    const json service = read(with(row.peers))["services"][0];
    expect(service["state"], row.state);
    expect(service["available"], row.available);
  }
}

void names_cannot_break_the_document(void**) {
  const std::string names[] = {
      "\"quoted\" \\ back\\slash",
      "line\nfeed\ttab\r",
      std::string("a\0b", 3),
      "\x01\x1f\x7f",
      "</script>",
      "\xc3\xbcmlaut",
  };
  for (const std::string& name : names) {
    service::Snapshot snapshot = with({peer(name)});
    snapshot.services[0].name = name;
    const json service = read(snapshot)["services"][0];
    expect(service["name"], name);
    expect(service["peers"][0]["id"], name);
    expect(service["peers"][0]["address"], name);
  }
}

void what_is_no_utf_8_is_replaced(void**) {
  for (const char* name :
       {"\xff", "a\xc3", "\xc3(", "\xed\xa0\x80", "\xf8\x88\x80\x80\x80", "x\x80y"}) {
    service::Snapshot snapshot = with({peer(name)});
    snapshot.services[0].name = name;
    const json document = read(snapshot);
    const auto shown = document["services"][0]["name"].get<std::string>();
    assert_true(shown.find("\xef\xbf\xbd") != std::string::npos);
  }
}

void times_are_rfc_3339_in_utc(void**) {
  struct {
    std::int64_t unix_ms;
    std::string text;
  } const rows[] = {
      {0, "1970-01-01T00:00:00.000Z"},
      {951'782'399'999, "2000-02-28T23:59:59.999Z"},
      {951'782'400'000, "2000-02-29T00:00:00.000Z"},
      {4'102'444'799'001, "2099-12-31T23:59:59.001Z"},
  };
  for (const auto& row : rows) expect(read({}, {.unix_ms = row.unix_ms})["time"], row.text);
}

void large_counters_stay_exact(void**) {
  service::PeerSnapshot busy = peer("a");
  busy.requests = busy.successes = 9'007'199'254'740'993;  // no double can hold it
  const json shown = read(with({busy}))["services"][0]["peers"][0];
  assert_true(shown["successes"].get<std::uint64_t>() == 9'007'199'254'740'993);
  assert_true(shown["requests"].get<std::uint64_t>() == 9'007'199'254'740'993);
}

void without_services_there_is_a_document(void**) {
  expect(read({})["services"], json::array());
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_document_is_the_one_that_was_promised),
      cmocka_unit_test(the_fields_stand_in_the_promised_order_in_one_line),
      cmocka_unit_test(every_value_comes_from_where_it_should),
      cmocka_unit_test(a_peer_has_the_reasons_that_keep_it_out),
      cmocka_unit_test(a_service_is_as_well_as_its_peers),
      cmocka_unit_test(names_cannot_break_the_document),
      cmocka_unit_test(what_is_no_utf_8_is_replaced),
      cmocka_unit_test(times_are_rfc_3339_in_utc),
      cmocka_unit_test(large_counters_stay_exact),
      cmocka_unit_test(without_services_there_is_a_document),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
