// SPDX-License-Identifier: MIT
//
// What a route asks of the headers and arguments of a request.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/keys.h"
#include "core/registry/value.h"
#include "core/route/model.h"

namespace kerberos::registry {

inline constexpr TextForm kRegexText = {"an expression of RE2, which matches the whole text", "^"};

std::span<const KeyRow> condition_keys();

inline constexpr KeyRow kHeaders =
    pairs("headers", "a mapping of header to what it must be, such as {X-Tenant: blue}",
          condition_keys, "Only requests with such headers: a text, or a mapping.");
inline constexpr KeyRow kQuery =
    pairs("query", "a mapping of argument to what it must be, such as {version: 2}", condition_keys,
          "Only requests with such arguments: a text, or a mapping.");

void read_headers(const Field& field, std::vector<route::Condition>& headers,
                  base::Problems& problems);
void read_query(const Field& field, std::vector<route::Condition>& query, base::Problems& problems);

// Reports a header that has a flaw, or is known: names of headers are the same in any case, so that
// two keys may be one.
void check_header(const Key& key, const std::string& flaw, bool known, base::Problems& problems);

}  // namespace kerberos::registry
