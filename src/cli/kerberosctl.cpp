// SPDX-License-Identifier: MIT
//
// The command beside the module: what can be known of a registry without an nginx.
#include <cstdio>
#include <exception>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

#include "cli/reference.h"
#include "cli/schema.h"
#include "cli/validate.h"

namespace kerberos::cli {
namespace {

// As other tools have them: 1 is for what went wrong without being anybody's mistake.
constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kInvalid = 3;

constexpr std::string_view kHelp =
    R"(kerberosctl validate [--format text|json|github] FILE ...
    checks the files of a registry as "kerberos_registry FILE ...;" would: "-" is the
    standard input, "env:" stands for services from variables
kerberosctl schema
    prints the JSON Schema (draft-07) of a registry file
kerberosctl reference
    prints every key of a registry file, as Markdown

exit status: 0 all is well, 1 it could not be done, 2 wrong usage, 3 the registry is invalid
)";

int refuse(const std::string& why) {
  std::cerr << "kerberosctl: " << why << "\n\n" << kHelp;
  return kUsage;
}

bool read_format(std::string_view word, Format& format) {
  if (word == "text") {
    format = Format::kText;
  } else if (word == "json") {
    format = Format::kJson;
  } else if (word == "github") {
    format = Format::kGithub;
  } else {
    return false;
  }
  return true;
}

int run_validate(const std::vector<std::string>& words) {
  constexpr std::string_view kFormat = "--format";
  Format format = Format::kText;
  std::vector<std::string> files;
  bool options = true;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (!options || !word.starts_with('-') || word == "-") {
      files.push_back(word);
    } else if (word == "--") {
      options = false;
    } else if (word == kFormat || word.starts_with(std::string(kFormat) + "=")) {
      const bool apart = word == kFormat;
      if (apart && ++i == words.size()) return refuse("--format wants text, json or github");
      const std::string value = apart ? words[i] : word.substr(kFormat.size() + 1);
      if (!read_format(value, format)) {
        return refuse("unknown format \"" + value + "\" (text, json or github)");
      }
    } else {
      return refuse("unknown option \"" + word + "\"");
    }
  }
  if (files.empty()) return refuse("validate wants at least one file");
  return validate(files, format, std::cout) ? kOk : kInvalid;
}

int run(const std::vector<std::string>& words) {
  if (words.empty()) return refuse("a command is missing");
  const std::string& command = words.front();
  if (command == "validate") return run_validate({words.begin() + 1, words.end()});
  if (command == "--help" || command == "-h" || command == "help") {
    std::cout << kHelp;
    return kOk;
  }
  if (command != "schema" && command != "reference") {
    return refuse("unknown command \"" + command + "\"");
  }
  if (words.size() > 1) return refuse(command + " takes no arguments");
  std::cout << (command == "schema" ? schema() : reference());
  return kOk;
}

}  // namespace
}  // namespace kerberos::cli

int main(int count, char** words) {
  try {
    const int status = kerberos::cli::run({words + 1, words + count});
    if (std::cout.flush()) return status;
    std::perror("kerberosctl: standard output");
  } catch (const std::exception& error) {
    std::cerr << "kerberosctl: " << error.what() << '\n';
  }
  return kerberos::cli::kFailed;
}
