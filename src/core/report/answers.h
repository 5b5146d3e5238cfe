// SPDX-License-Identifier: MIT
//
// What names stand for, as a text to be put on disk: a restart knows its peers, and what became of
// their breakers, before DNS says anything.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/registry/answer.h"

namespace kerberos::report {

// One address of a name.
struct SavedAddress {
  std::string name;
  registry::NamedAddress address;
};

std::string to_text(std::span<const SavedAddress> addresses);

struct AnswersReading {
  std::vector<SavedAddress> addresses;
  std::size_t skipped = 0;  // rows that make no sense
  std::string problem;      // why there are none; empty: nothing is wrong
};

AnswersReading read_answers(std::string_view text);

}  // namespace kerberos::report
