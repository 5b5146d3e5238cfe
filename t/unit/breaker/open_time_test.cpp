// SPDX-License-Identifier: MIT
//
// How long a breaker stays open. What doubles that time has doublings_test.cpp.
#include <algorithm>
#include <cstdint>
#include <set>

#include "core/breaker/breaker.h"
#include "rig.h"

namespace kerberos::breaker {
namespace {

void no_probe_passes_before_the_timeout(void**) {
  Rig rig;
  const base::Instant due = rig.now + 1'000;
  rig.trip();
  for (const base::Millis early : {1'000, 999, 500, 1}) {
    rig.now = due - early;
    const Probing probing = rig.probe();
    assert_none(probing.pass);
    assert_none(probing.transition);
    assert_int_equal(probing.due, due);
    assert_true(rig.state() == State::kOpen);
  }
  rig.now = due;
  rig.probing();
  assert_true(rig.state() == State::kHalfOpen);
}

void each_open_time_lies_between_the_timeout_and_its_jitter(void**) {
  struct {
    base::Millis timeout;
    std::uint32_t jitter;
    base::Millis longest;
  } const rows[] = {
      {1'000, 0, 1'000},
      {1'000, 10, 1'100},
      {1'000, 100, 2'000},
      {9, 10, 9},
      {1, 100, 2},
      // A day, the longest that may be said.
      {86'400'000, 100, 172'800'000},
  };
  for (const auto& row : rows) {
    std::set<base::Millis> spans;
    for (std::uint64_t seed = 0; seed < 5'000; ++seed) {
      Rig rig;
      rig.options.timeout = rig.options.max_timeout = row.timeout;
      rig.options.jitter_percent = row.jitter;
      rig.random = base::Pcg32(seed);
      const Transition transition = rig.trip();
      assert_in_range(transition.span, row.timeout, row.longest);
      assert_int_equal(rig.word().until, rig.now + transition.span);
      spans.insert(transition.span);
    }
    // The whole breadth is made use of, both ends included where it is narrow enough to be hit.
    const base::Millis breadth = row.longest - row.timeout + 1;
    if (breadth <= 1'000) {
      assert_int_equal(*spans.begin(), row.timeout);
      assert_true(*spans.rbegin() >= row.longest - breadth / 100);
    }
    assert_true(static_cast<base::Millis>(spans.size()) >= std::min<base::Millis>(breadth, 500));
  }
}

void the_jitter_of_the_timeout_keeps_probes_out_as_well(void**) {
  Rig rig;
  rig.options.jitter_percent = 100;
  base::Millis span = 0;
  for (std::uint64_t seed = 0; span <= 1'000; ++seed) {
    rig.random = base::Pcg32(seed);
    rig.words.word = 0;
    span = rig.trip().span;
  }
  rig.now += span - 1;
  assert_none(rig.probe().pass);
  rig.now += 1;
  rig.probing();
}

void jitter_goes_on_top_of_the_doubled_time(void**) {
  base::Millis longest = 0;
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    Rig rig;
    rig.options.max_timeout = 2'000;
    rig.options.jitter_percent = 50;
    rig.random = base::Pcg32(seed);
    rig.now += rig.trip().span;
    const base::Millis span = told(rig.report(rig.probing(), kRefused)).span;
    assert_in_range(span, 2'000, 3'000);
    longest = std::max(longest, span);
  }
  assert_true(longest > 2'950);  // a share of the doubled time, not of the timeout
}

}  // namespace
}  // namespace kerberos::breaker

int main() {
  using namespace kerberos::breaker;
  const CMUnitTest tests[] = {
      cmocka_unit_test(no_probe_passes_before_the_timeout),
      cmocka_unit_test(each_open_time_lies_between_the_timeout_and_its_jitter),
      cmocka_unit_test(the_jitter_of_the_timeout_keeps_probes_out_as_well),
      cmocka_unit_test(jitter_goes_on_top_of_the_doubled_time),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
