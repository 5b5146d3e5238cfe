// SPDX-License-Identifier: MIT
//
// ${NAME} and ${NAME:-default} in the values of a registry file.
//
// Variables are put in after the file was parsed, value by value: whatever a variable holds, it
// can neither add a key nor a peer. Keys stay as they are. Only "${" is special, so that nginx's
// variables ("hash $cookie_user") need no care; "$${" is a plain "${".
//
// A value that had a variable in it is what the variable makes of it, in quotes or not: within
// braces YAML wants quotes around "${", and they shall not make a text of a number.
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/document.h"
#include "core/registry/environment.h"

namespace kerberos::registry {

class Expansion {
 public:
  // Puts the variables into the values of the tree.
  Expansion(Node& root, const Environment& environment);

  // Puts right what was found wrong with the tree since: a value that could not be made has its
  // own problem and no other, and a problem of one that was made says where it came from.
  void explain(base::Problems& problems) const;

  // The variables that were put in.
  [[nodiscard]] const std::set<std::string>& names() const { return names_; }

 private:
  // A value that had variables in it.
  struct Value {
    base::Place place;
    std::uint32_t length;   // in the file
    std::string variables;  // "${A} and ${B}"
    std::string problem;    // why it could not be made
  };

  void expand(Node& node);
  [[nodiscard]] std::string put_in(const std::string& text, Value& value);

  const Environment& environment_;
  std::size_t room_;
  std::vector<Value> values_;
  std::set<std::string> names_;
};

}  // namespace kerberos::registry
