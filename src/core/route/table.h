// SPDX-License-Identifier: MIT
//
// All routes of a generation, compiled: finding a request's takes a look-up for each slash of its
// path, however many routes there are, and where there are expressions a few more for the texts
// without which they cannot match. Conditions are checked, and expressions run, on those that were
// found alone.
//
// The image is position-independent (image.h) and constant once written: a reader needs no lock,
// and takes no memory but what RE2 may (regexes.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/route/image.h"
#include "core/route/model.h"
#include "core/route/regexes.h"

namespace kerberos::route {

// A request as routes see it. Headers and arguments are asked for by name, and only where a route
// that fits otherwise wants to know.
struct Request {
  using Find = std::optional<std::string_view> (*)(void* context, std::string_view name);

  std::string_view method;
  std::string_view host;  // as the client sent it, in any case and with a port or not
  std::string_view path;  // decoded and normalized
  Find header = nullptr;
  Find argument = nullptr;
  void* context = nullptr;
};

struct Match {
  std::uint32_t route = 0;
  std::uint32_t service = 0;
  // Whether the path changes: then its new form is write_path()'s.
  bool rewrites = false;
  // What the groups of the expression matched, of the path of the request; [0] is all of it.
  std::array<std::string_view, kGroupsMax + 1> groups;
};

// The image that a Compiled (compile.h) has written.
class Table {
 public:
  explicit Table(const std::byte* memory)
      : base_(memory), image_(reinterpret_cast<const TableImage*>(memory)) {}

  [[nodiscard]] std::optional<Match> match(const Request& request, const Regexes& regexes) const;

  // The path that goes to the peer: how long it is, and its bytes.
  [[nodiscard]] std::size_t path_size(const Match& match, std::string_view path) const;
  void write_path(const Match& match, std::string_view path, char* out) const;

  [[nodiscard]] std::size_t size() const { return image_->size; }
  [[nodiscard]] std::uint32_t routes() const { return image_->routes; }
  [[nodiscard]] std::string_view name(std::uint32_t route) const {
    return text(route_at(route).name);
  }

  // What a route sets, in the order of the file; no pieces: it takes the header away.
  [[nodiscard]] std::span<const HeaderImage> set_headers(std::uint32_t route) const {
    return {at<HeaderImage>(image_->headers_at) + route_at(route).first_set_header,
            route_at(route).set_headers};
  }
  [[nodiscard]] std::span<const PieceImage> pieces(const HeaderImage& header) const {
    return {at<PieceImage>(image_->pieces_at) + header.first_piece, header.pieces};
  }
  [[nodiscard]] std::string_view text(Text text) const {
    return {at<char>(image_->texts_at) + text.at, text.length};
  }

  // What Regexes::adopt() wants to hold. Allocates.
  [[nodiscard]] std::vector<std::string_view> expressions() const;

 private:
  struct Search;

  template <class T>
  [[nodiscard]] const T* at(std::uint32_t offset) const {
    return reinterpret_cast<const T*>(base_ + offset);
  }
  [[nodiscard]] const RouteImage& route_at(std::uint32_t number) const {
    return at<RouteImage>(image_->routes_at)[number];
  }
  template <class Equal>
  [[nodiscard]] const KeyImage* find_key(std::uint64_t hash, std::uint32_t salt,
                                         std::string_view key, Equal&& equal) const;
  [[nodiscard]] std::uint32_t find_host(std::uint64_t hash, std::string_view name) const;

  [[nodiscard]] std::uint32_t by_host(Search& search) const;
  void in_group(Search& search, std::uint32_t group) const;
  void exact(Search& search, std::uint32_t group) const;
  void prefixes(Search& search, std::uint32_t group, std::size_t longest) const;
  void expressions(Search& search, std::uint32_t salt, std::uint64_t lengths,
                   std::string_view text) const;
  void expressions_within(Search& search, std::uint32_t group, std::uint64_t lengths) const;
  void try_list(Search& search, const KeyImage& key) const;
  [[nodiscard]] bool accepts(const Search& search, const RouteImage& route) const;
  [[nodiscard]] bool meets(const Search& search, const ConditionImage& condition,
                           Request::Find find) const;
  [[nodiscard]] std::span<const PieceImage> rewrite(const RouteImage& route) const {
    return {at<PieceImage>(image_->pieces_at) + route.first_piece, route.pieces};
  }
  template <class Sink>
  void make_path(const Match& match, std::string_view path, Sink&& sink) const;

  const std::byte* base_;
  const TableImage* image_;
};

// Which look-up a key is for; those of expressions are in lower case.
enum class KeyKind : std::uint8_t { kExact, kFixed, kPrefix, kWithin };

// The salt of a key: each look-up of each host is a space of its own.
constexpr std::uint32_t salt_of(std::uint32_t group, KeyKind kind) {
  return group * 4 + static_cast<std::uint32_t>(kind);
}

// Keys of expressions are cut to that: one bit each of GroupImage::fixed and within.
inline constexpr std::size_t kExpressionKeyMax = 63;

inline constexpr std::uint64_t kHostSalt = 0x686f7374;

}  // namespace kerberos::route
