// SPDX-License-Identifier: MIT
#include "core/service/terms.h"

#include "unit/service/gate.h"

namespace kerberos::service {
namespace {

registry::Service secure(const std::string& name) {
  auto service = named(name, {peer(name)});
  service.tls = true;
  return service;
}

void what_is_not_said_is_unsaid(void**) {
  const Terms terms = terms_of(plan_terms(named("x", {peer("a")})));
  for (const auto value : {terms.connect, terms.send, terms.read, terms.connections, terms.idle,
                           terms.requests, terms.total, std::int64_t{terms.verify}}) {
    assert_int_equal(value, Terms::kUnsaid);
  }
  assert_false(terms.tls);
}

void each_value_has_its_place(void**) {
  auto service = secure("x");
  service.timeouts = {1, 2, 3};
  service.keepalive = {true, 4, 5, 6, 7};
  const Terms terms = terms_of(plan_terms(service));
  assert_int_equal(terms.connect, 1);
  assert_int_equal(terms.send, 2);
  assert_int_equal(terms.read, 3);
  assert_int_equal(terms.connections, 4);
  assert_int_equal(terms.idle, 5);
  assert_int_equal(terms.requests, 6);
  assert_int_equal(terms.total, 7);
  assert_true(terms.tls);
}

void off_is_none_whatever_the_defaults_say(void**) {
  auto service = named("x", {peer("a")});
  service.keepalive = {false, 16, {}, {}, {}};
  assert_int_equal(terms_of(plan_terms(service)).connections, 0);
  service.keepalive = {true, {}, {}, {}, {}};
  assert_int_equal(terms_of(plan_terms(service)).connections, Terms::kUnsaid);
}

void whoever_names_authorities_is_verified(void**) {
  struct Row {
    std::optional<bool> verify;
    std::optional<std::string> trusted;
    std::int64_t expected;
  };
  for (const Row& row : {Row{{}, {}, Terms::kUnsaid}, Row{{}, "ca.pem", 1}, Row{true, "ca.pem", 1},
                         Row{false, "ca.pem", 0}, Row{false, {}, 0}}) {
    auto service = secure("x");
    service.tls_settings.verify = row.verify;
    service.tls_settings.trusted_certificate = row.trusted;
    assert_int_equal(terms_of(plan_terms(service)).verify, row.expected);
  }
}

void defaults_of_tls_do_not_concern_plain_services(void**) {
  auto service = secure("x");
  service.tls_settings = {"name", true, "ca.pem"};
  service.tls = false;
  assert_true(plan_terms(service).tls_settings == registry::TlsSettings());
}

void services_of_the_same_terms_share_them(void**) {
  auto made = registry_of({secure("a"), secure("b"), named("c", {peer("c")}), secure("d")});
  made.services[3].timeouts.read = 5;
  const Gate gate;
  const GenerationView view(gate.zone.find(gate.build(made)));
  const auto services = view.services();
  assert_int_equal(services[0].terms, services[1].terms);
  assert_int_not_equal(services[1].terms, services[2].terms);
  assert_int_equal(view.block()->terms, 3);
  assert_true(view.terms(services[1]).tls);
  assert_false(view.terms(services[2]).tls);
  assert_int_equal(view.terms(services[3]).read, 5);
}

void a_generation_has_the_text_of_a_file_once(void**) {
  const std::string pem(5'000, 'p');
  auto made = registry_of({secure("a"), secure("b"), secure("c")});
  made.services[0].tls_settings = {"a.example", {}, "ca.pem"};
  made.services[1].tls_settings = {"b.example", {}, "ca.pem"};
  made.services[2].tls_settings = {"c.example", {}, "unread.pem"};
  made.certificates["ca.pem"] = {pem, {11, 22}};
  const Gate gate;
  const GenerationView view(gate.zone.find(gate.build(made)));
  const Terms& a = view.terms(view.services()[0]);
  const Terms& b = view.terms(view.services()[1]);
  const Terms& c = view.terms(view.services()[2]);
  assert_text(view.text(a.name), "a.example");
  assert_text(view.text(b.name), "b.example");
  assert_true(view.text(a.trusted) == pem);
  assert_int_equal(a.trusted.at, b.trusted.at);
  assert_int_equal(a.trusted_digest[0], 11);
  assert_int_equal(b.trusted_digest[1], 22);
  assert_int_equal(c.trusted.length, 0);
  assert_int_equal(c.verify, 1);
  assert_true(view.block()->bytes < 2 * pem.size());
  assert_true(bytes_needed(made, 1) > bytes_needed(registry_of(made.services), 1) + pem.size());
}

}  // namespace
}  // namespace kerberos::service

int main() {
  using namespace kerberos::service;
  const CMUnitTest tests[] = {
      cmocka_unit_test(what_is_not_said_is_unsaid),
      cmocka_unit_test(each_value_has_its_place),
      cmocka_unit_test(off_is_none_whatever_the_defaults_say),
      cmocka_unit_test(whoever_names_authorities_is_verified),
      cmocka_unit_test(defaults_of_tls_do_not_concern_plain_services),
      cmocka_unit_test(services_of_the_same_terms_share_them),
      cmocka_unit_test(a_generation_has_the_text_of_a_file_once),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
