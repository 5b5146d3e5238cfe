// SPDX-License-Identifier: MIT
#include "core/report/rows.h"

#include <nlohmann/json.hpp>

namespace kerberos::report {
namespace {

using nlohmann::json;

// What the library calls for each token; false stops it.
class Listener : public nlohmann::json_sax<json> {
 public:
  Listener(Rows& rows, std::string_view list) : rows_(rows), list_(list) {}

  bool null() override { return take({}); }
  bool boolean(bool yes) override { return take(yes); }
  bool number_integer(number_integer_t number) override { return take(number); }
  bool number_unsigned(number_unsigned_t number) override {
    if (number > INT64_MAX) return take({});
    return take(static_cast<std::int64_t>(number));
  }
  bool number_float(number_float_t, const string_t&) override { return take({}); }
  bool string(string_t& text) override { return take(std::move(text)); }
  bool binary(binary_t&) override { return refuse(); }

  bool start_object(std::size_t) override {
    if (place_ == Place::kOutside) {
      place_ = Place::kHead;
      return true;
    }
    if (place_ != Place::kList) return refuse();
    if (rows_.rows.size() == Rows::kMax) return complain("has too many rows");
    rows_.rows.emplace_back();
    place_ = Place::kRow;
    return true;
  }
  bool key(string_t& name) override {
    key_ = std::move(name);
    return true;
  }
  bool end_object() override {
    place_ = place_ == Place::kRow ? Place::kList : Place::kOutside;
    return true;
  }
  bool start_array(std::size_t) override {
    if (place_ != Place::kHead || key_ != list_ || listed_) return refuse();
    listed_ = true;
    place_ = Place::kList;
    return true;
  }
  bool end_array() override {
    place_ = Place::kHead;
    return true;
  }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return complain("is no JSON from byte " + std::to_string(position) + " on");
  }

  [[nodiscard]] bool listed() const { return listed_; }

 private:
  enum class Place : std::uint8_t { kOutside, kHead, kList, kRow };

  bool take(Row::Value value) {
    if (place_ == Place::kHead) {
      rows_.head.add(std::move(key_), std::move(value));
      return true;
    }
    if (place_ != Place::kRow) return refuse();
    rows_.rows.back().add(std::move(key_), std::move(value));
    return true;
  }
  bool refuse() { return complain("is not of the right form"); }
  bool complain(std::string what) {
    rows_.problem = std::move(what);
    return false;
  }

  Rows& rows_;
  std::string_view list_;
  std::string key_;
  Place place_ = Place::kOutside;
  bool listed_ = false;
};

std::string problem_of(const Rows& rows, bool listed, std::string_view kind, std::int64_t schema) {
  if (!rows.problem.empty()) return rows.problem;
  if (rows.head.text("kind") != kind) return "is not a document of \"" + std::string(kind) + '"';
  const auto known = rows.head.number("schema");
  if (!known) return "has no schema";
  if (*known != schema) {
    return "has schema " + std::to_string(*known) + ", known is " + std::to_string(schema);
  }
  return listed ? "" : "is not of the right form";
}

}  // namespace

const Row::Value* Row::find(std::string_view key) const {
  for (const auto& [name, value] : fields_) {
    if (name == key) return &value;
  }
  return nullptr;
}

std::optional<std::string_view> Row::text(std::string_view key) const {
  const Value* value = find(key);
  const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
  if (text == nullptr) return std::nullopt;
  return *text;
}

std::optional<std::int64_t> Row::number(std::string_view key) const {
  const Value* value = find(key);
  const auto* number = value == nullptr ? nullptr : std::get_if<std::int64_t>(value);
  if (number == nullptr) return std::nullopt;
  return *number;
}

std::optional<bool> Row::flag(std::string_view key) const {
  const Value* value = find(key);
  const auto* flag = value == nullptr ? nullptr : std::get_if<bool>(value);
  if (flag == nullptr) return std::nullopt;
  return *flag;
}

Rows read_rows(std::string_view text, std::string_view kind, std::int64_t schema,
               std::string_view list) {
  Rows rows;
  Listener listener(rows, list);
  json::sax_parse(text.begin(), text.end(), &listener);
  rows.problem = problem_of(rows, listener.listed(), kind, schema);
  if (!rows.problem.empty()) {
    rows.head = {};
    rows.rows.clear();
  }
  return rows;
}

}  // namespace kerberos::report
