// SPDX-License-Identifier: MIT
#include "core/report/writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace kerberos::report {
namespace {

// Most text has nothing to escape, and to ask the library costs more than all the rest.
bool is_plain(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return c >= ' ' && c < '\x7f' && c != '"' && c != '\\'; });
}

void append_quoted(std::string& to, std::string_view text) {
  using nlohmann::json;
  if (is_plain(text)) {
    to.append(1, '"').append(text).append(1, '"');
  } else {
    // Names come from configuration files in whatever encoding: never let one break a document.
    to += json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  }
}

}  // namespace

void Writer::key(std::string_view name) {
  separate();
  append_quoted(text_, name);
  text_ += ':';
  first_ = true;  // its value follows without a comma
}

void Writer::value(std::string_view text) {
  separate();
  append_quoted(text_, text);
}

void Writer::value(double number) {
  raw(nlohmann::json(number).dump());
}

void Writer::open(char bracket) {
  separate();
  text_ += bracket;
  first_ = true;
}

void Writer::close(char bracket) {
  text_ += bracket;
  first_ = false;
}

void Writer::raw(std::string_view written) {
  separate();
  text_ += written;
}

void Writer::separate() {
  if (!first_) text_ += ',';
  first_ = false;
}

}  // namespace kerberos::report
