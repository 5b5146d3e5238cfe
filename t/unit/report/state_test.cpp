// SPDX-License-Identifier: MIT
//
// Breakers as text: what is written is what is read, on a machine with other clocks, and what
// somebody else has written does no harm.
#include "core/report/state.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "unit/cmocka.h"

namespace kerberos::report {
namespace {

using breaker::Cause;
using breaker::Forced;
using breaker::Reason;
using breaker::Saved;
using breaker::State;
using breaker::Way;
using service::SavedPeer;

// The clocks of two machines that were started at different times, at the same moment.
constexpr Clocks kHere{.now = 5'000'000, .unix_ms = 1'790'000'000'000};
constexpr Clocks kThere{.now = 7'000, .unix_ms = 1'790'000'000'000};

SavedPeer peer(const Saved& saved) {
  return {.service = "product", .id = "a", .address = "127.0.0.1:1", .breaker = saved};
}

std::string text_of_one(const Saved& saved) {
  const SavedPeer peers[] = {peer(saved)};
  return to_text(peers, kHere);
}

Saved only(const StateReading& reading) {
  assert_string_equal(reading.problem.c_str(), "");
  assert_int_equal(reading.skipped, 0);
  assert_int_equal(reading.peers.size(), 1);
  return reading.peers[0].breaker;
}

const Saved kOpen{.state = State::kOpen,
                  .held = true,
                  .until = kHere.now + 12'345,
                  .opened_at = kHere.now - 1'000,
                  .doublings = 3,
                  .trips = 7,
                  .forced = {},
                  .reason = Reason::kFailureRate,
                  .last = Cause::kStatus,
                  .number = 503,
                  .failures = 4,
                  .tally = {.attempts = 20, .failures = 10, .slow = 1}};

void assert_same(const Saved& one, const Saved& other, base::Millis apart) {
  assert_true(one.state == other.state);
  assert_int_equal(one.held, other.held);
  assert_int_equal(one.until, other.until + apart);
  assert_int_equal(one.opened_at, other.opened_at + apart);
  assert_int_equal(one.doublings, other.doublings);
  assert_int_equal(one.trips, other.trips);
  assert_true(one.forced.way == other.forced.way);
  const bool forever = one.forced.until == Forced::kForever;
  assert_int_equal(one.forced.until, other.forced.until + (forever ? 0 : apart));
  assert_true(one.reason == other.reason);
  assert_true(one.last == other.last);
  assert_int_equal(one.number, other.number);
  assert_int_equal(one.failures, other.failures);
  assert_int_equal(one.tally.attempts, other.tally.attempts);
  assert_int_equal(one.tally.failures, other.tally.failures);
  assert_int_equal(one.tally.slow, other.tally.slow);
}

// Writing.

void the_text_is_for_people_too(void**) {
  Saved saved = kOpen;
  saved.forced = {.way = Way::kClosed, .until = kHere.now + 1'000};
  assert_string_equal(
      text_of_one(saved).c_str(),
      R"({"schema":1,"kind":"kerberos breakers","time":1790000000000,"breakers":[)"
      R"({"service":"product","peer":"a","address":"127.0.0.1:1","state":"open",)"
      R"("until":1790000012345,"opened":1789999999000,"held":true,"trips":7,"doublings":3,)"
      R"("reason":"failure_rate","last":"status","number":503,"failures":4,)"
      R"("window_attempts":20,"window_failures":10,"window_slow":1,)"
      R"("forced":"closed","forced_until":1790000001000}]})"
      "\n");
}

void what_is_nothing_is_not_said(void**) {
  Saved saved;
  saved.forced.way = Way::kOpen;
  assert_string_equal(text_of_one(saved).c_str(),
                      R"({"schema":1,"kind":"kerberos breakers","time":1790000000000,"breakers":[)"
                      R"({"service":"product","peer":"a","address":"127.0.0.1:1","state":"closed",)"
                      R"("forced":"open"}]})"
                      "\n");
  assert_string_equal(
      to_text({}, kHere).c_str(),
      R"({"schema":1,"kind":"kerberos breakers","time":1790000000000,"breakers":[]})"
      "\n");
}

// And reading.

void what_was_written_is_read(void**) {
  for (const Clocks& clocks : {kHere, kThere}) {
    const base::Millis apart = clocks.now - kHere.now;
    for (const State state : {State::kClosed, State::kOpen, State::kHalfOpen}) {
      for (const Way way : {Way::kNone, Way::kOpen, Way::kClosed}) {
        Saved saved = kOpen;
        saved.state = state;
        saved.forced.way = way;
        if (way == Way::kOpen) saved.forced.until = kHere.now + 60'000;
        if (state == State::kClosed) {
          saved = {.until = saved.until,
                   .opened_at = saved.opened_at,
                   .trips = saved.trips,
                   .forced = saved.forced};
        }
        assert_same(only(read_state(text_of_one(saved), clocks)), saved, apart);
      }
    }
  }
}

void every_reason_and_cause_is_read(void**) {
  for (std::uint8_t i = 0; i <= static_cast<std::uint8_t>(Cause::kStale); ++i) {
    Saved saved = kOpen;
    saved.last = static_cast<Cause>(i);
    saved.reason = static_cast<Reason>(i % 5);
    assert_same(only(read_state(text_of_one(saved), kHere)), saved, 0);
  }
}

void time_that_passed_meanwhile_has_passed(void**) {
  const Clocks later{.now = kThere.now + 60'000, .unix_ms = kThere.unix_ms + 90'000};
  const Saved saved = only(read_state(text_of_one(kOpen), later));
  assert_int_equal(saved.until, later.now + 12'345 - 90'000);
}

void names_of_any_kind_come_back(void**) {
  SavedPeer named = peer(kOpen);
  named.id = "\"a\\b\"\n\xc3\xa4";
  named.address = "unix:/run/a b.sock";
  const StateReading reading = read_state(to_text({&named, 1}, kHere), kHere);
  assert_true(reading.peers.at(0).service == "product");
  assert_true(reading.peers.at(0).id == named.id);
  assert_true(reading.peers.at(0).address == named.address);
}

void names_stay_where_they_are(void**) {
  std::vector<SavedPeer> many(1'000, peer(kOpen));
  StateReading reading = read_state(to_text(many, kHere), kHere);
  const StateReading moved = std::move(reading);
  assert_int_equal(moved.peers.size(), 1'000);
  for (const auto& one : moved.peers) assert_true(one.address == "127.0.0.1:1");
}

// A document with one row, in which one word is another.
std::string row_with(std::string_view was, std::string_view is) {
  Saved saved = kOpen;
  saved.forced = {.way = Way::kOpen, .until = kHere.now + 1'000};
  std::string text = text_of_one(saved);
  const std::size_t at = text.find(was);
  assert_true(at != std::string::npos);
  return text.replace(at, was.size(), is);
}

void a_row_of_nonsense_is_left_out(void**) {
  struct Change {
    std::string_view was;
    std::string_view is;
  };
  const Change changes[] = {
      {R"("service":"product",)", ""},
      {R"("service":"product")", R"("service":"")"},
      {R"("service":"product")", R"("service":1)"},
      {R"("peer":"a",)", ""},
      {R"("address":"127.0.0.1:1",)", ""},
      {R"("state":"open",)", ""},
      {R"("state":"open")", R"("state":"ajar")"},
      {R"("state":"open")", R"("state":1)"},
      {R"("until":1790000012345,)", ""},
      {R"(1790000012345)", "-1"},
      {R"(1790000012345)", "253402300800001"},
      {R"(1790000012345)", "99999999999999999999999"},
      {R"(1790000012345)", "1.5"},
      {R"(1790000012345)", R"("soon")"},
      {R"("opened":1789999999000,)", ""},
      {R"("trips":7)", R"("trips":4294967296)"},
      {R"("trips":7)", R"("trips":-1)"},
      {R"("doublings":3)", R"("doublings":65)"},
      {R"("reason":"failure_rate")", R"("reason":"mood")"},
      {R"("last":"status")", R"("last":"unknown")"},
      {R"("number":503)", R"("number":1000)"},
      {R"("failures":4)", R"("failures":9007199254740993)"},
      {R"("window_slow":1)", R"("window_slow":null)"},
      {R"("forced":"open")", R"("forced":"ajar")"},
      {R"("forced_until":1790000001000)", R"("forced_until":true)"},
      {R"("forced_until":1790000001000)", R"("forced_until":253402300800000)"},
  };
  for (const auto& change : changes) {
    const StateReading reading = read_state(row_with(change.was, change.is), kHere);
    assert_string_equal(reading.problem.c_str(), "");
    assert_int_equal(reading.peers.size(), 0);
    assert_int_equal(reading.skipped, 1);
  }
}

void and_costs_no_other(void**) {
  std::string text = row_with("\"ope", "\"ope");
  const std::string row =
      text.substr(text.find("{\"service"), text.rfind(']') - text.find("{\"ser"));
  text.insert(text.find("{\"service"), R"({"service":"x"},)" + row + ",{},");
  const StateReading reading = read_state(text, kHere);
  assert_int_equal(reading.peers.size(), 2);
  assert_int_equal(reading.skipped, 2);
}

void what_a_later_version_adds_is_ignored(void**) {
  only(read_state(row_with(R"("trips":7)", R"("trips":7,"mood":"good","luck":0.5)"), kHere));
  only(read_state(row_with(R"("time":)", R"("by":"me","time":)"), kHere));
}

void another_document_is_refused(void**) {
  for (const std::string& text :
       {std::string(), std::string("nonsense"), std::string(100, '\0'),
        row_with("\"schema\":1", "\"schema\":2"), row_with("kerberos breakers", "something else"),
        row_with("\"breakers\":[", "\"breakers\":[["), row_with("]}", "")}) {
    const StateReading reading = read_state(text, kHere);
    assert_false(reading.problem.empty());
    assert_int_equal(reading.peers.size(), 0);
  }
}

// Whatever the bytes: what comes of them is something that a breaker can take.
void bytes_that_are_changed_do_no_harm(void**) {
  base::Pcg32 draw(11);
  Saved saved = kOpen;
  saved.forced = {.way = Way::kOpen, .until = kHere.now + 1'000};
  const std::string whole = text_of_one(saved);
  const breaker::Options options{.ramp = 60'000};
  int read = 0;
  for (int i = 0; i < 20'000; ++i) {
    std::string text = whole;
    for (std::uint32_t n = 1 + draw.below(3); n > 0; --n) {
      const auto at =
          whole.find("until") + draw.below(static_cast<std::uint32_t>(whole.size() - 150));
      text[std::min(at, text.size() - 1)] = "0123456789-e\",:n"[draw.below(16)];
    }
    const StateReading reading = read_state(text, kHere);
    for (const auto& one : reading.peers) {
      breaker::Words words{};
      breaker::restore(words, one.breaker, options, kHere.now);
      const auto word = breaker::Word::unpack(words.word.load());
      assert_in_range(word.until, 0, kHere.now + 33'000);
      assert_in_range(words.doublings.load(), 0, Saved::kDoublingsMax);
      ++read;
    }
  }
  assert_true(read > 100);
}

}  // namespace
}  // namespace kerberos::report

int main() {
  using namespace kerberos::report;
  const CMUnitTest tests[] = {
      cmocka_unit_test(the_text_is_for_people_too),
      cmocka_unit_test(what_is_nothing_is_not_said),
      cmocka_unit_test(what_was_written_is_read),
      cmocka_unit_test(every_reason_and_cause_is_read),
      cmocka_unit_test(time_that_passed_meanwhile_has_passed),
      cmocka_unit_test(names_of_any_kind_come_back),
      cmocka_unit_test(names_stay_where_they_are),
      cmocka_unit_test(a_row_of_nonsense_is_left_out),
      cmocka_unit_test(and_costs_no_other),
      cmocka_unit_test(what_a_later_version_adds_is_ignored),
      cmocka_unit_test(another_document_is_refused),
      cmocka_unit_test(bytes_that_are_changed_do_no_harm),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
