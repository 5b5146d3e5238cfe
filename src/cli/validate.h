// SPDX-License-Identifier: MIT
//
// Checks the files of a registry without nginx, by the reader that the module has and in its words.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace kerberos::cli {

enum class Format {
  kText,    // lines as in nginx's log, for a person
  kJson,    // one document, for a program
  kGithub,  // annotations of a pull request
};

// Reads the files ("-": standard input; "env:": services from variables) as
//   kerberos_registry FILE ...;
// would with the environment of this process, and tells what is wrong with them. Returns whether
// nothing is.
bool validate(const std::vector<std::string>& files, Format format, std::ostream& out);

}  // namespace kerberos::cli
