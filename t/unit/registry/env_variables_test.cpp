// SPDX-License-Identifier: MIT
#include "core/registry/env_variables.h"

#include <string>
#include <string_view>
#include <vector>

#include "rows.h"

namespace kerberos::registry {
namespace {

void a_name_has_a_service_and_a_topic(void**) {
  constexpr struct {
    std::string_view variable, service, topic;
  } kRows[] = {
      {"USER_SVC_INSTANCES", "USER", "INSTANCES"},
      {"ORDER_ITEM_SVC_LOAD_BALANCE_STRATEGY", "ORDER_ITEM", "LOAD_BALANCE_STRATEGY"},
      {"A_SVC_CIRCUIT_BREAKER", "A", "CIRCUIT_BREAKER"},
      {"A_SVC_SVC_RETRY", "A_SVC", "RETRY"},
      {"_SVC_HEALTH_CHECK", "", "HEALTH_CHECK"},
      {"A_SVC_INSTANCE", "A", "INSTANCE"},
      {"A_SVC_HEALTHCHECK", "A", "HEALTHCHECK"},
  };
  for (const auto& row : kRows) {
    const auto name = parse_variable(row.variable);
    expect_true(row.variable, name.has_value());
    expect_text(row.variable, name->service, row.service);
    expect_text(row.variable, name->topic, row.topic);
  }
}

// What Kubernetes sets for a service "foo-svc", for one.
void other_variables_are_somebody_elses(void**) {
  for (const std::string_view variable :
       {"PATH", "", "RETRY", "SVC_RETRY", "A_SVC_", "FOO_SVC_PORT", "FOO_SVC_SERVICE_HOST",
        "FOO_SVC_SERVICE_PORT", "FOO_SVC_PORT_80_TCP", "FOO_SVC_PORT_80_TCP_ADDR",
        "FOO_SVC_SERVICE_PORT_HTTP", "a_svc_instances"}) {
    expect_true(variable, !parse_variable(variable));
  }
}

void the_name_is_in_small_letters_with_hyphens(void**) {
  expect_text("one word", service_name("USER"), "user");
  expect_text("two", service_name("ORDER_Item2"), "order-item2");
}

void variables_stand_where_they_are_asked_for(void**) {
  const std::vector<std::string_view> entries = {"B_SVC_INSTANCES=b", "PATH=/bin", "A_SVC_RETRY=a"};
  const auto joined = [](const std::vector<Source>& sources) {
    std::string result;
    for (const Source& source : sources) result += source.name + "=" + source.text + " ";
    return result;
  };
  const std::vector<Source> sources = {{"/a", "1"}, {"env:", ""}, {"/b", "2"}};
  expect_text("in order", joined(with_variables(sources, Environment(entries))),
              "/a=1 env:A_SVC_RETRY=a env:B_SVC_INSTANCES=b /b=2 ");
  expect_text("none", joined(with_variables(sources, Environment())),
              "/a=1 env:*_SVC_INSTANCES= /b=2 ");
  expect_text("not asked for", joined(with_variables({{"/a", "1"}}, Environment(entries))),
              "/a=1 ");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_name_has_a_service_and_a_topic),
      cmocka_unit_test(other_variables_are_somebody_elses),
      cmocka_unit_test(the_name_is_in_small_letters_with_hyphens),
      cmocka_unit_test(variables_stand_where_they_are_asked_for),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
