// SPDX-License-Identifier: MIT
#include "core/registry/document.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "core/registry/closing.h"
#include "core/registry/columns.h"
#include "core/registry/raw_text.h"
#include "core/registry/unreadable.h"
#include "core/registry/wording.h"

namespace kerberos::registry {
namespace {

// yaml-cpp's marks count from 0 and are -1 where it knows no place.
base::Place place_of(const YAML::Mark& mark) {
  return mark.is_null() ? base::Place{} : base::Place{mark.line + 1, mark.column + 1};
}

// yaml-cpp takes the end of the file for the closing quote, so a file cut off in the middle of a
// value would pass.
bool is_closed(std::string_view text) {
  return closing_quote(text) != std::string_view::npos;
}

// The dash of an item without a value, by the place of whatever comes next: between them there are
// blanks and comments only.
std::optional<std::size_t> dash_before(std::string_view text, std::size_t next) {
  for (std::string_view before = text.substr(0, next);;) {
    const std::size_t begin = before.rfind('\n') + 1;  // npos + 1 is the first line
    const std::string_view line = before.substr(begin);
    const std::size_t word = line.find_first_not_of(" \t\r");
    if (word != std::string_view::npos && line[word] == '-') {
      const std::size_t end = std::min(line.find_first_not_of("- \t\r", word), line.size());
      if (end < line.size() && line[end] != '#') return std::nullopt;
      return begin + line.substr(0, end).rfind('-');
    }
    const bool is_empty = word == std::string_view::npos || line[word] == '#';
    if (!is_empty || begin == 0) return std::nullopt;
    before = before.substr(0, begin - 1);
  }
}

// Makes a tree of yaml-cpp's events. What leaves the structure in doubt stops the building, so
// that nothing else is reported of what would only be its consequence.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(std::string_view text) : text_(text) {}

  Document take() && {
    Document document;
    document.problems = std::move(problems_);
    if (!stopped_) document.root = std::move(root_);
    return document;
  }

  void stop(base::Place place, std::string what) { stop({place, std::move(what)}); }

  void stop(base::Problem problem) {
    if (!stopped_) problems_.push_back(std::move(problem));
    stopped_ = true;
  }

  // What the parser could not read.
  void stop(const YAML::Exception& error) {
    stop(unreadable(text_, {.message = error.msg,
                            .place = place_of(error.mark),
                            .at = at(error.mark),
                            .bracket = outermost_bracket()}));
  }

  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ < 2) return;
    const std::string_view before = text_.substr(0, text_.size() - from(mark).size());
    const bool is_marked =
        from(mark).starts_with("---") || before.find("\n...") != std::string_view::npos;
    stop(place_of(mark), is_marked ? "second document (one in a file)"
                                   : "not readable as YAML (nothing can stand here)");
  }
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    if (stopped_) return;
    problems_.push_back({place_of(mark),
                         "anchor " + quoted(name) + " (anchors and aliases are not read)", 0,
                         columns_of_word(from(mark))});
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    stop(alias_at(place_of(mark), from(mark)));
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t /*anchor*/) override {
    if (!counts(mark)) return;
    Node node;
    // The mark of a value that is not there is that of whatever comes next.
    node.place = place_of(mark);
    if (under_key()) {
      node.place = open_.back().key->place;
      node.length = open_.back().key->length;
    } else if (is_block_item()) {
      node.place = place_of_item(mark);
    }
    if (awaits_key()) return stop(node.place, "empty key (a key is a word)");
    add(std::move(node));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                const std::string& value) override {
    if (!counts(mark)) return;
    const base::Place place = place_of(mark);
    const std::string_view source = from(mark);
    const bool starts_with_quote = source.starts_with('"') || source.starts_with('\'');
    if (starts_with_quote && !is_closed(source)) {
      return stop(place, "unterminated quote (no closing " + source_quote(source) +
                             " up to the end of the file)");
    }
    // Quoted and block scalars have the tag "!" as well, without anybody having written it.
    const bool is_written = source.starts_with('!');
    if (!is_default(tag) && (tag != "!" || is_written)) refuse_tag(mark);
    if (has_control(value)) {
      report(place, "control character or line break in " + quoted(value) + " (one line of text)");
    }
    if (awaits_key()) {
      open_.back().key = Key{value, place, columns_of(source, value)};
      return;
    }
    Node node;
    node.kind = Kind::kScalar;
    node.quoted = tag == "!" && !is_written;
    node.place = place;
    node.length = columns_of(source, value);
    node.text = value;
    add(std::move(node));
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                       YAML::EmitterStyle::value /*style*/) override {
    open(Kind::kSequence, mark, tag);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t /*anchor*/,
                  YAML::EmitterStyle::value /*style*/) override {
    open(Kind::kMap, mark, tag);
  }
  void OnMapEnd() override { close(); }

 private:
  // A sequence or a map whose end has not come yet.
  struct Open {
    Node node;
    std::optional<Key> key;  // of a map, whose value comes next
    std::unordered_map<std::string, base::Place> seen;
    std::size_t at = 0;  // its byte
  };

  static bool is_default(const std::string& tag) { return tag.empty() || tag == "?"; }
  static std::string source_quote(std::string_view source) {
    return std::string(source.substr(0, 1));
  }

  void report(base::Place place, std::string what) {
    problems_.push_back({place, std::move(what)});
  }

  // As it is written, and not what it is short for.
  void refuse_tag(const YAML::Mark& mark) {
    const std::uint32_t length = columns_of_word(from(mark));
    problems_.push_back({place_of(mark),
                         "tag " + quoted(from(mark).substr(0, length)) + " (tags are not read)", 0,
                         length});
  }

  // Of what is open where the parser is.
  std::optional<std::size_t> outermost_bracket() const {
    for (const Open& open : open_) {
      if (open.at < text_.size() && (text_[open.at] == '[' || text_[open.at] == '{')) {
        return open.at;
      }
    }
    return std::nullopt;
  }

  // The source from a mark on, empty where the mark has no place in it.
  std::string_view from(const YAML::Mark& mark) const {
    const auto at = static_cast<std::size_t>(mark.pos);
    return mark.pos >= 0 && at < text_.size() ? text_.substr(at) : std::string_view();
  }

  std::size_t at(const YAML::Mark& mark) const { return text_.size() - from(mark).size(); }

  // Of an item that is nothing: its own where it is written (as "~"), or else that of its dash.
  base::Place place_of_item(const YAML::Mark& mark) const {
    base::Place place = place_of(mark);
    const auto dash = dash_before(text_, at(mark));
    if (!dash) return place;
    const std::string_view between = text_.substr(*dash, at(mark) - *dash);
    const auto lines = static_cast<int>(std::ranges::count(between, '\n'));
    if (lines == 0 && !from(mark).empty()) return place;
    // The parser has seen a line end behind a text that has none.
    const int added = static_cast<std::size_t>(mark.pos) > text_.size() ? 1 : 0;
    const auto begin = text_.substr(0, *dash).rfind('\n') + 1;
    return {place.line - lines - added, static_cast<int>(*dash - begin) + 1};
  }

  // Between brackets nothing has to be written as "~", and many can stand in one long line.
  bool is_block_item() const {
    return !open_.empty() && open_.back().node.kind == Kind::kSequence &&
           !text_.substr(open_.back().at).starts_with('[');
  }
  bool under_key() const { return !open_.empty() && open_.back().key.has_value(); }
  bool awaits_key() const {
    return !open_.empty() && open_.back().node.kind == Kind::kMap && !open_.back().key;
  }

  // Counts one node; false if it is not to be built.
  bool counts(const YAML::Mark& mark) {
    if (!stopped_ && ++nodes_ > kNodesMax) {
      stop(place_of(mark), "too many values (at most " + std::to_string(kNodesMax) + ")");
    }
    return !stopped_;
  }

  void open(Kind kind, const YAML::Mark& mark, const std::string& tag) {
    if (!counts(mark)) return;
    const base::Place place = place_of(mark);
    if (awaits_key()) return refuse_key(mark);
    if (open_.size() == kDepthMax) {
      return stop(place, "nested too deep (at most " + std::to_string(kDepthMax) + " levels)");
    }
    if (!is_default(tag)) refuse_tag(mark);
    Open next;
    next.node.kind = kind;
    next.node.place = place;
    next.at = at(mark);
    open_.push_back(std::move(next));
  }

  // To the parser a bracket that stays open to the end is a key without a value.
  void refuse_key(const YAML::Mark& mark) {
    const std::string_view source = from(mark);
    if (source.starts_with('[') || source.starts_with('{')) {
      if (auto flaw = flaw_of_bracket(text_, static_cast<std::size_t>(mark.pos))) {
        return stop(*std::move(flaw));
      }
    }
    stop(place_of(mark), "key that is a list or a mapping (a key is a word)");
  }

  void close() {
    if (stopped_) return;
    Node node = std::move(open_.back().node);
    open_.pop_back();
    add(std::move(node));
  }

  void add(Node node) {
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == Kind::kMap) {
      Key key = *std::exchange(parent.key, std::nullopt);
      if (!is_new(parent, key)) return;
      parent.node.keys.push_back(std::move(key));
    }
    parent.node.children.push_back(std::move(node));
  }

  // Whether the key may enter its map; a second one of the same name and "<<" may not.
  bool is_new(Open& parent, const Key& key) {
    if (key.text == "<<") {
      problems_.push_back(
          problem_at(key, "merge key \"<<\" (merging is not read; write the keys out)"));
      return false;
    }
    const auto [first, added] = parent.seen.emplace(key.text, key.place);
    if (!added) {
      problems_.push_back(problem_at(
          key, "duplicate key " + quoted(key.text) + " (" + first_at(first->second) + ")"));
    }
    return added;
  }

  std::string_view text_;
  base::Problems problems_;
  std::vector<Open> open_;  // outermost first; at most kDepthMax
  std::optional<Node> root_;
  std::size_t nodes_ = 0;
  int documents_ = 0;
  bool stopped_ = false;
};

}  // namespace

base::Problem problem_at(const Key& key, std::string text) {
  return {.place = key.place, .text = std::move(text), .length = key.length};
}

base::Problem problem_at(const Node& node, std::string text) {
  return {.place = node.place, .text = std::move(text), .length = node.length};
}

Document parse_document(std::string_view text) {
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  if (auto flaw = flaw_of(text)) return {std::nullopt, {*std::move(flaw)}};

  Builder builder(text);
  try {
    // With a line end at its end, an unterminated quote comes as an event that knows where the
    // quote began, and not as an exception that does not.
    std::istringstream stream(std::string(text) + (text.ends_with('\n') ? "" : "\n"));
    YAML::Parser parser(stream);
    // A second document is asked for only to refuse it; never a third: before some broken texts
    // (",") yaml-cpp finds an empty document without moving on, and would find it for ever.
    if (parser.HandleNextDocument(builder)) parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& error) {
    builder.stop(error);
  }

  Document document = std::move(builder).take();
  const bool empty = !document.root || document.root->kind == Kind::kNothing;
  if (empty && document.problems.empty()) {
    document.root.reset();
    document.problems.push_back({{1, 1}, "empty file (a mapping of services)"});
  }
  return document;
}

}  // namespace kerberos::registry
