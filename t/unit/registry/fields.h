// SPDX-License-Identifier: MIT
//
// One field of a registry file, read from its text.
#pragma once

#include <string_view>

#include "core/registry/service_reader.h"
#include "rows.h"

namespace kerberos::registry {

// Reads the first field of the text.
template <typename Read>
auto first_field(std::string_view text, Read read) {
  const Document document = parse_document(text);
  expect_text(text, listed(document.problems), "");
  return read({document.root->keys[0], document.root->children[0]});
}

inline Service service_of(std::string_view text, const Defaults& defaults,
                          base::Problems& problems) {
  return first_field(text,
                     [&](const Field& field) { return read_service(field, defaults, problems); });
}

inline Defaults defaults_of(std::string_view text, base::Problems& problems) {
  return first_field(text, [&](const Field& field) { return read_defaults(field, problems); });
}

}  // namespace kerberos::registry
