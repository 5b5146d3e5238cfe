// SPDX-License-Identifier: MIT
#include "core/registry/url.h"

#include <string>
#include <string_view>

#include "rows.h"

namespace kerberos::registry {
namespace {

void good_urls_name_a_target(void**) {
  const std::string label(63, 'a');
  const std::string path = "/" + std::string(106, 'p');
  const struct {
    std::string text, target;
    bool tls = false;
    TargetKind kind = TargetKind::kAddress;
  } rows[] = {
      {"http://10.0.0.1:8080", "10.0.0.1:8080"},
      {"http://10.0.0.1", "10.0.0.1:80"},
      {"https://10.0.0.1", "10.0.0.1:443", true},
      {"https://a.example.org:8443", "a.example.org:8443", true, TargetKind::kName},
      {"http://localhost:9001", "127.0.0.1:9001"},
      {"http://localhost", "127.0.0.1:80"},
      {"http://[::1]:80", "[::1]:80"},
      {"https://[2001:db8::1]", "[2001:db8::1]:443", true},
      {"http://back_end-1.internal.:81", "back_end-1.internal.:81", false, TargetKind::kName},
      {"http://users:1", "users:1", false, TargetKind::kName},
      {"http://users:65535", "users:65535", false, TargetKind::kName},
      {"http://3scale.net", "3scale.net:80", false, TargetKind::kName},
      {"http://" + label + ".b", label + ".b:80", false, TargetKind::kName},
      {"unix:/run/users.sock", "unix:/run/users.sock"},
      {"unix:" + path, "unix:" + path},
      {"http+srv://_http._tcp.users.test", "_http._tcp.users.test", false, TargetKind::kSrv},
      {"https+srv://_x-1._tcp.Users.test.", "_x-1._tcp.Users.test.", true, TargetKind::kSrv},
      {"http+srv://_http._tcp.a", "_http._tcp.a", false, TargetKind::kSrv},
  };
  for (const auto& row : rows) {
    const UrlReading reading = parse_url(row.text);
    expect_text(row.text, reading.url ? reading.url->target : reading.refusal, row.target);
    expect_true(row.text, reading.url->tls == row.tls);
    expect_true(row.text, reading.url->kind == row.kind);
  }
}

void bad_urls_are_refused_with_a_reason(void**) {
  constexpr std::string_view kForms =
      "a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, https+srv://NAME or "
      "unix:PATH";
  constexpr std::string_view kPath = "a peer has no path, query or fragment";
  constexpr std::string_view kPort = "a port is a number from 1 to 65535";
  constexpr std::string_view kHost = "not a host name or IPv4 address";
  constexpr std::string_view kUnix = "unix: and an absolute path, such as unix:/run/a.sock";
  constexpr std::string_view kBrackets =
      "an IPv6 address stands in brackets, such as http://[::1]:80";
  constexpr std::string_view kSrv = "SRV records have a name such as _http._tcp.users.example.org";
  constexpr std::string_view kSrvPort = "SRV records tell the port: there is none after their name";
  const std::string long_label = "http://" + std::string(64, 'a');
  std::string long_host = "http://";
  for (int i = 0; i < 127; ++i) long_host += "a.";
  const struct {
    std::string_view text, reason;
  } rows[] = {
      {"", kForms},
      {"10.0.0.1:8080", kForms},
      {"localhost", kForms},
      {"ftp://a", kForms},
      {"srv://_http._tcp.a", kForms},
      {"http+srv:/_http._tcp.a", kForms},
      {"http+srv://_http._tcp.a:80", kSrvPort},
      {"http+srv://[::1]", kSrvPort},
      {"http+srv://", kSrv},
      {"http+srv://users.test", kSrv},
      {"http+srv://_http._udp.users.test", kSrv},
      {"http+srv://_http._tcp", kSrv},
      {"http+srv://_http._tcp.", kSrv},
      {"http+srv://_._tcp.a", kSrv},
      {"http+srv://http._tcp.a", kSrv},
      {"http+srv://_http._tcp.a b", kSrv},
      {"http+srv://_http._tcp.a/x", kPath},
      {"HTTP://a", kForms},
      {"http:/a", kForms},
      {"//a:80", kForms},
      {"http://a/", kPath},
      {"http://a:80/api", kPath},
      {"http://a?b", kPath},
      {"http://a#b", kPath},
      {"http://a:", kPort},
      {"http://a:0", kPort},
      {"http://a:65536", kPort},
      {"http://a:99999999999999999999", kPort},
      {"http://a:http", kPort},
      {"http://a:-1", kPort},
      {"http://a:080", kPort},
      {"http://[::1]80", kPort},
      {"http://",
       "no host; a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, https+srv://NAME "
       "or unix:PATH"},
      {"http://:80",
       "no host; a peer is http://HOST:PORT, https://HOST:PORT, http+srv://NAME, https+srv://NAME "
       "or unix:PATH"},
      {"http://a b", kHost},
      {"http://a..b", kHost},
      {"http://.", kHost},
      {"http://-a", kHost},
      {"http://a-.b", kHost},
      {"http://a%20b", kHost},
      {"http://\xC3\xA9", kHost},
      {"http://10.0.0.256", kHost},
      {"http://10.1", kHost},
      {"http://10.0.0.01", kHost},
      {"http://2130706433", kHost},
      {"http://${host}", kHost},
      {long_label, kHost},
      {long_host, kHost},
      {"http://::1:80", kBrackets},
      {"http://a:80:81", kBrackets},
      {"http://[::1", "no closing bracket"},
      {"http://[]:80", "not an IPv6 address"},
      {"http://[::g]:80", "not an IPv6 address"},
      {"http://[fe80::1%eth0]:80", "not an IPv6 address"},
      {"http://[127.0.0.1]:80", "not an IPv6 address"},
      {"unix:", kUnix},
      {"unix:run/a.sock", kUnix},
  };
  for (const auto& row : rows) {
    const UrlReading reading = parse_url(row.text);
    expect_true(row.text, !reading.url && !reading.secret);
    expect_text(row.text, reading.refusal, row.reason);
  }
  expect_text("long path", parse_url("unix:/" + std::string(107, 'p')).refusal,
              "a socket's path has at most 107 bytes");
}

void credentials_are_refused_and_marked_secret(void**) {
  for (const std::string_view text : {"http://a:b@c:80", "https://a@c", "ftp://a:b@c", "a:b@c"}) {
    const UrlReading reading = parse_url(text);
    expect_true(text, reading.secret && !reading.url);
    expect_text(text, reading.refusal, "a peer has no user name or password");
  }
}

}  // namespace
}  // namespace kerberos::registry

int main() {
  using namespace kerberos::registry;
  const CMUnitTest tests[] = {
      cmocka_unit_test(good_urls_name_a_target),
      cmocka_unit_test(bad_urls_are_refused_with_a_reason),
      cmocka_unit_test(credentials_are_refused_and_marked_secret),
  };
  return cmocka_run_group_tests(tests, nullptr, nullptr);
}
