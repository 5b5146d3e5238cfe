// SPDX-License-Identifier: MIT
#include "core/service/refusal.h"

#include <memory>
#include <thread>

#include "unit/cmocka.h"

namespace kerberos::service {
namespace {

std::unique_ptr<RefusalWords> fresh() {
  return std::make_unique<RefusalWords>();
}

void nothing_was_refused_at_first(void**) {
  const auto words = fresh();
  assert_false(read_refusal(*words).has_value());
}

void what_is_written_is_read(void**) {
  const auto words = fresh();
  for (const std::size_t length : {1U, 7U, 8U, 9U, 1'000U, unsigned{kRefusalMax}}) {
    const Refusal written{1'700'000'000'123, {11, 22}, std::string(length, 'x')};
    write_refusal(*words, written);
    const auto read = read_refusal(*words);
    assert_true(read.has_value());
    assert_true(read->text == written.text);
    assert_true(read->digest == written.digest);
    assert_int_equal(read->unix_ms, written.unix_ms);
  }
}

void what_is_too_long_is_cut(void**) {
  const auto words = fresh();
  write_refusal(*words, {1, {1, 1}, std::string(kRefusalMax + 1, 'x')});
  assert_int_equal(read_refusal(*words)->text.size(), kRefusalMax);
}

void an_empty_text_takes_it_back(void**) {
  const auto words = fresh();
  write_refusal(*words, {1, {1, 1}, "wrong"});
  write_refusal(*words, {});
  assert_false(read_refusal(*words).has_value());
}

void a_writer_that_died_hides_the_text_until_the_next(void**) {
  const auto words = fresh();
  write_refusal(*words, {1, {1, 1}, "wrong"});
  words->writings.store(words->writings.load() + 1);
  assert_false(read_refusal(*words).has_value());
  write_refusal(*words, {2, {2, 2}, "still wrong"});
  assert_true(read_refusal(*words)->text == "still wrong");
}

void nobody_reads_half_of_one_and_half_of_another(void**) {
  const auto words = fresh();
  std::atomic<bool> over = false;
  std::thread writer([&] {
    for (int i = 0; i < 20'000; ++i) {
      const char letter = static_cast<char>('a' + i % 26);
      write_refusal(*words, {letter, {}, std::string(64 + i % 64, letter)});
    }
    over = true;
  });
  while (!over) {
    const auto read = read_refusal(*words);
    if (!read) continue;
    const auto letter = static_cast<char>(read->unix_ms);
    assert_true(read->text.find_first_not_of(letter) == std::string::npos);
  }
  writer.join();
}

}  // namespace
}  // namespace kerberos::service

using namespace kerberos::service;

int main() {
  const CMUnitTest tests[] = {
      cmocka_unit_test(nothing_was_refused_at_first),
      cmocka_unit_test(what_is_written_is_read),
      cmocka_unit_test(what_is_too_long_is_cut),
      cmocka_unit_test(an_empty_text_takes_it_back),
      cmocka_unit_test(a_writer_that_died_hides_the_text_until_the_next),
      cmocka_unit_test(nobody_reads_half_of_one_and_half_of_another),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
