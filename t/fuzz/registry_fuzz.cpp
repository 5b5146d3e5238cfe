// SPDX-License-Identifier: MIT
//
// libFuzzer's way into registry_try.h.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "fuzz/registry_try.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  kerberos::fuzz::try_registry({reinterpret_cast<const char*>(data), size});
  return 0;
}
