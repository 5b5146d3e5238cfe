// SPDX-License-Identifier: MIT
#include "cli/schema.h"

#include <nlohmann/json.hpp>
#include <span>
#include <string_view>
#include <utility>

#include "core/balance/method.h"
#include "core/registry/keys.h"
#include "core/registry/reader.h"
#include "core/registry/scalar.h"
#include "core/registry/value.h"

namespace kerberos::cli {
namespace {

using Json = nlohmann::ordered_json;
using registry::Form;
using registry::KeyRow;

// Larger units first, each at most once; a number without a unit is seconds, and as it is no text
// in YAML, there is a unit in every text.
constexpr std::string_view kTimePattern =
    "^(?=.*[a-z])([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s?)?([0-9]+ms)?$";

// "services" is a mapping of what is called "service".
std::string one_of(std::string_view name) {
  return std::string(name.substr(0, name.size() - 1));
}

Json defined(std::string_view name) {
  return {{"$ref", "#/definitions/" + std::string(name)}};
}

Json text_of_pattern(std::string_view pattern) {
  return {{"type", "string"}, {"pattern", pattern}};
}

Json whole_number(std::int64_t lowest, std::int64_t highest) {
  return {{"type", "integer"}, {"minimum", lowest}, {"maximum", highest}};
}

// What YAML takes for a number or a truth value may be a text.
Json a_text() {
  return {{"type", {"string", "number", "boolean"}}};
}

Json list_of(Json items) {
  return {{"type", "array"}, {"items", std::move(items)}};
}

// By the names of services.
Json mapping_of(Json values) {
  return {{"type", "object"},
          {"propertyNames", text_of_pattern(registry::kNameText.pattern)},
          {"additionalProperties", std::move(values)}};
}

// "A whole number from 1 to 8."
std::string sentence(std::string text) {
  if (!text.empty() && text.front() >= 'a' && text.front() <= 'z') text.front() -= 'a' - 'A';
  return text + ".";
}

// Each word with what it means, for an editor to show beside it.
Json words_of(std::span<const KeyRow> rows) {
  Json words = Json::array();
  for (const KeyRow& row : rows) {
    Json word = row.pattern.empty() ? Json{{"const", row.name}} : text_of_pattern(row.pattern);
    word["description"] = row.meaning;
    words.push_back(std::move(word));
  }
  return words;
}

// "^\\s*hash\\s+\\S+(\\s+bounded=[0-9]+%)?\\s*$"
std::string pattern_of(const balance::MethodRow& method) {
  std::string pattern = "^\\s*" + std::string(method.name);
  if (method.key) pattern += "\\s+\\S+";
  if (method.adaptive) pattern += "(\\s+adaptive)?";
  if (method.bounded) pattern += "(\\s+bounded=[0-9]+%)?";
  return pattern + "\\s*$";
}

class Schema {
 public:
  // The definitions that are used are made on the way.
  Json whole() {
    const std::span<const KeyRow> top = registry::registry_keys();
    Json known = Json::object();
    Json has_one = Json::array();
    for (const KeyRow& row : top) {
      known[std::string(row.name)] = true;
      has_one.push_back({{"required", Json::array({row.name})}});
    }
    Json full = object_of(top);
    const std::string service = one_of("services");
    return {
        {"$schema", "http://json-schema.org/draft-07/schema#"},
        {"title", "A registry of Kerberos, the nginx module"},
        {"description",
         "In full form with services and what is said of all of them; in short form a mapping of "
         "service to peers."},
        {"type", "object"},
        {"properties", std::move(full["properties"])},
        {"if", {{"anyOf", std::move(has_one)}}},
        {"then",
         {{"required", std::move(full["required"])},
          {"properties", std::move(known)},
          {"additionalProperties", false}}},
        {"else",
         {{"propertyNames", text_of_pattern(registry::kNameText.pattern)},
          {"additionalProperties", defined(service)}}},
        {"definitions", std::move(definitions_)},
    };
  }

 private:
  void define(std::string name, Json what) { definitions_[std::move(name)] = std::move(what); }

  // A mapping of these keys and no others.
  Json object_of(std::span<const KeyRow> rows) {
    Json properties = Json::object();
    Json required = Json::array();
    for (const KeyRow& row : rows) {
      properties[std::string(row.name)] = value_of(row);
      if (row.required) required.push_back(row.name);
    }
    Json object = {
        {"type", "object"}, {"properties", std::move(properties)}, {"additionalProperties", false}};
    if (!required.empty()) object["required"] = std::move(required);
    return object;
  }

  // What stands under a key.
  Json value_of(const KeyRow& row) {
    std::string description = std::string(row.meaning) + " " + sentence(allowed_by(row));
    if (!row.standard.empty()) description += " Default: " + std::string(row.standard) + ".";
    Json value = {{"description", std::move(description)}, {"anyOf", forms_of(row)}};
    if (auto standard = standard_of(row); !standard.is_null()) {
      value["default"] = std::move(standard);
    }
    return value;
  }

  // Every form that the value may have. Single values may be, or have within them, a variable.
  Json forms_of(const KeyRow& row) {
    Json forms = Json::array();
    const std::string name(row.name);
    switch (row.form) {
      case Form::kTime:
        forms.push_back(text_of_pattern(kTimePattern));
        forms.push_back(whole_number((row.lowest + 999) / 1'000, row.highest / 1'000));
        break;
      case Form::kShare:
        forms.push_back(text_of_pattern(row.lowest == 0 ? "^([0-9]|[1-9][0-9]|100)%$"
                                                        : "^([1-9][0-9]?|100)%$"));
        break;
      case Form::kNumber:
        forms.push_back(whole_number(row.lowest, row.highest));
        break;
      case Form::kTruth:
        forms.push_back({{"type", "boolean"}});
        break;
      case Form::kWord:
        forms.push_back({{"enum", Json(row.words)}});
        break;
      case Form::kText:
        forms.push_back(a_text());
        forms.back()["pattern"] = row.pattern;
        break;
      case Form::kBalance:
        for (const auto& method : balance::kMethods) {
          forms.push_back(text_of_pattern(pattern_of(method)));
        }
        break;
      case Form::kTexts:
        forms.push_back(list_of_texts(row));
        return forms;
      case Form::kPairs:
        forms.push_back(pairs_of(row));
        return forms;
      case Form::kMap:
        define_once(name, row);
        forms.push_back(defined(name));
        if (row.highest > 0) forms.push_back(whole_number(row.lowest, row.highest));
        if (row.words.empty()) return forms;
        forms.push_back({{"enum", Json(row.words)}});
        break;
      case Form::kList:
        define_once(one_of(name), row);
        forms.push_back(list_of(defined(one_of(name))));
        return forms;
      case Form::kPeers:
        define_peers(row);
        forms.push_back(defined(name));
        return forms;
      case Form::kServices:
        define_service(row);
        forms.push_back(mapping_of(defined(one_of(name))));
        return forms;
    }
    forms.push_back(variable());
    return forms;
  }

  Json variable() {
    define("variable", {{"description",
                         "With a variable of the environment: ${NAME} or "
                         "${NAME:-what stands in for it}."},
                        {"type", "string"},
                        {"pattern", "\\$\\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\\}"}});
    return defined("variable");
  }

  Json list_of_texts(const KeyRow& row) {
    Json items = row.inside == nullptr ? Json::array() : words_of(row.inside());
    if (!row.words.empty()) items.push_back({{"enum", Json(row.words)}});
    items.push_back(variable());
    Json list = list_of({{"anyOf", std::move(items)}});
    list["minItems"] = 1;
    list["uniqueItems"] = true;
    return list;
  }

  Json pairs_of(const KeyRow& row) {
    Json forms = Json::array();
    forms.push_back(a_text());
    if (row.inside != nullptr) {
      forms.back()["type"] = {"string", "number"};  // a truth value: {present: true} was meant
      define_once(std::string(row.name), row);
      forms.push_back(defined(row.name));
    }
    return {{"type", "object"}, {"additionalProperties", {{"anyOf", std::move(forms)}}}};
  }

  void define_once(const std::string& name, const KeyRow& row) {
    if (definitions_.contains(name)) return;
    define(name, Json());  // in its place, before those within it
    define(name, object_of(row.inside()));
  }

  void define_peers(const KeyRow& row) {
    const std::string name(row.name);
    Json list = list_of(defined(one_of(name)));
    list["minItems"] = 1;
    define(name, std::move(list));
    define(one_of(name), Json());
    Json full = object_of(row.inside());
    // A URL alone is a peer.
    Json forms = forms_of(row.inside().front());
    forms.push_back(std::move(full));
    define(one_of(name), {{"anyOf", std::move(forms)}});
  }

  void define_service(const KeyRow& row) {
    const std::string name = one_of(row.name);
    define(name, Json());
    Json full = object_of(row.inside());
    Json forms = Json::array();
    forms.push_back(defined(row.inside().front().name));
    forms.push_back(std::move(full));
    define(name, {{"anyOf", std::move(forms)}});
  }

  // The default as a value of YAML, nothing where it is told in words.
  static Json standard_of(const KeyRow& row) {
    const auto number = registry::number_of(row, row.standard);
    switch (row.form) {
      case Form::kNumber:
        return number ? Json(*number) : Json();
      case Form::kTruth:
        return number ? Json(*number == 1) : Json();
      case Form::kTime:
      case Form::kShare:
      case Form::kWord:
        return number ? Json(row.standard) : Json();
      case Form::kBalance:
        return row.standard;
      default:
        return {};
    }
  }

  Json definitions_ = Json::object();
};

}  // namespace

std::string schema() {
  return Schema().whole().dump(2) + "\n";
}

}  // namespace kerberos::cli
