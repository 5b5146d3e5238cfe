// SPDX-License-Identifier: MIT
#include "core/report/archive.h"

#include <array>
#include <cstdint>
#include <cstdio>

#include "core/balance/hash.h"
#include "core/report/rows.h"
#include "core/report/writer.h"

namespace kerberos::report {
namespace {

constexpr std::string_view kKind = "kerberos registry";
constexpr std::int64_t kSchema = 1;
constexpr std::string_view kList = "sources";

// Of the texts and of their order. The form alone tells what was cut off; this, what was changed.
std::string checksum_of(std::span<const registry::Source> sources) {
  std::uint64_t sum = 0;
  for (const auto& source : sources) {
    constexpr std::uint64_t kPrime = 0x100000001b3;
    sum = sum * kPrime ^ balance::hash_of(source.text);
  }
  std::array<char, 17> digits{};
  (void)std::snprintf(digits.data(), digits.size(), "%016llx",
                      static_cast<unsigned long long>(sum));
  return digits.data();
}

}  // namespace

std::string to_text(std::span<const registry::Source> sources) {
  Writer json;
  json.begin_object();
  json.field("schema", kSchema);
  json.field("kind", kKind);
  json.field("checksum", checksum_of(sources));
  json.key(kList);
  json.begin_array();
  for (const auto& source : sources) {
    json.begin_object();
    json.field("name", source.name);
    json.field("text", source.text);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  std::string text = json.take() + '\n';
  if (!read_archive(text).problem.empty()) text.clear();
  return text;
}

ArchiveReading read_archive(std::string_view text) {
  ArchiveReading reading;
  const Rows rows = read_rows(text, kKind, kSchema, kList);
  reading.problem = rows.problem;
  for (const Row& row : rows.rows) {
    const auto name = row.text("name");
    const auto said = row.text("text");
    if (!name || !said) reading.problem = "is not of the right form";
    reading.sources.push_back({std::string(name.value_or("")), std::string(said.value_or(""))});
  }
  if (reading.problem.empty() && rows.head.text("checksum") != checksum_of(reading.sources)) {
    reading.problem = "has been changed: its checksum is wrong";
  }
  if (!reading.problem.empty()) reading.sources.clear();
  return reading;
}

}  // namespace kerberos::report
