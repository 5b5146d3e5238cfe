// SPDX-License-Identifier: MIT
//
// What the fuzzer has found worth keeping (t/fuzz/corpus/registry), again, without a fuzzer.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "fuzz/registry_try.h"

// After the standard library, whose names it would shadow.
#include "../cmocka.h"

namespace kerberos::fuzz {
namespace {

void every_input_is_read_to_its_end(void**) {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator("t/fuzz/corpus/registry")) {
    paths.push_back(entry.path());
  }
  std::ranges::sort(paths);
  assert_true(paths.size() > 100);
  for (const auto& path : paths) {
    std::ifstream file(path, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    assert_true(file.is_open());
    try_registry(bytes);
  }
}

void an_input_is_files_and_variables(void**) {
  const Input input = input_of(
      "a\xFF"
      "b\xFE"
      "A=c\xFE"
      "B_SVC_INSTANCES=x");
  assert_int_equal(input.sources.size(), 3);
  assert_true(input.sources[0].text == "a");
  assert_true(input.sources[1].text == "b");
  assert_true(input.sources[2].name == "env:B_SVC_INSTANCES");
  assert_true(input.environment.find("A") == "c");
}

}  // namespace
}  // namespace kerberos::fuzz

int main() {
  using namespace kerberos::fuzz;
  const CMUnitTest tests[] = {
      cmocka_unit_test(every_input_is_read_to_its_end),
      cmocka_unit_test(an_input_is_files_and_variables),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
