// SPDX-License-Identifier: MIT
#include "core/registry/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>

namespace kerberos::registry {
namespace {

std::string ip_of(const NamedAddress& named) {
  char text[INET6_ADDRSTRLEN] = "";
  inet_ntop(named.v6 != 0 ? AF_INET6 : AF_INET, named.ip.data(), text, sizeof text);
  return text;
}

std::string with_port(const NamedAddress& named, std::uint16_t port) {
  const std::string ip = ip_of(named);
  return (named.v6 != 0 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

template <class Sockaddr>
std::vector<unsigned char> bytes_of(const Sockaddr& sockaddr) {
  const auto* bytes = reinterpret_cast<const unsigned char*>(&sockaddr);
  return {bytes, bytes + sizeof sockaddr};
}

}  // namespace

void put_in_order(Answer& answer) {
  std::ranges::sort(answer);
  answer.erase(std::unique(answer.begin(), answer.end()), answer.end());
}

Address address_of(const NamedAddress& named, std::uint16_t port) {
  if (named.v6 != 0) {
    sockaddr_in6 sockaddr{};
    sockaddr.sin6_family = AF_INET6;
    sockaddr.sin6_port = htons(port);
    std::memcpy(&sockaddr.sin6_addr, named.ip.data(), sizeof sockaddr.sin6_addr);
    return {bytes_of(sockaddr), with_port(named, port)};
  }
  sockaddr_in sockaddr{};
  sockaddr.sin_family = AF_INET;
  sockaddr.sin_port = htons(port);
  std::memcpy(&sockaddr.sin_addr, named.ip.data(), sizeof sockaddr.sin_addr);
  return {bytes_of(sockaddr), with_port(named, port)};
}

std::string text_of(const NamedAddress& named) {
  return named.port == 0 ? ip_of(named) : with_port(named, named.port);
}

}  // namespace kerberos::registry
