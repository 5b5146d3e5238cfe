// SPDX-License-Identifier: MIT
//
// Threads that stand for workers adopt and serve, while one builds, publishes and sweeps as fast as
// it can. Nobody ever reads a generation that was freed: AddressSanitizer finds it poisoned,
// ThreadSanitizer finds its memory written meanwhile, and any build finds nonsense in it.
#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "core/registry/balance.h"
#include "core/service/carry_over.h"
#include "core/service/service.h"
#include "threads/crew.h"
#include "unit/service/gate.h"
#include "unit/service/lasting.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr breaker::Judgement kServed{.outcome = breaker::Outcome::kSuccess, .status = 200};
constexpr base::Instant kNow = 1'000;

// One that is different each time: the peer "always", others that come and go, services that
// change their places, methods that count for the service and such that do not.
registry::Registry variant(std::uint32_t number) {
  std::vector<registry::Peer> peers;
  for (std::uint32_t i = 0; i < 1 + number % 5; ++i) {
    peers.push_back(peer("number " + std::to_string((number + i) % 7)));
  }
  peers.insert(peers.begin() + number % 2, peer("always"));
  static constexpr std::string_view kWords[] = {"hash $arg_k bounded=125%", "least_conn",
                                                "hash $arg_k", "round_robin"};
  registry::Registry made = balanced(kWords[number % 4], std::move(peers));
  registry::Service other = named("other", {peer("number 3"), peer("always")});
  const bool first = number % 3 == 0;
  if (number % 3 != 2)
    made.services.insert(first ? made.services.begin() : made.services.end(), other);
  return made;
}

// Whether everything in it is as something that was built, and was not freed.
bool whole(const GenerationView& generation) {
  const auto services = generation.services();
  if (services.empty() || services.size() > 2) return false;
  for (std::uint32_t i = 0; i < services.size(); ++i) {
    const ServiceImage& service = services[i];
    const auto name = generation.text(service.name);
    if (name != "product" && name != "other") return false;
    if (generation.place(service.rank).number() != i) return false;
    bool always = false;
    for (const PeerImage& image : generation.peers(service)) {
      const auto id = generation.text(image.id);
      if (id != "always" && !id.starts_with("number ")) return false;
      if (&generation.peers()[generation.place(image.rank).number()] != &image) return false;
      always = always || id == "always";
    }
    if (!always) return false;
  }
  return true;
}

struct Crew {
  Crew() : gate(std::size_t{16} << 20U) {
    gate.reload(variant(0));
    for (std::uint32_t i = 1; i < kCrew; ++i) processes.push_back(gate.attach(i));
  }
  Process& of(std::size_t thread) { return processes[thread - 1]; }

  Gate gate;
  std::mutex mutex;  // the zone's
  std::vector<Process> processes;
  std::atomic<std::uint64_t> adopted = 0;
  std::atomic<std::uint64_t> wrong = 0;
  std::atomic<bool> done = false;
  const Patience patience;
};

// What is left is what is in force, and nobody uses anything.
void assert_all_is_over(Crew& crew) {
  const Gate& gate = crew.gate;
  const std::string current = std::to_string(gate.zone.current()->id);
  for (std::uint32_t i = 1; i < kCrew; ++i) {
    crew.of(i).adopt();
    assert_text(pinned(gate, i), current);
  }
  gate.sweep(2);
  assert_text(gate.generations(), current);
  for (std::uint32_t rank = 0; rank < 4 * Uses::kChunk; ++rank) {
    assert_int_equal(gate.zone.in_flight(rank), 0);
  }
  gate.sweep(2 + kHistory);
  int records = 0;
  for (Offset next = gate.zone.header().peer_records; next != 0; ++records) {
    next = gate.zone.at<PeerRecord>(next)->next;
  }
  assert_int_equal(records, GenerationView(gate.zone.current()).peers().size());
}

// Nothing but adopting and looking, as close behind the publisher as can be.
void nobody_adopts_what_was_freed(void**) {
  constexpr std::uint32_t kChanges = 1'000;
  constexpr std::uint64_t kAdopted = 1'000;
  Crew crew;
  run_crew([&](std::size_t thread) {
    if (thread == 0) {
      for (std::uint32_t i = 1; !crew.patience.over(); ++i) {
        if (i > kChanges && crew.adopted >= kAdopted) break;
        if (crew.gate.change(variant(i)) == 0) ++crew.wrong;
      }
      crew.done = true;
      return;
    }
    Process& process = crew.of(thread);
    std::uint64_t before = process.generation().id();
    while (!crew.done) {
      if (!process.adopt()) continue;
      const GenerationView generation = process.generation();
      if (generation.id() <= before || !whole(generation)) ++crew.wrong;
      before = generation.id();
      ++crew.adopted;
    }
  });
  assert_false(crew.patience.over());
  assert_int_equal(crew.wrong.load(), 0);
  assert_all_is_over(crew);
}

// Requests come and go, are sent again, and some outlive all the pins that there are. Whoever
// looks for the dead lets go of old generations; now and then a process leaves and comes back.
void whatever_requests_outlive_counts_are_exact_in_the_end(void**) {
  constexpr std::uint32_t kChanges = 600;
  constexpr std::uint64_t kAdopted = 1'000;
  Crew crew;
  std::atomic<std::uint64_t> always = 0;   // attempts on that peer of "product"
  std::atomic<std::uint64_t> carried = 0;  // requests that outlived a generation's pin
  run_crew([&](std::size_t thread) {
    if (thread == 0) {
      for (std::uint32_t i = 1; !crew.patience.over(); ++i) {
        if (i > kChanges && crew.adopted >= kAdopted && carried > 0) break;
        {
          const std::lock_guard lock(crew.mutex);
          if (crew.gate.change(variant(i)) == 0) ++crew.wrong;
          ZoneHeader& header = crew.gate.zone.header();
          if (i % 64 == 0) header.shortage.store(crew.gate.zone.current()->id);
          if (i % 7 == 0) crew.gate.zone.forget_history();
        }
        if (i % 4 == 0) std::this_thread::yield();
      }
      crew.done = true;
      return;
    }
    Process& process = crew.of(thread);
    base::Pcg32 random(thread);
    struct Open {
      Lasting request;
      std::uint64_t began;  // the id of the generation
      bool product;
    };
    std::deque<Open> open;
    const auto end = [&](Open& it) {
      it.request.report(kServed, kNow);
      if (it.request.request.generation != it.began) ++carried;
      it.request.close();
    };
    const auto attempt = [&](Open& it) {
      const std::string who = it.request.pick(kNow);
      const bool known = who == "always" || who == "gone" || who.starts_with("number ");
      // Whoever has been tried everywhere is told so.
      if (!known && (who != "-" || it.request.request.attempts == 0)) ++crew.wrong;
      if (who == "always" && it.product) ++always;
    };
    for (std::uint32_t i = 0; !crew.done; ++i) {
      if (random.below(3) == 0 && process.adopt()) ++crew.adopted;
      const GenerationView generation = process.generation();
      if (!whole(generation)) ++crew.wrong;
      const std::uint32_t number =
          random.below(static_cast<std::uint32_t>(generation.services().size()));
      const bool product = generation.text(generation.services()[number].name) == "product";
      open.push_back({Lasting(process, number, std::to_string(i)), generation.id(), product});
      attempt(open.back());
      if (random.below(8) == 0) {  // somebody is sent again
        Open& it = open[random.below(static_cast<std::uint32_t>(open.size()))];
        it.request.report(kNothing, kNow);
        attempt(it);
      }
      while (open.size() > 24) {
        const std::size_t which = random.below(4) == 0 ? 0 : open.size() - 1;
        end(open[which]);
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      }
      if (i % 128 == 0 && crew.mutex.try_lock()) {
        process.bury(Gate::exists);
        crew.mutex.unlock();
      }
      if (i % 1024 == 0) {
        for (Open& it : open) end(it);
        open.clear();
        const std::lock_guard lock(crew.mutex);
        process.detach();
        process = crew.gate.attach(static_cast<std::uint32_t>(thread));
      }
    }
    for (Open& it : open) end(it);
  });
  assert_false(crew.patience.over());
  assert_int_equal(crew.wrong.load(), 0);
  assert_all_is_over(crew);
  const GenerationView generation(crew.gate.zone.current());
  const ServiceImage& product = generation.services()[*generation.find("product")];
  for (const PeerImage& image : generation.peers(product)) {
    if (generation.text(image.id) != "always") continue;
    const auto& counters = crew.gate.zone.at<PeerRecord>(image.record)->counters;
    assert_int_equal(counters.requests.load(), always.load());
    assert_int_equal(counters.successes + counters.neutral, always.load());
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(nobody_adopts_what_was_freed),
      cmocka_unit_test(whatever_requests_outlive_counts_are_exact_in_the_end),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
