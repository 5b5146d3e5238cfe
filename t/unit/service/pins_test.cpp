// SPDX-License-Identifier: MIT
#include "core/service/pins.h"

#include <sys/mman.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "core/base/random.h"
#include "unit/service/gate.h"
#include "unit/service/lasting.h"

namespace kerberos::service {
namespace {

registry::Registry two() {
  return one({peer("a"), peer("b")});
}

// Somebody who comes between two instructions of another: when the page of `where` is next written
// to, but before it is.
class Intruder {
 public:
  Intruder(void* where, std::function<void()> what) : what_(std::move(what)) {
    const auto at = reinterpret_cast<std::uintptr_t>(where);
    page_ = reinterpret_cast<void*>(at / Arena::kPage * Arena::kPage);
    waiting() = this;
    struct sigaction action {};
    action.sa_handler = [](int) { waiting()->come(); };
    sigaction(SIGSEGV, &action, &former_);
    mprotect(page_, Arena::kPage, PROT_READ);
  }
  ~Intruder() {
    mprotect(page_, Arena::kPage, PROT_READ | PROT_WRITE);
    sigaction(SIGSEGV, &former_, nullptr);
  }
  Intruder(const Intruder&) = delete;
  Intruder& operator=(const Intruder&) = delete;

  [[nodiscard]] bool came() const { return came_; }

 private:
  static Intruder*& waiting() {
    static Intruder* one = nullptr;
    return one;
  }
  void come() {
    if (std::exchange(came_, true)) std::abort();  // a fault of another kind
    mprotect(page_, Arena::kPage, PROT_READ | PROT_WRITE);
    what_();
  }

  std::function<void()> what_;
  void* page_;
  struct sigaction former_ {};
  bool came_ = false;
};

// Adopting.

void a_process_goes_over_to_what_is_in_force(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  assert_false(process.adopt());
  assert_text(pinned(gate, 0), "1");
  gate.change(one({peer("c")}));
  assert_int_equal(process.generation().id(), 1);  // until it asks
  assert_true(process.adopt());
  assert_int_equal(process.generation().id(), 2);
  assert_text(pinned(gate, 0), "2");
  assert_false(process.adopt());
  assert_text(serve(process, 2, 1), "cc");
  gate.sweep();
  assert_text(gate.generations(), "2");
}

void what_came_and_went_meanwhile_is_skipped(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  for (int i = 0; i < 20; ++i) gate.change(two());
  assert_text(gate.generations(), "1 20 21");  // 20 was in force when 21 was built
  assert_true(process.adopt());
  assert_int_equal(process.generation().id(), 21);
  assert_text(pinned(gate, 0), "21");
}

void what_is_sought_and_not_gone_over_to_is_sought_again(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  for (int i = 0; i < 20; ++i) {
    gate.change(two());
    assert_true(process.pins().seek().has_value());  // and finds no memory to serve there
    assert_int_equal(process.generation().id(), 1);
    assert_text(pinned(gate, 0), "1 " + std::to_string(2 + i));
  }
  assert_true(process.adopt());
  assert_text(pinned(gate, 0), "21");
  assert_text(serve(process, 2, 1), "ab");
}

// While a process is about to pin what it has found in force, another is put in force and the first
// is freed: between those two instructions, always.
void what_is_freed_while_it_is_being_pinned_is_not_adopted(void**) {
  constexpr std::uint32_t kSlot = kSlots - 1;  // in another page than what a change writes
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(kSlot);
  gate.change(one({peer("c")}));
  const Intruder intruder(&gate.zone.header().slots[kSlot].pins, [&] {
    gate.change(one({peer("d")}));
    gate.sweep();
    assert_text(gate.generations(), "1 3");
  });
  assert_true(process.adopt());
  assert_true(intruder.came());
  assert_int_equal(process.generation().id(), 3);
  assert_text(pinned(gate, kSlot), "3");
  assert_text(serve(process, 2, 1), "dd");
}

// What is in force is its own again, as never happens: it stays where it is.
void a_chase_may_end_where_it_began(void**) {
  constexpr std::uint32_t kSlot = kSlots - 1;
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(kSlot);
  gate.change(two());
  const Intruder intruder(&gate.zone.header().slots[kSlot].pins, [&] { gate.zone.publish(1); });
  assert_false(process.adopt());
  assert_true(intruder.came());
  assert_text(pinned(gate, kSlot), "1");
}

// Holding.

void a_generation_is_held_to_its_last_request(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting first(process);
  Lasting second(process);
  assert_text(first.pick(1), "a");
  gate.change(one({peer("c")}));
  process.adopt();
  assert_text(pinned(gate, 0), "1 2");
  first.report(kBad, 2);
  assert_text(first.pick(2), "b");  // of its own generation
  assert_text(second.pick(2), "a");
  for (Lasting* request : {&first, &second}) {
    gate.sweep();
    assert_text(gate.generations(), "1 2");
    assert_text(pinned(gate, 0), "1 2");
    assert_true(request->report(kGood, 3));
    assert_text(pinned(gate, 0), "1 2");  // it may be sent again
    request->close();
  }
  assert_text(pinned(gate, 0), "2");
  gate.sweep();
  assert_text(gate.generations(), "2");
}

void the_newest_is_held_without_any_request(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting(process).close();
  assert_text(pinned(gate, 0), "1");
  gate.change(two());
  gate.change(two());
  gate.sweep();
  assert_text(gate.generations(), "1 3");
  assert_text(serve(process, 2, 1), "ab");
}

void who_closes_twice_lets_go_once(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting first(process);
  Lasting second(process);
  gate.change(two());
  process.adopt();
  first.close();
  first.close();
  assert_text(pinned(gate, 0), "1 2");
  second.close();
  assert_text(pinned(gate, 0), "2");
}

// Requests begin and end in any order, while one change follows the other: what is pinned is the
// newest and those that requests are on, neither more nor less.
void pins_are_exact(void**) {
  base::Pcg32 random(7);
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(5);
  std::vector<Lasting> requests;
  for (int i = 0; i < 5'000; ++i) {
    switch (random.below(4)) {
      case 0:
        if (random.below(4) == 0) gate.change(two());
        process.adopt();
        break;
      case 1:
        requests.emplace_back(process);
        break;
      default: {
        if (requests.empty()) break;
        const std::size_t chosen = random.below(static_cast<std::uint32_t>(requests.size()));
        std::swap(requests[chosen], requests.back());
        requests.back().close();
        requests.pop_back();
      }
    }
    std::map<std::uint64_t, int> wanted;
    wanted[process.generation().id()] = 0;
    for (const Lasting& request : requests) ++wanted[request.request.generation];
    if (wanted.size() > kPins) fail_msg("so many are not held");
    std::string text;
    for (const auto& [id, count] : wanted) text += (text.empty() ? "" : " ") + std::to_string(id);
    assert_text(pinned(gate, 5), text);
    for (const auto& [id, count] : wanted) assert_true(process.pins().find(id).has_value());
  }
  for (Lasting& request : requests) request.close();
  process.adopt();
  assert_text(pinned(gate, 5), std::to_string(gate.zone.current()->id));
}

// Too many.

void where_all_pins_are_taken_the_oldest_is_let_go(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  std::vector<Lasting> requests;
  for (std::uint32_t i = 0; i < kPins; ++i) {
    requests.emplace_back(process);
    gate.change(two());
    assert_true(process.adopt());
  }
  assert_text(pinned(gate, 0), "2 3 4 5 6 7 8 9");
  gate.sweep();
  assert_text(gate.generations(), "2 3 4 5 6 7 8 9");
  assert_false(process.pins().find(1).has_value());
  requests[0].close();  // of the generation that is gone
  assert_text(pinned(gate, 0), "2 3 4 5 6 7 8 9");
  // One in the middle is over, and makes room for the next.
  requests[3].close();
  assert_text(pinned(gate, 0), "2 3 5 6 7 8 9");
  requests.emplace_back(process);
  gate.change(two());
  assert_true(process.adopt());
  assert_text(pinned(gate, 0), "2 3 5 6 7 8 9 10");
}

void one_that_lasts_follows_through_any_number_of_generations(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting websocket(process);
  assert_text(websocket.pick(1), "a");
  std::vector<Lasting> others;  // ten generations long each
  for (std::uint64_t i = 1; i <= 100; ++i) {
    others.emplace_back(process);
    gate.change(two());
    assert_true(process.adopt());
    assert_int_equal(service_of(process, websocket.request).has_value(), true);
    // It holds a generation for as long as the process can, and goes over to the newest then.
    assert_int_equal(websocket.request.generation, i < kPins ? 1 : i / kPins * kPins + 1);
    if (others.size() == 10) {
      others.front().close();
      others.erase(others.begin());
    }
  }
  assert_text(pinned(gate, 0), "94 95 96 97 98 99 100 101");
  for (Lasting& other : others) other.close();
  assert_text(pinned(gate, 0), "97 101");
  assert_true(websocket.report(kGood, 2));
  websocket.close();
  assert_text(pinned(gate, 0), "101");
}

// Without others one pin is enough, for ever.
void one_that_lasts_keeps_its_generation_where_there_is_room(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting websocket(process);
  for (int i = 0; i < 100; ++i) {
    gate.change(two());
    process.adopt();
  }
  gate.sweep();
  assert_text(gate.generations(), "1 101");
  assert_int_equal(service_of(process, websocket.request).has_value(), true);
  assert_int_equal(websocket.request.generation, 1);
  websocket.close();
  assert_text(pinned(gate, 0), "101");
}

void before_an_id_all_are_let_go_but_the_newest(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  std::vector<Lasting> requests;
  for (int i = 0; i < 4; ++i) {
    requests.emplace_back(process);
    gate.change(two());
    process.adopt();
  }
  requests.emplace_back(process);
  assert_text(pinned(gate, 0), "1 2 3 4 5");
  process.pins().let_go_before(3);
  assert_text(pinned(gate, 0), "3 4 5");
  process.pins().let_go_before(99);
  assert_text(pinned(gate, 0), "5");
  for (Lasting& request : requests) request.close();
  assert_text(pinned(gate, 0), "5");
  assert_text(serve(process, 2, 1), "ab");
}

void who_releases_holds_nothing(void**) {
  const Gate gate;
  gate.reload(two());
  Process process = gate.attach(0);
  Lasting request(process);
  gate.change(two());
  process.adopt();
  process.release();
  assert_text(pinned(gate, 0), "");
  process.release();
  gate.change(two());
  gate.sweep();
  assert_text(gate.generations(), "3");
  assert_true(gate.zone.owners().alive(process.self()));  // its slot it has
}

// Another configuration.

void another_configurations_generation_is_never_adopted(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  gate.reload(one({peer("c")}));
  Process fresh = gate.attach(1);
  for (int i = 0; i < 3; ++i) {
    assert_false(old.adopt());
    assert_text(pinned(gate, 0), "1");
    gate.change(one({peer("d")}));
    assert_true(fresh.adopt());
  }
  assert_text(serve(old, 2, 1), "ab");
  gate.sweep();
  assert_text(gate.generations(), "1 5");
}

void what_came_before_another_configuration_is_not_made_up_for(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  const std::uint64_t missed = gate.change(two());
  gate.reload(two());
  assert_false(old.adopt());
  assert_text(pinned(gate, 0), "1");
  gate.zone.publish(missed);  // as never happens: it need not look any more
  assert_false(old.adopt());
  assert_text(pinned(gate, 0), "1");
}

void who_works_on_another_configuration_lets_go_of_what_is_over(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  Lasting request(old);
  gate.change(two());
  old.adopt();
  gate.reload(two());
  old.adopt();
  assert_text(pinned(gate, 0), "1 2");
  request.close();
  assert_text(pinned(gate, 0), "2");
}

// A process without a master, which takes its slot again at each reload.

void two_configurations_of_one_process_pin_beside_each_other(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  Lasting request(old);
  assert_text(request.pick(1), "a");
  gate.change(two());
  old.adopt();
  gate.reload(two());
  Process fresh = gate.attach(0);
  assert_text(pinned(gate, 0), "1 2 3");
  gate.change(two());
  assert_false(old.adopt());
  assert_true(fresh.adopt());
  assert_text(pinned(gate, 0), "1 2 4");
  assert_true(request.report(kGood, 2));
  request.close();
  assert_text(pinned(gate, 0), "2 4");
  old.release();
  assert_text(pinned(gate, 0), "4");
  assert_text(serve(fresh, 2, 1), "ba");
}

void where_the_others_have_all_pins_nothing_is_adopted(void**) {
  const Gate gate;
  std::vector<Process> processes;
  for (std::uint32_t i = 0; i < kPins; ++i) {
    gate.reload(two());
    processes.push_back(gate.attach(0));
  }
  gate.reload(two());
  assert_false(Process::attach(gate.zone, 0, 100, gate.zone.current()->lineage, 1).has_value());
  // The last one of those that have a place has nowhere to go.
  Process& last = processes.back();
  gate.zone.publish(8);
  gate.change(two());
  assert_false(last.adopt());
  assert_int_equal(last.generation().id(), 8);
  processes[0].release();
  assert_true(last.adopt());
  assert_text(pinned(gate, 0), "2 3 4 5 6 7 10");
}

// Those of the other are not ours to let go.
void only_its_own_oldest_is_let_go(void**) {
  const Gate gate;
  gate.reload(two());
  Process old = gate.attach(0);
  Lasting request(old);
  gate.reload(two());
  Process fresh = gate.attach(0);
  std::vector<Lasting> requests;
  for (int i = 0; i < 20; ++i) {
    requests.emplace_back(fresh);
    gate.change(two());
    assert_true(fresh.adopt());
  }
  assert_text(pinned(gate, 0), "1 16 17 18 19 20 21 22");
  assert_true(old.pins().find(1).has_value());
  request.close();
  for (Lasting& it : requests) it.close();
  assert_text(pinned(gate, 0), "1 22");
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_process_goes_over_to_what_is_in_force),
      cmocka_unit_test(what_came_and_went_meanwhile_is_skipped),
      cmocka_unit_test(what_is_sought_and_not_gone_over_to_is_sought_again),
      cmocka_unit_test(what_is_freed_while_it_is_being_pinned_is_not_adopted),
      cmocka_unit_test(a_chase_may_end_where_it_began),
      cmocka_unit_test(a_generation_is_held_to_its_last_request),
      cmocka_unit_test(the_newest_is_held_without_any_request),
      cmocka_unit_test(who_closes_twice_lets_go_once),
      cmocka_unit_test(pins_are_exact),
      cmocka_unit_test(where_all_pins_are_taken_the_oldest_is_let_go),
      cmocka_unit_test(one_that_lasts_follows_through_any_number_of_generations),
      cmocka_unit_test(one_that_lasts_keeps_its_generation_where_there_is_room),
      cmocka_unit_test(before_an_id_all_are_let_go_but_the_newest),
      cmocka_unit_test(who_releases_holds_nothing),
      cmocka_unit_test(another_configurations_generation_is_never_adopted),
      cmocka_unit_test(what_came_before_another_configuration_is_not_made_up_for),
      cmocka_unit_test(who_works_on_another_configuration_lets_go_of_what_is_over),
      cmocka_unit_test(two_configurations_of_one_process_pin_beside_each_other),
      cmocka_unit_test(where_the_others_have_all_pins_nothing_is_adopted),
      cmocka_unit_test(only_its_own_oldest_is_let_go),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
