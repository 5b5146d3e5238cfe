// SPDX-License-Identifier: MIT
//
// JSON written as it goes, from front to back. The library that knows how text is escaped does
// that; its document tree is not used, for it needs memory to be destroyed, and would end the
// process where there is none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace kerberos::report {

class Writer {
 public:
  // Everything between begin_ and end_ stands inside; commas take care of themselves.
  void begin_object() { open('{'); }
  void end_object() { close('}'); }
  void begin_array() { open('['); }
  void end_array() { close(']'); }

  // The name of the value that follows.
  void key(std::string_view name);

  void value(std::string_view text);
  void value(const char* text) { value(std::string_view(text)); }
  void value(bool yes) { raw(yes ? "true" : "false"); }
  void value(std::nullptr_t) { raw("null"); }
  // A finite number, in as few digits as say it exactly.
  void value(double number);
  template <class Number>
  requires std::is_integral_v<Number>
  void value(Number number) { raw(std::to_string(number)); }

  // A key and its value.
  template <class Value>
  void field(std::string_view name, const Value& content) {
    key(name);
    value(content);
  }

  // So much is going to be written, or so.
  void reserve(std::size_t bytes) { text_.reserve(bytes); }

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  void open(char bracket);
  void close(char bracket);
  void raw(std::string_view written);
  void separate();

  std::string text_;
  bool first_ = true;  // nothing stands before, in what is open
};

}  // namespace kerberos::report
