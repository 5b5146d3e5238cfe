// SPDX-License-Identifier: MIT
//
// The quality of balance, measured in virtual time over the core's archive:
//
//     quality PART [SEED]     a part's numbers as JSON; without a part, the names of all
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "quality/parts.h"

using namespace kerberos::quality;

int main(int argc, char** argv) {
  if (argc < 2) {
    for (const Part& part : parts()) std::printf("%s\n", part.name.data());
    return 0;
  }
  const std::uint64_t seed = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1;
  for (const Part& part : parts()) {
    if (part.name != argv[1]) continue;
    std::printf("%s\n", part.measure(seed).dump(1).c_str());
    return 0;
  }
  std::fprintf(stderr, "quality: no part \"%s\"\n", argv[1]);
  return 2;
}
