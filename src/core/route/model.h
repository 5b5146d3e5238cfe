// SPDX-License-Identifier: MIT
//
// A route as values: which requests a service takes from those that name no service themselves,
// and what is changed of them on the way. What stands here is judged already (see words.h,
// pieces.h, regexes.h): a table takes it as it is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/route/pieces.h"

namespace kerberos::route {

// How a path is compared, in the order of precedence.
enum class PathForm : std::uint8_t {
  kExact,   // it is the path
  kRegex,   // an expression matches all of the path
  kPrefix,  // the path begins with it, and goes on at a slash or not at all
};

// What a header or an argument must be.
enum class Form : std::uint8_t {
  kPresent,
  kAbsent,
  kExact,
  kPrefix,
  kRegex,  // an expression matches all of it
};

struct Condition {
  std::string name;  // of a header: in lower case
  Form form = Form::kPresent;
  std::string text;

  friend bool operator==(const Condition&, const Condition&) = default;
};

struct Header {
  std::string name;
  Pieces value;            // none: the header is taken away
  base::Place place = {};  // of the value
};

struct Route {
  std::string name;  // what $kerberos_route says
  PathForm form = PathForm::kPrefix;
  std::string path = "/";  // or the expression
  // Of an expression: what every path that it matches begins with, and what it has in it, from a
  // slash on, in lower case. Tables look for these before they ask the expression.
  std::string fixed;
  std::string within;
  std::string host;           // lower case, "*.example.org" for all below; empty: any
  std::uint32_t methods = 0;  // bits of kMethods; 0: any
  std::vector<Condition> headers;
  std::vector<Condition> query;
  std::uint32_t priority = 0;
  bool strip = false;
  Pieces rewrite;  // none: the path stays
  std::vector<Header> set_headers;
  std::uint32_t service = 0;  // its number
  base::Place place;
};

}  // namespace kerberos::route
