// SPDX-License-Identifier: MIT
#include "core/registry/connections.h"

#include <array>

#include "core/registry/url.h"

namespace kerberos::registry {
namespace {

using Keepalive = Known<KeepaliveSettings>;
using Tls = Known<TlsSettings>;
using Timeout = Known<Timeouts>;

constexpr TextForm kHostText = {"a host name such as users.example.org", "^[A-Za-z0-9._-]{1,254}$",
                                is_host};
constexpr TextForm kFileText = {"the path of a file, relative to the folder of nginx.conf", "^.+$",
                                [](std::string_view text) { return !text.empty(); }};

constexpr std::array kTimeouts = {
    Timeout{time("connect", 1, kDay, "that of the location",
                 "So long connecting may take, and as long again the TLS handshake."),
            &Timeouts::connect},
    Timeout{time("send", 1, kDay, "that of the location",
                 "Between two writes of the request; not for the request as a whole."),
            &Timeouts::send},
    Timeout{time("read", 1, kDay, "that of the location",
                 "Between two reads of the response; not for the response as a whole."),
            &Timeouts::read},
};

constexpr std::array kKeepalive = {
    Keepalive{number("connections", 1, kKeptMax, "32",
                     "Idle connections kept to each peer in each worker; beyond, the oldest is "
                     "closed."),
              &KeepaliveSettings::connections},
    Keepalive{time("idle", 1, kDay, "60s", "So long one is kept that nobody uses."),
              &KeepaliveSettings::idle},
    Keepalive{
        number("requests", 1, 1'000'000'000, "1000", "So many requests one connection serves."),
        &KeepaliveSettings::requests},
    Keepalive{number("total", 1, 1'000'000, "half of worker_connections",
                     "At most so many of this service in each worker."),
              &KeepaliveSettings::total},
};

constexpr std::array kTls = {
    Tls{text("name", kHostText, "that of the location",
             "The server name that is asked for (SNI), and that a certificate is verified "
             "against."),
        &TlsSettings::name},
    Tls{truth("verify", "true with trusted_certificate, else that of the location",
              "Whether the peers' certificates are verified, by trusted_certificate."),
        &TlsSettings::verify},
    Tls{text("trusted_certificate", kFileText, "that of the location",
             "A file with the certificates of the authorities to verify by, in PEM. It is read "
             "with the registry."),
        &TlsSettings::trusted_certificate},
};

constexpr auto kTimeoutsRows = rows_of(kTimeouts);
constexpr auto kKeepaliveRows = rows_of(kKeepalive);
constexpr auto kTlsRows = rows_of(kTls);

}  // namespace

Table<Timeouts> timeouts_table() {
  return kTimeouts;
}

Table<KeepaliveSettings> keepalive_table() {
  return kKeepalive;
}

Table<TlsSettings> tls_table() {
  return kTls;
}

std::span<const KeyRow> timeouts_keys() {
  return kTimeoutsRows;
}

std::span<const KeyRow> keepalive_keys() {
  return kKeepaliveRows;
}

std::span<const KeyRow> tls_keys() {
  return kTlsRows;
}

Verdict set(KeepaliveSettings& settings, std::string_view name, std::string_view value) {
  return set(kKeepalive, settings, name, value);
}

Timeouts inherit(Timeouts settings, const Timeouts& inherited) {
  inherit(kTimeouts, settings, inherited);
  return settings;
}

KeepaliveSettings inherit(KeepaliveSettings settings, const KeepaliveSettings& inherited) {
  if (!settings.enabled) settings.enabled = inherited.enabled;
  inherit(kKeepalive, settings, inherited);
  return settings;
}

TlsSettings inherit(TlsSettings settings, const TlsSettings& inherited) {
  inherit(kTls, settings, inherited);
  return settings;
}

}  // namespace kerberos::registry
