// SPDX-License-Identifier: MIT
#include "core/report/writer.h"

#include <nlohmann/json.hpp>

namespace kerberos::report {
namespace {

// Names come from configuration files in whatever encoding: never let one break a document.
std::string quoted(std::string_view text) {
  using nlohmann::json;
  return json(text).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

void Writer::key(std::string_view name) {
  separate();
  text_ += quoted(name);
  text_ += ':';
  first_ = true;  // its value follows without a comma
}

void Writer::value(std::string_view text) {
  raw(quoted(text));
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
