// SPDX-License-Identifier: MIT
//
// What the status document says of a breaker, and of what it judged.
#include <array>
#include <string>
#include <utility>

#include "unit/report/snapshots.h"

namespace kerberos::report {
namespace {

void a_breaker_shows_what_it_does_and_knows(void**) {
  service::PeerSnapshot busy = peer("a");
  busy.breaker = {.state = breaker::State::kOpen,
                  .mode = breaker::Mode::kObserve,
                  .forced = breaker::Way::kClosed,
                  .reason = breaker::Reason::kFailureRate,
                  .last = breaker::Cause::kGrpcStatus,
                  .number = 14,
                  .window = breaker::Tally{.attempts = 25, .failures = 15, .slow = 7},
                  .doublings = 2,
                  .overflow = 3,
                  .late = 4,
                  .ramp_percent = 45};
  service::Snapshot snapshot = with({busy, peer("b")});
  snapshot.services[0].overflow = 5;
  const json service = read(snapshot)["services"][0];
  expect(service["overflow"], 5);
  expect_with(service["peers"][0]["breaker"], json::parse(R"({"mode": "observe",
      "forced": "closed", "reason": "failure_rate", "last": "gRPC status 14",
      "window": {"attempts": 25, "failures": 15, "slow": 7}, "overflow": 3, "late": 4,
      "doublings": 2, "ramp": 0.45})"));
  expect_with(service["peers"][1]["breaker"], json::parse(R"({"mode": "enforce", "forced": null,
      "reason": null, "last": null, "window": null, "overflow": 0, "late": 0, "doublings": 0,
      "ramp": 1.0})"));
}

void every_word_of_a_breaker_has_its_text(void**) {
  const auto shown = [](const breaker::View& view) {
    service::PeerSnapshot one = peer("a");
    one.breaker = view;
    return read(with({one}))["services"][0]["peers"][0]["breaker"];
  };
  using breaker::Mode;
  using breaker::Reason;
  using breaker::Way;
  breaker::View view;
  for (const auto& [mode, text] :
       {std::pair{Mode::kEnforce, "enforce"}, {Mode::kObserve, "observe"}, {Mode::kOff, "off"}}) {
    view.mode = mode;
    expect(shown(view)["mode"], text);
  }
  for (const auto& [way, text] : {std::pair{Way::kOpen, "open"}, {Way::kClosed, "closed"}}) {
    view.forced = way;
    expect(shown(view)["forced"], text);
  }
  for (const auto& [reason, text] : {std::pair{Reason::kConsecutive, "consecutive"},
                                     {Reason::kFailureRate, "failure_rate"},
                                     {Reason::kSlowRate, "slow_rate"},
                                     {Reason::kProbe, "probe"}}) {
    view.reason = reason;
    expect(shown(view)["reason"], text);
  }
  view.last = breaker::Cause::kSlow;
  expect(shown(view)["last"], "slow response");
}

void responses_have_all_their_classes_and_causes_only_what_happened(void**) {
  service::PeerSnapshot one = peer("a");
  one.responses = {1, 20, 3, 4, 5};
  const auto at = [&](breaker::Cause cause) -> std::uint64_t& {
    return one.causes[static_cast<std::size_t>(cause)];
  };
  at(breaker::Cause::kConnectRefused) = 6;
  at(breaker::Cause::kClientGone) = 7;
  const json peers = read(with({one, peer("b")}))["services"][0]["peers"];
  expect(peers[0]["responses"],
         json::parse(R"({"1xx": 1, "2xx": 20, "3xx": 3, "4xx": 4, "5xx": 5})"));
  expect(peers[0]["causes"], json::parse(R"({"connect_refused": 6, "client_gone": 7})"));
  expect(peers[1]["responses"],
         json::parse(R"({"1xx": 0, "2xx": 0, "3xx": 0, "4xx": 0, "5xx": 0})"));
  expect(peers[1]["causes"], json::object());
}

void every_cause_has_the_promised_name(void**) {
  const char* const names[] = {"connect_refused",
                               "connect_timeout",
                               "tls_handshake",
                               "response_timeout",
                               "closed",
                               "reset",
                               "invalid_header",
                               "status",
                               "grpc_status",
                               "truncated",
                               "body_timeout",
                               "probe_timeout",
                               "slow",
                               "rate_limited",
                               "correlated",
                               "client_gone",
                               "stale"};
  service::PeerSnapshot all = peer("a");
  all.causes.fill(1);
  all.causes[0] = 0;  // of no cause
  const json causes = read(with({all}))["services"][0]["peers"][0]["causes"];
  assert_int_equal(causes.size(), std::size(names));
  for (const char* name : names) {
    if (!causes.contains(name)) fail_msg("%s", name);
  }
}

void whom_an_operator_keeps_out_says_so(void**) {
  service::PeerSnapshot out = peer("a");
  out.breaker.forced = breaker::Way::kOpen;
  out.breaker.shut = true;
  service::PeerSnapshot kept = peer("b");
  kept.breaker.state = breaker::State::kOpen;
  kept.breaker.forced = breaker::Way::kClosed;
  const json service = read(with({out, kept}))["services"][0];
  expect(service["peers"][0]["reasons"], json::array({"admin"}));
  expect(service["peers"][0]["state"], "down");
  expect(service["peers"][1]["reasons"], json::array());
  expect(service["peers"][1]["state"], "up");
  expect(service["available"], 1);
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_breaker_shows_what_it_does_and_knows),
      cmocka_unit_test(every_word_of_a_breaker_has_its_text),
      cmocka_unit_test(responses_have_all_their_classes_and_causes_only_what_happened),
      cmocka_unit_test(every_cause_has_the_promised_name),
      cmocka_unit_test(whom_an_operator_keeps_out_says_so),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
