// SPDX-License-Identifier: MIT
//
// What a request costs the other workers: every cache line of the zone that it writes has to be
// fetched by them again. Six at most, however many peers there are, and none that all requests
// read or that is another worker's own.
#include <sanitizer/asan_interface.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <list>
#include <set>
#include <string>
#include <vector>

#include "core/service/service.h"
#include "unit/service/gate.h"
#include "unit/service/methods.h"

namespace kerberos::service {
namespace {

constexpr std::size_t kLinesMax = 6;

using Lines = std::set<std::size_t>;

// The zone's memory as it was, to see which lines are written from then on. Somebody who writes a
// line and takes it back is seen by looking in between.
class Watch {
 public:
  explicit Watch(const Zone& zone)
      : memory_(zone.at<const std::byte>(0)), before_(zone.header().size) {
    // All of it is looked at, also what is nobody's.
    ASAN_UNPOISON_MEMORY_REGION(memory_, before_.size());
    std::memcpy(before_.data(), memory_, before_.size());
  }

  // Looks which lines are different, and from here on at what becomes of them.
  void look() {
    for (std::size_t page = 0; page < before_.size(); page += Arena::kPage) {
      const std::size_t end = std::min(page + Arena::kPage, before_.size());
      if (std::memcmp(&before_[page], memory_ + page, end - page) == 0) continue;
      for (std::size_t at = page; at < end; at += kLine) {
        const std::size_t size = std::min(kLine, end - at);
        if (std::memcmp(&before_[at], memory_ + at, size) == 0) continue;
        std::memcpy(&before_[at], memory_ + at, size);
        lines_.insert(at / kLine);
      }
    }
  }
  [[nodiscard]] const Lines& lines() const { return lines_; }
  void forget() { lines_.clear(); }
  [[nodiscard]] std::size_t line_of(const void* place) const {
    return static_cast<std::size_t>(static_cast<const std::byte*>(place) - memory_) / kLine;
  }

 private:
  const std::byte* memory_;
  std::vector<std::byte> before_;
  Lines lines_;
};

registry::Registry usual(std::string_view method, std::vector<registry::Peer> peers) {
  auto registry = balanced(method, std::move(peers));
  registry.services[0].breaker = {};  // as it is where nobody says anything
  return registry;
}

constexpr breaker::Judgement kAnswered{
    .outcome = breaker::Outcome::kSuccess, .status = 200, .duration = 20};

// So that sums of what is in flight, averages and schedules are what they are in a busy service:
// each peer has some requests, as many of them as there are, of each of two workers.
struct Busy {
  Busy(Process& one, Process& other, std::uint32_t peers) {
    for (std::uint32_t i = 0; i < 2 * peers; ++i) {
      clients.emplace_back(i % 2 == 0 ? one : other, 0, true, key(i));
      clients.back().pick(1'000);
    }
    for (std::uint32_t i = 0; i < peers / 2; ++i) {
      clients.front().report(kAnswered, 1'500);
      clients.pop_front();
    }
  }
  static std::string key(std::uint32_t i) { return "key " + std::to_string(i); }
  std::list<Client> clients;
};

void a_request_writes_at_most_six_lines(void**) {
  for (const std::string_view method : kEveryMethod) {
    for (const std::uint32_t count : {2U, 100U, 10'000U}) {
      const auto registry = usual(method, numbered(count));
      const Gate gate(zone_for(registry));
      gate.reload(registry);
      Process process = gate.attach(0);
      Process other = gate.attach(1);
      Busy busy(process, other, count);
      Watch watch(gate.zone);
      for (std::uint32_t i = 0; i < 6; ++i) {
        watch.look();
        watch.forget();
        Client client(process, 0, true, Busy::key(i));
        watch.look();
        client.pick(2'000 + i);
        watch.look();
        client.report(kAnswered, 2'020 + i);
        watch.look();
        if (watch.lines().size() <= kLinesMax) continue;
        fail_msg("%s, %u peers: %zu", std::string(method).c_str(), count, watch.lines().size());
      }
    }
  }
}

// The most that least_conn has to write: the one that is picked was the least of all alone, so that
// there is another least while the request is there, and then again.
void a_request_to_the_least_of_all_writes_no_more(void**) {
  for (const std::uint32_t count : {2U, 100U, 10'000U}) {
    const auto registry = usual("least_conn", numbered(count));
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process process = gate.attach(0);
    std::list<Client> clients;
    for (std::uint32_t i = 0; i < count; ++i) clients.emplace_back(process).pick(1'000);
    Watch watch(gate.zone);
    for (int i = 0; i < 6; ++i) {
      const std::uint32_t idle = clients.front().request.peer;
      clients.front().report(kAnswered, 2'000);
      clients.pop_front();
      watch.look();
      watch.forget();
      Client& client = clients.emplace_back(process);
      client.pick(2'000);
      assert_int_equal(client.request.peer, idle);
      watch.look();
      client.report(kAnswered, 2'020);
      watch.look();
      assert_in_range(watch.lines().size(), 4, kLinesMax);
      clients.pop_back();
      clients.emplace_back(process).pick(2'020);
    }
  }
}

// What a pick reads of a breaker, and of its service's roster, stays where it is in the caches of
// all workers as long as nobody changes sides.
void no_request_writes_what_every_request_reads(void**) {
  for (const std::string_view method : kEveryMethod) {
    const auto registry = usual(method, numbered(20));
    const Gate gate(zone_for(registry));
    gate.reload(registry);
    Process process = gate.attach(0);
    serve(process, 100, 1'000);
    Watch watch(gate.zone);
    for (std::uint32_t i = 0; i < 200; ++i) {
      Client client(process, 0, true, Busy::key(i));
      client.pick(2'000 + i);
      watch.look();
      client.report(kAnswered, 2'020 + i);
      watch.look();
    }
    const auto generation = process.generation();
    const ServiceImage& service = generation.services()[0];
    Lines read = {watch.line_of(&service), watch.line_of(&service.roster),
                  watch.line_of(&service_of(process).changes),
                  watch.line_of(&gate.zone.header().lives[0]),
                  watch.line_of(&gate.zone.header().slots[0])};
    for (const PeerImage& image : generation.peers()) {
      read.insert(watch.line_of(&image));
      read.insert(watch.line_of(&process.record(image).breaker.word));
      read.insert(watch.line_of(&process.record(image).breaker.forced));
      read.insert(watch.line_of(&generation.options(image)));
    }
    for (const std::size_t line : watch.lines()) {
      if (read.contains(line)) fail_msg("%s: line %zu", std::string(method).c_str(), line);
    }
  }
}

// Where two workers serve different peers, they meet in the counters of the service and nowhere
// else.
void two_workers_share_no_private_line(void**) {
  const auto registry = usual("hash $arg_k bounded=125%", numbered(50));
  const Gate gate(zone_for(registry));
  gate.reload(registry);
  Process processes[] = {gate.attach(0), gate.attach(1), gate.attach(2)};
  Watch watch(gate.zone);
  std::vector<Lines> uses;
  for (const Process& process : processes) {
    Lines lines;
    for (std::uint32_t rank = 0; rank < 51; ++rank) lines.insert(watch.line_of(&process.use(rank)));
    uses.push_back(lines);
  }
  for (std::size_t i = 0; i < uses.size(); ++i) {
    for (const std::size_t line : uses[i]) {
      assert_false(uses[(i + 1) % 3].contains(line) || uses[(i + 2) % 3].contains(line));
    }
  }
  // And no peer's counters are where another's are, or a breaker.
  Lines peers;
  for (const PeerImage& image : processes[0].generation().peers()) {
    const PeerRecord& record = processes[0].record(image);
    for (const void* place : {static_cast<const void*>(&record.breaker.word),
                              static_cast<const void*>(&record.counters.requests),
                              static_cast<const void*>(&record.pace)}) {
      assert_true(peers.insert(watch.line_of(place)).second);
    }
  }
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_request_writes_at_most_six_lines),
      cmocka_unit_test(a_request_to_the_least_of_all_writes_no_more),
      cmocka_unit_test(no_request_writes_what_every_request_reads),
      cmocka_unit_test(two_workers_share_no_private_line),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
