// SPDX-License-Identifier: MIT
#include "core/report/answers.h"

#include <arpa/inet.h>

#include <cstdint>
#include <optional>

#include "core/report/rows.h"
#include "core/report/writer.h"

namespace kerberos::report {
namespace {

using registry::NamedAddress;

constexpr std::string_view kKind = "kerberos names";
constexpr std::int64_t kSchema = 1;
constexpr std::string_view kList = "addresses";

bool read_ip(const Row& row, NamedAddress& address) {
  const std::string text(row.text("ip").value_or(""));
  address.v6 = text.find(':') == std::string::npos ? 0 : 1;
  return inet_pton(address.v6 != 0 ? AF_INET6 : AF_INET, text.c_str(), address.ip.data()) == 1;
}

bool read_number(const Row& row, std::string_view key, std::uint16_t& number) {
  const std::int64_t known = row.number(key).value_or(-1);
  number = static_cast<std::uint16_t>(known);
  return known >= 0 && known <= UINT16_MAX;
}

std::optional<SavedAddress> read(const Row& row) {
  SavedAddress saved{.name = std::string(row.text("name").value_or("")), .address = {}};
  NamedAddress& address = saved.address;
  const bool good =
      !saved.name.empty() && read_ip(row, address) && read_number(row, "port", address.port) &&
      read_number(row, "priority", address.priority) && read_number(row, "weight", address.weight);
  if (!good) return std::nullopt;
  return saved;
}

}  // namespace

std::string to_text(std::span<const SavedAddress> addresses) {
  Writer json;
  json.begin_object();
  json.field("schema", kSchema);
  json.field("kind", kKind);
  json.key(kList);
  json.begin_array();
  for (const auto& [name, address] : addresses) {
    NamedAddress bare = address;
    bare.port = 0;
    json.begin_object();
    json.field("name", name);
    json.field("ip", registry::text_of(bare));
    json.field("port", address.port);
    json.field("priority", address.priority);
    json.field("weight", address.weight);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

AnswersReading read_answers(std::string_view text) {
  const Rows rows = read_rows(text, kKind, kSchema, kList);
  AnswersReading reading{.addresses = {}, .skipped = 0, .problem = rows.problem};
  for (const Row& row : rows.rows) {
    if (auto saved = read(row)) {
      reading.addresses.push_back(std::move(*saved));
    } else {
      ++reading.skipped;
    }
  }
  return reading;
}

}  // namespace kerberos::report
