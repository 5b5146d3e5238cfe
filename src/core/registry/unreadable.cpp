// SPDX-License-Identifier: MIT
#include "core/registry/unreadable.h"

#include <yaml-cpp/exceptions.h>

#include "core/registry/closing.h"
#include "core/registry/columns.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

// The parser's words for somebody who has not read its source; `found` is what it stopped at.
std::string explained(const std::string& message, std::string_view found) {
  namespace said = YAML::ErrorMsg;
  if (message == said::END_OF_MAP) return "keys of one mapping stand in one column";
  if (message == said::END_OF_SEQ) return "items of one list stand in one column";
  if (message == said::BLOCK_ENTRY) return "no list can begin here";
  if (message == said::FLOW_END) return "nothing is open here that this closes";
  if (message == said::MAP_VALUE) {
    return "no value can begin here: a \":\" above wants a blank behind it, or a text with \": \" "
           "in it wants quotes";
  }
  if (message == said::UNKNOWN_TOKEN && !found.empty()) {
    return "a text that begins with " + quoted(found.substr(0, 1)) + " stands in quotes";
  }
  return message;
}

std::optional<base::Problem> merge_conflict(std::string_view text) {
  constexpr std::string_view kMark = "<<<<<<< ";
  std::size_t at = text.starts_with(kMark) ? 0 : text.find("\n" + std::string(kMark));
  if (at == std::string_view::npos) return std::nullopt;
  if (at > 0) ++at;
  return base::Problem{place_in(text, at), "merge conflict (from here to \">>>>>>>\")", 0, 7};
}

}  // namespace

base::Problem unreadable(std::string_view text, const Halt& halt) {
  const std::string_view found = text.substr(halt.at);
  if (auto conflict = merge_conflict(text)) return *std::move(conflict);
  if (halt.message.starts_with(YAML::ErrorMsg::UNKNOWN_ANCHOR)) return alias_at(halt.place, found);
  if (halt.bracket) {
    if (auto flaw = flaw_of_bracket(text, *halt.bracket)) return *std::move(flaw);
  }
  if (!found.empty() && halt.at > 0 && text.substr(halt.at - 1).starts_with("${")) {
    return {place_in(text, halt.at - 1),
            "variable without quotes (within braces and brackets a text with \"${\" in it "
            "stands in quotes)"};
  }
  return {halt.place, "not readable as YAML (" + explained(halt.message, found) + ")"};
}

base::Problem alias_at(base::Place place, std::string_view source) {
  constexpr const char* kFound =
      "alias (anchors and aliases are not read; a text that begins with \"*\" stands in quotes)";
  return {place, kFound, 0, columns_of_word(source)};
}

}  // namespace kerberos::registry
