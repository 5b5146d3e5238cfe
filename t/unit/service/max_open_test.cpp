// SPDX-License-Identifier: MIT
//
// max_open: how many peers failures after connect may hold open, over all processes.
#include <algorithm>
#include <string>
#include <vector>

#include "core/breaker/intent.h"
#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/journey.h"

namespace kerberos::service {
namespace {

// So many peers that open at the first failure, at most `percent` of them.
registry::Registry pool(int peers, std::uint32_t percent, int down = 0) {
  registry::Registry made = one({});
  for (int i = 0; i < peers; ++i) {
    made.services[0].peers.push_back(peer(std::string(1, static_cast<char>('a' + i))));
    made.services[0].peers.back().down = i < down;
  }
  made.services[0].breaker.threshold = 1;
  made.services[0].breaker.max_open_percent = percent;
  return made;
}

std::uint64_t overflow_of_peers(const Process& process) {
  std::uint64_t sum = 0;
  for (const PeerImage& image : process.generation().peers()) {
    sum += process.record(image).breaker.overflow.load();
  }
  return sum;
}

// Says that `process` is about to open a peer, as a trip does before it counts.
void intend(Process& process, std::string_view id) {
  const PeerImage& image = image_of(process, id);
  breaker::Words& words = process.record(image).breaker;
  breaker::Breaker breaker(words, process.generation().options(image));
  assert_true(breaker.intend({.word = breaker::Word::unpack(words.word.load())}, process.self(),
                             process.zone().owners()));
}

void no_more_are_held_open_than_allowed(void**) {
  const Gate gate;
  gate.reload(pool(10, 50));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  for (int i = 0; i < 1'000; ++i) {
    const base::Instant now = 1'000 + i * 8;  // before anybody is due
    assert_string_not_equal(send(i % 2 == 0 ? first : second, kError, now).c_str(), "-");
    assert_true(open_peers(first) <= 5);
  }
  assert_int_equal(open_peers(first), 5);
}

void whoever_refuses_connections_is_open_whatever_max_open_says(void**) {
  const Gate gate;
  gate.reload(pool(10, 50));
  Process process = gate.attach(0);
  for (int i = 0; i < 100; ++i) send(process, kError, 1'000);
  for (const Cause cause : {Cause::kConnectRefused, Cause::kConnectTimeout, Cause::kHandshake}) {
    const int before = open_peers(process);
    send(process, failed(cause), 1'000);
    assert_int_equal(open_peers(process), before + 1);
  }
  for (int i = 0; i < 2; ++i) send(process, kBad, 1'000);
  assert_int_equal(open_peers(process), 10);
  assert_text(Client(process).pick(1'000), "-");
}

// Refused ones take no place from those that answer badly.
void who_refuses_connections_is_not_counted(void**) {
  const Gate gate;
  gate.reload(pool(4, 50));
  Process process = gate.attach(0);
  for (int i = 0; i < 2; ++i) send(process, kBad, 1'000);
  for (int i = 0; i < 2; ++i) send(process, kError, 1'000);
  assert_int_equal(open_peers(process), 4);
  assert_int_equal(service_of(process).overflow.load(), 0);
}

void shares_are_rounded_to_at_least_one_and_never_to_all(void**) {
  struct {
    int peers;
    std::uint32_t percent;
    int open;
    int down = 0;
  } const rows[] = {{1, 1, 1},    {1, 50, 1},  {1, 100, 1},   {2, 1, 1},     {2, 50, 1},
                    {2, 99, 1},   {2, 100, 2}, {3, 33, 1},    {3, 50, 1},    {3, 67, 2},
                    {3, 99, 2},   {4, 50, 2},  {4, 74, 2},    {4, 75, 3},    {10, 5, 1},
                    {10, 95, 9},  {10, 99, 9}, {10, 100, 10}, {4, 50, 1, 2}, {4, 50, 1, 3},
                    {6, 50, 2, 2}};
  for (const auto& row : rows) {
    const Gate gate;
    gate.reload(pool(row.peers, row.percent, row.down));
    Process process = gate.attach(0);
    for (int i = 0; i < 50; ++i) send(process, kError, 1'000);
    if (open_peers(process) != row.open) {
      fail_msg("%d%% of %d peers, %d down: %d open, not %d", static_cast<int>(row.percent),
               row.peers, row.down, open_peers(process), row.open);
    }
  }
}

void a_trip_too_many_is_counted_at_most_once_a_second(void**) {
  const Gate gate;
  gate.reload(pool(4, 50));
  Process first = gate.attach(0);
  Process second = gate.attach(1);
  for (int i = 0; i < 2; ++i) send(first, kError, 1'000);
  struct {
    base::Instant now;
    std::uint64_t overflow;
  } const rows[] = {{1'000, 1}, {1'001, 1}, {1'999, 1}, {2'000, 2}, {2'999, 2}, {3'500, 3}};
  for (const auto& row : rows) {
    for (Process* process : {&first, &second}) send(*process, kError, row.now);
    assert_int_equal(service_of(first).overflow.load(), row.overflow);
    assert_int_equal(overflow_of_peers(first), row.overflow);
  }
  assert_int_equal(open_peers(first), 2);
}

void a_place_that_is_given_back_goes_to_the_next_who_fails(void**) {
  const Gate gate;
  gate.reload(pool(2, 50));
  Process process = gate.attach(0);
  assert_text(send(process, kError, 1'000), "a");
  assert_text(send(process, kError, 5'000), "b");
  assert_int_equal(open_peers(process), 1);
  Client probe(process);
  assert_text(probe.pick(11'000), "a");
  assert_text(send(process, kError, 11'000), "b");  // half-open, "a" still has its place
  assert_true(state_of(process, "b") == State::kClosed);
  probe.report(kGood, 11'001);
  while (send(process, kError, 12'500) != "b") {
  }
  assert_int_equal(open_peers(process), 1);
}

void a_probe_that_finds_nobody_listening_gives_the_place_back(void**) {
  const Gate gate;
  gate.reload(pool(2, 50));
  Process process = gate.attach(0);
  assert_text(send(process, kError, 1'000), "a");
  assert_text(send(process, kBad, 11'000), "a");  // the probe
  assert_true(state_of(process, "a") == State::kOpen);
  assert_text(send(process, kError, 11'000), "b");
  assert_true(state_of(process, "b") == State::kOpen);
}

void a_probe_that_answers_badly_keeps_the_place(void**) {
  const Gate gate;
  gate.reload(pool(2, 50));
  Process process = gate.attach(0);
  assert_text(send(process, kError, 1'000), "a");
  assert_text(send(process, kError, 11'000), "a");
  assert_text(send(process, kError, 11'000), "b");
  assert_true(state_of(process, "a") == State::kOpen);
  assert_true(state_of(process, "b") == State::kClosed);
}

void what_somebody_is_about_to_open_counts_already(void**) {
  const Gate gate;
  gate.reload(pool(4, 50));
  Process other = gate.attach(0);
  Process process = gate.attach(1);
  intend(other, "c");
  intend(other, "d");
  assert_text(send(process, kError, 1'000), "a");
  assert_int_equal(open_peers(process), 0);
  assert_int_equal(service_of(process).overflow.load(), 1);
}

void what_the_dead_were_about_to_open_does_not_count(void**) {
  const Gate gate;
  gate.reload(pool(4, 50));
  Process dead = gate.attach(0);
  Process process = gate.attach(1);
  for (const char* id : {"a", "c", "d"}) intend(dead, id);
  Gate::kill(100);
  gate.sweep();
  assert_text(send(process, kError, 1'000), "a");  // whose breaker carries such an intent itself
  send(process, kError, 1'000);
  assert_int_equal(open_peers(process), 2);
  assert_int_equal(service_of(process).overflow.load(), 0);
}

void who_does_not_open_leaves_no_intent(void**) {
  const Gate gate;
  gate.reload(pool(4, 50));
  Process process = gate.attach(0);
  for (int i = 0; i < 20; ++i) send(process, kError, 1'000 + i * 400);
  for (const char* id : {"a", "b", "c", "d"}) {
    assert_int_equal(record_of(process, id).breaker.intent.load(), 0);
  }
}

void who_is_taken_down_gives_its_place_back(void**) {
  const Gate gate;
  gate.reload(pool(3, 50));
  Process old = gate.attach(0);
  assert_text(send(old, kError, 1'000), "a");
  gate.reload(pool(3, 50, 1));  // of the two that are left one may go
  Process fresh = gate.attach(1);
  for (int i = 0; i < 4; ++i) send(fresh, kError, 1'000);
  assert_int_equal(open_peers(fresh), 2);
  assert_true(state_of(fresh, "a") == State::kOpen);
}

void a_reload_changes_how_many_may_be(void**) {
  const Gate gate;
  gate.reload(pool(4, 25));
  Process old = gate.attach(0);
  for (int i = 0; i < 10; ++i) send(old, kError, 1'000);
  assert_int_equal(open_peers(old), 1);
  gate.reload(pool(4, 75));
  Process fresh = gate.attach(1);
  for (int i = 0; i < 10; ++i) send(fresh, kError, 3'000);
  assert_int_equal(open_peers(fresh), 3);
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_more_are_held_open_than_allowed),
      cmocka_unit_test(whoever_refuses_connections_is_open_whatever_max_open_says),
      cmocka_unit_test(who_refuses_connections_is_not_counted),
      cmocka_unit_test(shares_are_rounded_to_at_least_one_and_never_to_all),
      cmocka_unit_test(a_trip_too_many_is_counted_at_most_once_a_second),
      cmocka_unit_test(a_place_that_is_given_back_goes_to_the_next_who_fails),
      cmocka_unit_test(a_probe_that_finds_nobody_listening_gives_the_place_back),
      cmocka_unit_test(a_probe_that_answers_badly_keeps_the_place),
      cmocka_unit_test(what_somebody_is_about_to_open_counts_already),
      cmocka_unit_test(what_the_dead_were_about_to_open_does_not_count),
      cmocka_unit_test(who_does_not_open_leaves_no_intent),
      cmocka_unit_test(who_is_taken_down_gives_its_place_back),
      cmocka_unit_test(a_reload_changes_how_many_may_be),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
