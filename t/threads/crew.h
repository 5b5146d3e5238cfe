// SPDX-License-Identifier: MIT
//
// Threads that stand for worker processes: what they share in a test is what workers share in the
// zone, and they start together.
#pragma once

#include <barrier>
#include <cstddef>
#include <ctime>
#include <thread>
#include <vector>

namespace kerberos {

inline constexpr std::size_t kCrew = 8;

// Runs work(i) on kCrew threads, i from 0, and returns when all have come to their end.
template <class Work>
void run_crew(Work work) {
  std::barrier start(static_cast<std::ptrdiff_t>(kCrew));
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < kCrew; ++i) {
    threads.emplace_back([&start, &work, i] {
      start.arrive_and_wait();
      work(i);
    });
  }
}

// So that a test that would hang fails instead: all of its threads are at work all the time, so
// what counts is the time that they had on processors, however busy the machine is. Far beyond what
// any of them takes.
class Patience {
 public:
  [[nodiscard]] bool over() const { return std::clock() - begin_ > kPatience; }

 private:
  static constexpr std::clock_t kPatience = std::clock_t{120} * CLOCKS_PER_SEC;
  std::clock_t begin_ = std::clock();
};

}  // namespace kerberos
