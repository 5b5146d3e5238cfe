// SPDX-License-Identifier: MIT
//
// How connections to the peers of a service are made, waited for and kept. What nobody says stays
// empty: then the location or the upstream block decides.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/instant.h"
#include "core/registry/known.h"

namespace kerberos::registry {

struct Timeouts {
  std::optional<base::Millis> connect;
  std::optional<base::Millis> send;
  std::optional<base::Millis> read;

  friend bool operator==(const Timeouts&, const Timeouts&) = default;
};

// To each peer, of which there may be many.
inline constexpr std::uint32_t kKeptMax = 65'535;

// The words of kerberos_keepalive. Its first one, a number without a name, is `connections`.
struct KeepaliveSettings {
  std::optional<bool> enabled;               // false: "off"
  std::optional<std::uint32_t> connections;  // to each peer in each worker
  std::optional<base::Millis> idle;
  std::optional<std::uint32_t> requests;
  std::optional<std::uint32_t> total;

  friend bool operator==(const KeepaliveSettings&, const KeepaliveSettings&) = default;
};

struct TlsSettings {
  std::optional<std::string> name;
  std::optional<bool> verify;
  std::optional<std::string> trusted_certificate;

  // Whoever names authorities wants to be sure. Nothing: the location decides.
  [[nodiscard]] std::optional<bool> verifies() const {
    return verify || !trusted_certificate ? verify : true;
  }

  friend bool operator==(const TlsSettings&, const TlsSettings&) = default;
};

Table<Timeouts> timeouts_table();
Table<KeepaliveSettings> keepalive_table();
Table<TlsSettings> tls_table();

std::span<const KeyRow> timeouts_keys();
std::span<const KeyRow> keepalive_keys();
std::span<const KeyRow> tls_keys();

// Sets a parameter of kerberos_keepalive from its text.
Verdict set(KeepaliveSettings& settings, std::string_view name, std::string_view value);

// Fills what `settings` does not say from `inherited`.
Timeouts inherit(Timeouts settings, const Timeouts& inherited);
KeepaliveSettings inherit(KeepaliveSettings settings, const KeepaliveSettings& inherited);
TlsSettings inherit(TlsSettings settings, const TlsSettings& inherited);

}  // namespace kerberos::registry
