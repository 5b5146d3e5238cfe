// SPDX-License-Identifier: MIT
//
// The services that a configuration names, as values: what the strict reader makes of a registry
// file and the shim makes of upstream blocks, and what a generation is built from.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/problem.h"
#include "core/registry/balance.h"
#include "core/registry/connections.h"
#include "core/registry/intervals.h"
#include "core/registry/settings.h"
#include "core/route/model.h"

namespace kerberos::registry {

inline constexpr std::uint32_t kWeightMax = 1'000'000;

// A socket address as bytes, exactly as connect() takes it, and as text.
struct Address {
  std::vector<unsigned char> bytes;
  std::string text;
};

enum class TargetKind : std::uint8_t {
  kAddress,
  kName,  // of a host
  kSrv    // of SRV records
};

struct Peer {
  std::string id;      // what the operator called it; empty: its address
  std::string target;  // as in Url
  TargetKind kind = TargetKind::kAddress;
  bool followed = false;           // its addresses come and go: its name is asked for
  std::vector<Address> addresses;  // one peer each; filled by whoever can resolve names
  std::uint32_t weight = 1;        // 1 to kWeightMax
  std::uint32_t max_conns = 0;     // 0: no limit
  bool backup = false;
  bool down = false;
  std::string check_url;    // of an instance in a variable; nobody acts on it yet
  BreakerSettings breaker;  // what this peer says itself (max_fails and fail_timeout)
  base::Place place;        // where it stands in the file
};

// Where a service was declared. A client may name services of a file, never those of a block.
enum class Origin : std::uint8_t { kBlock, kFile };

struct Service {
  std::string name;
  Origin origin = Origin::kBlock;
  bool tls = false;  // its peers were given as https://
  Balance balance;
  BreakerSettings breaker;  // what it says itself, over its file's defaults; and so the others
  Timeouts timeouts;
  KeepaliveSettings keepalive;
  TlsSettings tls_settings;
  // Of variables. Read, and nobody acts on them yet.
  std::optional<Retry> retry;
  std::optional<Check> check;
  std::vector<Peer> peers;
  std::vector<route::Route> routes;
  base::Place place;
  base::Place balance_place;      // of the words it balances by
  base::Place certificate_place;  // of its trusted_certificate
  std::uint32_t source = 0;       // which of the sources it stands in, with its peers
};

// What a file of certificates says. Whoever can read files tells, and how they are known again.
struct Certificate {
  std::string text;  // PEM
  std::array<std::uint64_t, 2> digest{};
};

using Certificates = std::map<std::string, Certificate, std::less<>>;  // by the file's name

struct Registry {
  std::vector<Service> services;
  Certificates certificates = {};
  bool allow_shrink = false;            // whoever loses many peers by this means it
  std::vector<std::string> names = {};  // that are asked for, each once
};

}  // namespace kerberos::registry
