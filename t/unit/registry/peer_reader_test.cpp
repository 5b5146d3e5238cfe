// SPDX-License-Identifier: MIT
#include "core/registry/peer_reader.h"

#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

PeerReading read_text(std::string_view text, base::Problems& problems) {
  const Document document = parse_document(text);
  problems = document.problems;
  return read_peer(document.root.value_or(Node{}), problems);
}

void a_url_alone_is_a_peer(void**) {
  base::Problems problems;
  const PeerReading reading = read_text("https://10.0.0.1:8443", problems);
  expect_text("problems", listed(problems), "");
  expect_text("target", reading.peer.target, "10.0.0.1:8443");
  expect_text("id", reading.peer.id, "");
  assert_true(*reading.tls);
  assert_int_equal(reading.peer.weight, 1);
  assert_int_equal(reading.peer.max_conns, 0);
  assert_false(reading.peer.backup);
  assert_false(reading.peer.down);
  assert_int_equal(reading.peer.place.line, 1);
  assert_int_equal(reading.peer.place.column, 1);
}

void a_mapping_says_more(void**) {
  base::Problems problems;
  const PeerReading reading = read_text(
      "{url: \"http://[::1]:80\", weight: 5, id: big, backup: true, down: true, max_conns: 100}",
      problems);
  expect_text("problems", listed(problems), "");
  expect_text("target", reading.peer.target, "[::1]:80");
  expect_text("id", reading.peer.id, "big");
  assert_false(*reading.tls);
  assert_int_equal(reading.peer.weight, 5);
  assert_int_equal(reading.peer.max_conns, 100);
  assert_true(reading.peer.backup);
  assert_true(reading.peer.down);
  assert_int_equal(reading.id_place.column, 41);
}

void bad_peers_say_what_is_allowed(void**) {
  constexpr struct {
    std::string_view row, text, expected;
  } kRows[] = {
      {"bad URL", "a:80",
       "1:1: invalid URL \"a:80\" (a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)"},
      {"path", "http://a/b",
       "1:1: invalid URL \"http://a/b\" (a peer has no path, query or fragment)"},
      {"credentials stay secret", "url: http://me:secret@a",
       "1:6: invalid URL (a peer has no user name or password)"},
      {"no URL", "weight: 1",
       "1:1: peer without \"url\" (http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)"},
      {"URL of nothing", "url:",
       "1:1: \"url\" has no value (http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)"},
      {"URL list", "url: [http://a]",
       "1:6: \"url\" is a list (http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)"},
      {"list", "[http://a]", "1:1: peer that is a list (a URL or a mapping)"},
      {"unknown key", "{url: http://a, wieght: 5}",
       "1:17: unknown key \"wieght\" (did you mean \"weight\"? allowed: url, weight, id, backup, "
       "down, max_conns)"},
      {"unknown and unlike", "{url: http://a, max_fails: 5}",
       "1:17: unknown key \"max_fails\" (allowed: url, weight, id, backup, down, max_conns)"},
      {"weight of zero", "{url: http://a, weight: 0}",
       "1:25: invalid value \"0\" of \"weight\" (a whole number from 1 to 1000000)"},
      {"quoted weight", "{url: http://a, weight: \"5\"}",
       "1:25: invalid value \"5\" of \"weight\" (a whole number from 1 to 1000000, without "
       "quotes)"},
      {"negative max_conns", "{url: http://a, max_conns: -1}",
       "1:28: invalid value \"-1\" of \"max_conns\" (a whole number from 0 to 1000000)"},
      {"backup: yes", "{url: http://a, backup: yes}",
       "1:25: invalid value \"yes\" of \"backup\" (did you mean \"true\"? allowed: true, false)"},
      {"down: \"true\"", "{url: http://a, down: \"true\"}",
       "1:23: invalid value \"true\" of \"down\" (true or false, without quotes)"},
      {"bad id", "{url: http://a, id: a b}",
       "1:21: invalid value \"a b\" of \"id\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"id like an address", "{url: http://a, id: \"10.0.0.1:80\"}",
       "1:21: invalid value \"10.0.0.1:80\" of \"id\" (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"id list", "{url: http://a, id: [a]}",
       "1:21: \"id\" is a list (1 to 128 of A-Z a-z 0-9 . _ ~ -)"},
      {"all at once", "{weight: x, down: no}",
       "1:10: invalid value \"x\" of \"weight\" (a whole number from 1 to 1000000)\n"
       "1:19: invalid value \"no\" of \"down\" (did you mean \"false\"? allowed: true, false)\n"
       "1:1: peer without \"url\" (http://HOST:PORT, https://HOST:PORT, http+srv://NAME, "
       "https+srv://NAME or unix:PATH)"},
  };
  for (const auto& row : kRows) {
    base::Problems problems;
    read_text(row.text, problems);
    expect_text(row.row, listed(problems), row.expected);
  }
  base::Problems problems;
  read_peer(Node{}, problems);
  expect_text("nothing", listed(problems), "0:0: empty peer (a URL or a mapping)");
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(a_url_alone_is_a_peer),
      cmocka_unit_test(a_mapping_says_more),
      cmocka_unit_test(bad_peers_say_what_is_allowed),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
