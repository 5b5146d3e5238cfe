// SPDX-License-Identifier: MIT
//
// sim --from N --to N --stride N    runs these seeds; stops at the first that fails
// sim --seed N [--trace]            one seed, telling every call
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "sim/simulation.h"

namespace {

using kerberos::sim::Simulation;

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t steps = 0;
  std::uint64_t requests = 0;
  std::uint64_t transitions = 0;
  std::uint64_t adoptions = 0;
  std::uint64_t carried = 0;
  std::uint64_t gone = 0;
};

bool run(std::uint64_t seed, bool trace, Totals& totals) {
  Simulation simulation(seed, trace);
  try {
    simulation.run();
  } catch (const std::exception& failure) {
    std::printf(
        "FAIL  seed %llu, step %llu, at %lld ms: %s\n      scripts/sim SEED=%llu replays it\n",
        static_cast<unsigned long long>(seed), static_cast<unsigned long long>(simulation.step()),
        static_cast<long long>(simulation.now()), failure.what(),
        static_cast<unsigned long long>(seed));
    return false;
  }
  ++totals.seeds;
  totals.steps += simulation.step();
  totals.requests += simulation.requests();
  totals.transitions += simulation.transitions();
  totals.adoptions += simulation.adoptions();
  totals.carried += simulation.checks().carried();
  totals.gone += simulation.checks().gone();
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t from = 1;
  std::uint64_t to = 1;
  std::uint64_t stride = 1;
  bool trace = false;
  for (int i = 1; i < argc; ++i) {
    const bool last = i + 1 == argc;
    const auto number = [&] { return std::strtoull(argv[++i], nullptr, 10); };
    if (std::strcmp(argv[i], "--trace") == 0) {
      trace = true;
    } else if (std::strcmp(argv[i], "--seed") == 0 && !last) {
      from = to = number();
    } else if (std::strcmp(argv[i], "--from") == 0 && !last) {
      from = number();
    } else if (std::strcmp(argv[i], "--to") == 0 && !last) {
      to = number();
    } else if (std::strcmp(argv[i], "--stride") == 0 && !last) {
      stride = number();
    } else {
      std::fprintf(stderr, "usage: sim [--from N] [--to N] [--stride N] | --seed N [--trace]\n");
      return 2;
    }
  }
  Totals totals;
  bool passed = true;
  for (std::uint64_t seed = from; passed && seed <= to; seed += stride) {
    passed = run(seed, trace, totals);
  }
  std::printf(
      "%s %llu seeds, %llu steps, %llu requests, %llu transitions; %llu adoptions, %llu "
      "requests carried over, %llu from peers that were gone\n",
      passed ? "ok   " : "FAIL ", static_cast<unsigned long long>(totals.seeds),
      static_cast<unsigned long long>(totals.steps),
      static_cast<unsigned long long>(totals.requests),
      static_cast<unsigned long long>(totals.transitions),
      static_cast<unsigned long long>(totals.adoptions),
      static_cast<unsigned long long>(totals.carried),
      static_cast<unsigned long long>(totals.gone));
  return passed ? 0 : 1;
}
