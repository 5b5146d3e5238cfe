// SPDX-License-Identifier: MIT
//
// What a checker says when the core does not do what it should. The text is made only then.
#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace kerberos::sim {

class Violation : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

template <class... Parts>
std::string text_of(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

template <class... Parts>
void expect(bool holds, const Parts&... parts) {
  if (!holds) [[unlikely]]
    throw Violation(text_of(parts...));
}

// expect(actual == wanted), telling both.
template <class A, class B, class... Parts>
void expect_equal(const A& actual, const B& wanted, const Parts&... what) {
  if (!(actual == wanted)) [[unlikely]]
    throw Violation(text_of(what..., " is ", actual, ", expected ", wanted));
}

}  // namespace kerberos::sim
