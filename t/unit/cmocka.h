// SPDX-License-Identifier: MIT
//
// cmocka with the headers that it wants before it, for C++. Include it after the standard
// library, whose names its macros would shadow, and never put this folder on the include path:
// <cmocka.h> must stay the system's.
#pragma once

extern "C" {
// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on
}
