// SPDX-License-Identifier: MIT
#include "core/registry/ties.h"

#include <string>
#include <vector>

#include "core/registry/files.h"
#include "core/registry/reader.h"
#include "rows.h"

namespace kerberos::registry {
namespace {

void routes_that_tie_are_told_with_both_places(void**) {
  const Reading reading = read(
      "services:\n"
      "  users:\n"
      "    peers: [http://a]\n"
      "    routes: [{path: /api}, {path: /api, methods: [GET]}]\n"
      "  orders:\n"
      "    routes:\n"
      "      - {path: /orders}\n"
      "      - {path: /api}\n"
      "      - {path: /api, methods: [POST]}\n"
      "      - {path: /api, methods: [HEAD, GET]}\n"
      "    peers: [http://b]\n");
  expect_text(
      "problems", listed(reading.problems),
      "8:9: route \"/api\" of service \"orders\" ties with that of \"users\" at 4:14 (give "
      "one of them a \"priority\")\n"
      "10:9: route \"/api\" of service \"orders\" ties with that of \"users\" at 4:28 (give "
      "one of them a \"priority\")");
}

void of_several_files_the_other_is_named(void**) {
  const std::string text = ":\n  peers: [http://a]\n  routes: [{path: /}]\n";
  const std::vector<Source> sources = {{"a.yaml", "users" + text}, {"b.yaml", "orders" + text}};
  const FilesReading reading = read_files(sources, {});
  expect_text("problems", listed(reading.problems),
              "3:12: route \"/\" of service \"orders\" ties with that of \"users\" at "
              "a.yaml:3:12 (give one of them a \"priority\")");
  assert_int_equal(reading.problems[0].source, 1);
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(routes_that_tie_are_told_with_both_places),
      cmocka_unit_test(of_several_files_the_other_is_named),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
