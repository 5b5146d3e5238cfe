// SPDX-License-Identifier: MIT
#include "core/registry/message.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "core/registry/raw_text.h"

namespace kerberos::registry {
namespace {

constexpr std::size_t kColumnsMax = 100;    // of a source line; longer ones are cut
constexpr std::size_t kColumnsBefore = 40;  // of a cut line, before the place
constexpr std::size_t kNumberWidth = 5;
constexpr std::string_view kCut = "...";

struct Range {
  char32_t first;
  char32_t last;
};

// What takes no column: marks that stand on the character before them.
constexpr std::array kMarks = {
    Range{0x0300, 0x036F}, Range{0x0483, 0x0489}, Range{0x0591, 0x05BD}, Range{0x0610, 0x061A},
    Range{0x064B, 0x065F}, Range{0x0E34, 0x0E3A}, Range{0x0E47, 0x0E4E}, Range{0x1AB0, 0x1AFF},
    Range{0x1DC0, 0x1DFF}, Range{0x20D0, 0x20FF}, Range{0x3099, 0x309A}, Range{0xFE00, 0xFE0F},
    Range{0xFE20, 0xFE2F},
};

// What takes two: the wide characters of East Asia, and pictures.
constexpr std::array kWide = {
    Range{0x1100, 0x115F},   Range{0x2E80, 0x303E},   Range{0x3041, 0xA4CF},
    Range{0xAC00, 0xD7A3},   Range{0xF900, 0xFAFF},   Range{0xFE30, 0xFE6F},
    Range{0xFF00, 0xFF60},   Range{0xFFE0, 0xFFE6},   Range{0x1F300, 0x1F64F},
    Range{0x1F680, 0x1F6FF}, Range{0x1F900, 0x1F9FF}, Range{0x20000, 0x3FFFD},
};

// What turns the direction of a text, splits its line or hides in it.
constexpr std::array kInvisible = {
    Range{0x00AD, 0x00AD}, Range{0x061C, 0x061C}, Range{0x200B, 0x200F}, Range{0x2028, 0x202E},
    Range{0x2060, 0x206F}, Range{0xFEFF, 0xFEFF}, Range{0xFFF9, 0xFFFB}, Range{0xE0000, 0xE007F},
};

bool is_in(std::span<const Range> ranges, char32_t code) {
  return std::ranges::any_of(
      ranges, [code](const Range& range) { return code >= range.first && code <= range.last; });
}

// A character of a source line as it is printed.
struct Cell {
  std::string_view text;
  std::size_t width = 1;
  std::size_t at = 0;  // its byte in the line
};

Cell cell_at(std::string_view line, std::size_t at, std::size_t& size) {
  const Character character = character_at(line, at);
  size = character.size;
  if (character.code == '\t') return {" ", 1, at};
  if (character.code == kInvalid || is_control(character.code) ||
      is_in(kInvisible, character.code)) {
    return {"?", 1, at};
  }
  const std::size_t width = is_in(kMarks, character.code)  ? 0
                            : is_in(kWide, character.code) ? 2
                                                           : 1;
  return {line.substr(at, size), width, at};
}

// What must not be read by anybody stands in front of an "@", back to the scheme of its URL or,
// without one, to the blank or the quote before it. One walk, however long the line is and however
// many of these there are in it.
std::vector<Cell> cells_of(std::string_view line) {
  constexpr std::string_view kScheme = "://";
  std::vector<Cell> cells;
  std::optional<std::size_t> scheme;  // in cells, what follows the last one
  std::size_t blank = 0;
  std::size_t hidden = 0;  // up to there it is done
  for (std::size_t at = 0, size = 0; at < line.size(); at += size) {
    if (line[at] == '@') {
      for (std::size_t i = std::max(scheme.value_or(blank), hidden); i < cells.size(); ++i) {
        cells[i] = {"*", 1, cells[i].at};
      }
      hidden = cells.size();
    }
    cells.push_back(cell_at(line, at, size));
    if (line.substr(at).starts_with(kScheme)) scheme = cells.size() + kScheme.size() - 1;
    if (std::string_view(" \t\"'").find(line[at]) != std::string_view::npos) blank = cells.size();
  }
  return cells;
}

// The line of that number, which counts from 1. A byte order mark is no part of a file's first one.
std::optional<std::string_view> line_of(const Source& source, int number) {
  std::string_view text = source.text;
  if (!source.is_variable() && text.starts_with(kByteOrderMark))
    text.remove_prefix(kByteOrderMark.size());
  for (; number > 1; --number) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  text = text.substr(0, text.find('\n'));
  if (text.ends_with('\r')) text.remove_suffix(1);
  return text;
}

std::size_t width_of(std::span<const Cell> cells) {
  std::size_t width = 0;
  for (const Cell& cell : cells) width += cell.width;
  return width;
}

// A line as it is printed, and what stands under it.
struct Shown {
  std::string line;
  std::string caret;
};

// Takes cells away from one end until the rest has room.
std::span<const Cell> trimmed(std::span<const Cell> cells, std::size_t room, bool front) {
  std::size_t width = width_of(cells);
  while (width > room) {
    width -= (front ? cells.front() : cells.back()).width;
    cells = front ? cells.subspan(1) : cells.first(cells.size() - 1);
  }
  return cells;
}

Shown show(std::string_view line, std::size_t from, std::size_t length) {
  const std::vector<Cell> cells = cells_of(line);
  const auto index_of = [&](std::size_t at) {
    const auto found = std::ranges::lower_bound(cells, at, {}, &Cell::at);
    return static_cast<std::size_t>(found - cells.begin());
  };
  const std::size_t first = index_of(from);
  const std::size_t last = index_of(from + length);

  std::span<const Cell> before(cells.data(), first);
  std::span<const Cell> rest = std::span(cells).subspan(first);
  bool cut_before = false;
  bool cut_after = false;
  if (width_of(cells) > kColumnsMax) {
    const std::size_t wanted = kColumnsMax - std::min(width_of(rest), kColumnsMax - kColumnsBefore);
    const std::size_t had = before.size();
    before = trimmed(before, wanted, true);
    cut_before = before.size() < had;
    const auto kept = trimmed(rest, kColumnsMax - width_of(before), false);
    cut_after = kept.size() < rest.size();
    rest = kept;
  }

  Shown shown;
  if (cut_before) shown.line += kCut;
  for (const Cell& cell : before) shown.line += cell.text;
  for (const Cell& cell : rest) shown.line += cell.text;
  if (cut_after) shown.line += kCut;
  const std::size_t marked = width_of(rest.first(std::min(last - first, rest.size())));
  shown.caret.assign((cut_before ? kCut.size() : 0) + width_of(before), ' ');
  shown.caret += '^';
  if (marked > 1) shown.caret.append(marked - 1, '~');
  return shown;
}

std::string printable(std::string_view text) {
  std::string result;
  for (std::size_t at = 0, size = 0; at < text.size(); at += size) {
    result += cell_at(text, at, size).text;
  }
  return result;
}

}  // namespace

std::vector<std::string> message_of(const base::Problem& problem, std::span<const Source> sources) {
  const auto [number, column] = problem.place;
  const Source& source = sources[problem.source];
  std::string head = printable(source.name);
  if (number > 0) head += ":" + std::to_string(number) + ":" + std::to_string(column);
  std::vector<std::string> lines = {head + ": " + printable(problem.text)};

  const auto line = number > 0 && column > 0 ? line_of(source, number) : std::nullopt;
  if (!line || line->empty()) return lines;
  const auto [text, caret] = show(*line, static_cast<std::size_t>(column) - 1, problem.length);
  std::string digits = std::to_string(number);
  if (digits.size() < kNumberWidth) digits.insert(0, kNumberWidth - digits.size(), ' ');
  lines.push_back(digits + " | " + text);
  lines.push_back(std::string(digits.size(), ' ') + " | " + caret);
  return lines;
}

}  // namespace kerberos::registry
