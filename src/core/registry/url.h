// SPDX-License-Identifier: MIT
//
// Where a peer is, as an operator writes it: http://HOST:PORT, https://HOST:PORT, the name of SRV
// records or unix:PATH. Only the form is judged; no name is resolved here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/registry/model.h"

namespace kerberos::registry {

inline constexpr std::string_view kUrlForms =
    "http://HOST:PORT, https://HOST:PORT, http+srv://NAME, https+srv://NAME or unix:PATH";

struct Url {
  bool tls = false;
  TargetKind kind = TargetKind::kAddress;
  std::string target;  // "10.0.0.1:8080", "[::1]:80", "name:80", "unix:/path" or "_http._tcp.name"
};

// Either the URL or what is wrong with it. The refused text may be repeated to an operator
// unless it has credentials in it.
struct UrlReading {
  std::optional<Url> url;
  std::string refusal;
  bool secret = false;
};

// A missing port is the scheme's. "localhost" is 127.0.0.1 and nothing else, on every machine:
// elsewhere it is two addresses, and a service of one backend would have two peers.
UrlReading parse_url(std::string_view text);

// A host name or an IPv4 address. A name whose last label is a number is none: "10.0.0.256" and
// "10.1" are mistyped addresses, which some resolvers would still make something of.
bool is_host(std::string_view host);

}  // namespace kerberos::registry
