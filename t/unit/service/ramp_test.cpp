// SPDX-License-Identifier: MIT
//
// ramp: a peer that has closed gets its share back little by little. Draws come from the process's
// seeded generator, so every count here is the same in every run.
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

constexpr base::Millis kRamp = 20'000;
constexpr base::Instant kClosed = 11'000;  // when the peer that was open has closed

registry::Registry ramping(std::vector<registry::Peer> peers) {
  registry::Registry made = one(std::move(peers));
  made.services[0].breaker.ramp = kRamp;
  return made;
}

// Opens a peer, and closes it at kClosed.
void come_back(Process& process, const std::string& id) {
  trip(process, id, 1'000);
  Client probe(process);
  assert_text(probe.pick(kClosed), id);
  probe.report(kGood, kClosed);
  assert_text(probe.told(), id + " HALF_OPEN, " + id + " CLOSED");
}

// How many percent of its share of the requests a peer takes.
double taken_percent(Process& process, char id, double share, base::Instant now) {
  const std::string who = serve(process, 8'000, now);
  return 100.0 * static_cast<double>(std::count(who.begin(), who.end(), id)) /
         (static_cast<double>(who.size()) * share);
}

void assert_near(double actual, double expected) {
  if (actual < expected - 3 || actual > expected + 3) fail_msg("%f, not %f", actual, expected);
}

void a_peer_that_comes_back_takes_its_share_by_and_by(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  struct {
    base::Millis after;
    double percent;
  } const rows[] = {{0, 10},      {1'000, 10},  {2'000, 10},     {5'000, 25},
                    {10'000, 50}, {15'000, 75}, {kRamp - 1, 99}, {kRamp, 100}};
  for (const auto& row : rows) {
    assert_near(taken_percent(process, 'b', 0.5, kClosed + row.after), row.percent);
  }
  // In the end they alternate, as ever.
  const std::string who = serve(process, 10, kClosed + kRamp);
  assert_true(who == "ababababab" || who == "bababababa");
}

void weights_hold_on_the_way_back(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a", 2), peer("b", 4)}));
  Process process = gate.attach(0);
  come_back(process, "b");
  assert_near(taken_percent(process, 'b', 4.0 / 6, kClosed + kRamp / 2), 50);
}

void what_it_does_not_take_goes_to_all_the_others(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b", 4), peer("c", 2), peer("d")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  // "b" leaves nine tenths of its half: the others get about as much again as they have.
  for (const auto& [id, share] : {std::pair{'a', 1.0 / 8}, {'c', 2.0 / 8}, {'d', 1.0 / 8}}) {
    const double percent = taken_percent(process, id, share, kClosed);
    if (percent < 175 || percent > 205) fail_msg("%c: %f", id, percent);
  }
  assert_near(taken_percent(process, 'b', 4.0 / 8, kClosed), 10);
}

void nobody_ramps_who_was_never_out(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  assert_text(serve(process, 8, 1), "abababab");
}

void without_a_ramp_a_share_is_whole_at_once(void**) {
  const Gate gate;
  gate.reload(one({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  const std::string who = serve(process, 10, kClosed);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 5);
}

// Where there is nobody to leave it to.

void the_only_peer_takes_everything(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a")}));
  Process process = gate.attach(0);
  come_back(process, "a");
  assert_text(serve(process, 20, kClosed), std::string(20, 'a'));
}

void the_only_one_that_is_in_takes_everything(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  trip(process, "a", kClosed);
  assert_text(serve(process, 20, kClosed), std::string(20, 'b'));
}

void one_whose_neighbours_are_full_takes_everything(void**) {
  const Gate gate;
  auto small = peer("a");
  small.max_conns = 1;
  gate.reload(ramping({small, peer("b")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  Client holder(process);
  while (holder.pick(kClosed) != "a") holder.report(kStale, kClosed);
  assert_text(serve(process, 20, kClosed), std::string(20, 'b'));
}

void one_whose_neighbours_were_tried_takes_the_request(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b")}));
  Process process = gate.attach(0);
  come_back(process, "b");
  for (int i = 0; i < 20; ++i) {
    Client client(process);
    std::string who = client.pick(kClosed);
    client.report(kNothing, kClosed);
    who += client.pick(kClosed);
    assert_true(who == "ab" || who == "ba");
    client.report(kNothing, kClosed);
  }
}

void two_that_come_back_together_leave_nobody_unserved(void**) {
  const Gate gate;
  auto registry = ramping({peer("a"), peer("b")});
  registry.services[0].breaker.threshold = 1;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "a", 1'000);
  trip(process, "b", 1'000);
  assert_text(serve(process, 2, kClosed), "ab");  // the probes
  const std::string who = serve(process, 400, kClosed);
  assert_int_equal(std::count(who.begin(), who.end(), '-'), 0);
  const auto part = std::count(who.begin(), who.end(), 'a');
  assert_true(part > 150 && part < 250);
}

// What a ramp does not touch.

void who_only_observes_ramps_nobody(void**) {
  const Gate gate;
  auto registry = ramping({peer("a"), peer("b")});
  registry.services[0].breaker.mode = breaker::Mode::kObserve;
  gate.reload(registry);
  Process process = gate.attach(0);
  trip(process, "b", 1'000);
  serve(process, 4, kClosed);
  assert_true(state_of(process, "b") == State::kClosed);
  assert_int_equal(record_of(process, "b").breaker.trips.load(), 1);
  const std::string who = serve(process, 100, kClosed);
  assert_int_equal(std::count(who.begin(), who.end(), 'b'), 50);
}

void a_reload_does_not_end_a_ramp(void**) {
  const Gate gate;
  gate.reload(ramping({peer("a"), peer("b")}));
  Process old = gate.attach(0);
  come_back(old, "b");
  gate.reload(ramping({peer("b"), peer("a")}));
  Process fresh = gate.attach(1);
  assert_near(taken_percent(fresh, 'b', 0.5, kClosed + kRamp / 2), 50);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_peer_that_comes_back_takes_its_share_by_and_by),
      cmocka_unit_test(weights_hold_on_the_way_back),
      cmocka_unit_test(what_it_does_not_take_goes_to_all_the_others),
      cmocka_unit_test(nobody_ramps_who_was_never_out),
      cmocka_unit_test(without_a_ramp_a_share_is_whole_at_once),
      cmocka_unit_test(the_only_peer_takes_everything),
      cmocka_unit_test(the_only_one_that_is_in_takes_everything),
      cmocka_unit_test(one_whose_neighbours_are_full_takes_everything),
      cmocka_unit_test(one_whose_neighbours_were_tried_takes_the_request),
      cmocka_unit_test(two_that_come_back_together_leave_nobody_unserved),
      cmocka_unit_test(who_only_observes_ramps_nobody),
      cmocka_unit_test(a_reload_does_not_end_a_ramp),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
