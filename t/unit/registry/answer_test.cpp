// SPDX-License-Identifier: MIT
#include "core/registry/answer.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <cstring>
#include <string>

#include "unit/registry/named.h"

#include "unit/cmocka.h"

namespace kerberos::registry {
namespace {

template <class Sockaddr>
Sockaddr sockaddr_of(const Address& address) {
  Sockaddr sockaddr{};
  assert_int_equal(address.bytes.size(), sizeof sockaddr);
  std::memcpy(&sockaddr, address.bytes.data(), sizeof sockaddr);
  return sockaddr;
}

void an_address_is_what_connect_takes(void**) {
  const Address four = address_of(named("10.1.2.3"), 8080);
  assert_string_equal(four.text.c_str(), "10.1.2.3:8080");
  const auto in = sockaddr_of<sockaddr_in>(four);
  assert_int_equal(in.sin_family, AF_INET);
  assert_int_equal(ntohs(in.sin_port), 8080);
  assert_int_equal(in.sin_addr.s_addr, inet_addr("10.1.2.3"));

  const Address six = address_of(named("2001:db8::1"), 80);
  assert_string_equal(six.text.c_str(), "[2001:db8::1]:80");
  const auto in6 = sockaddr_of<sockaddr_in6>(six);
  assert_int_equal(in6.sin6_family, AF_INET6);
  assert_int_equal(ntohs(in6.sin6_port), 80);
  in6_addr expected{};
  inet_pton(AF_INET6, "2001:db8::1", &expected);
  assert_memory_equal(&in6.sin6_addr, &expected, sizeof expected);
}

void text_has_a_port_where_there_is_one(void**) {
  assert_string_equal(text_of(named("10.1.2.3")).c_str(), "10.1.2.3");
  assert_string_equal(text_of(named("::1")).c_str(), "::1");
  assert_string_equal(text_of(named("10.1.2.3", 81)).c_str(), "10.1.2.3:81");
  assert_string_equal(text_of(named("::1", 81)).c_str(), "[::1]:81");
}

void answers_have_one_order_and_nothing_twice(void**) {
  Answer one = {named("10.0.0.2"), named("::1"), named("10.0.0.1"), named("10.0.0.2")};
  Answer other = {named("::1"), named("10.0.0.1"), named("10.0.0.2")};
  put_in_order(one);
  put_in_order(other);
  assert_int_equal(one.size(), 3);
  assert_true(one == other);

  // What differs in anything is not the same.
  Answer records = {named("10.0.0.1", 80, 1, 1), named("10.0.0.1", 81, 1, 1),
                    named("10.0.0.1", 80, 2, 1), named("10.0.0.1", 80, 1, 2)};
  put_in_order(records);
  assert_int_equal(records.size(), 4);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(an_address_is_what_connect_takes),
      cmocka_unit_test(text_has_a_port_where_there_is_one),
      cmocka_unit_test(answers_have_one_order_and_nothing_twice),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
