// SPDX-License-Identifier: MIT
//
// Where exceptions end. Nothing below throws but for want of memory; nothing above could catch.
#pragma once

#include <new>
#include <utility>

#include "abi/kerberos.h"

namespace kerberos::abi {

// What `work` returns, or the code for what it threw.
template <class Work>
kerberos_result guarded(Work&& work) noexcept {
  try {
    return std::forward<Work>(work)();
  } catch (const std::bad_alloc&) {
    return KERBEROS_NO_MEMORY;
  } catch (...) {
    return KERBEROS_FAULT;
  }
}

// The same for work that has a value of its own to fall back to.
template <class Value, class Work>
Value guarded_or(Value fallback, Work&& work) noexcept {
  try {
    return std::forward<Work>(work)();
  } catch (...) {
    return fallback;
  }
}

}  // namespace kerberos::abi
