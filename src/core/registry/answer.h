// SPDX-License-Identifier: MIT
//
// What a name stands for at a moment, as DNS answers. Plain bytes, for answers are kept in shared
// memory, and in one order, for servers turn theirs around with every answer.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <vector>

#include "core/registry/model.h"

namespace kerberos::registry {

struct NamedAddress {
  std::array<unsigned char, 16> ip{};  // as on the wire; of IPv4 the first four bytes
  std::uint16_t port = 0;              // of an SRV record, and so are these
  std::uint16_t priority = 0;
  std::uint16_t weight = 0;
  std::uint16_t v6 = 0;  // whether it is IPv6

  friend auto operator<=>(const NamedAddress&, const NamedAddress&) = default;
};

using Answer = std::vector<NamedAddress>;  // in order, none twice

// Brings an answer in order.
void put_in_order(Answer& answer);

// As connect() takes it, and as text: "10.0.0.1:8080" or "[::1]:8080".
Address address_of(const NamedAddress& named, std::uint16_t port);

// "10.0.0.1", "::1", and with its port where it has one.
std::string text_of(const NamedAddress& named);

}  // namespace kerberos::registry
