// SPDX-License-Identifier: MIT
#include "core/route/table.h"

#include <algorithm>
#include <optional>

#include "abi/guard.h"
#include "abi/handles.h"

using kerberos::abi::guarded_or;
using kerberos::abi::text;
using kerberos::abi::view;
using kerberos::route::HeaderImage;
using kerberos::route::Match;
using kerberos::route::PieceImage;
using kerberos::route::PieceKind;
using kerberos::route::Request;
using kerberos::route::Table;

static_assert(kerberos::route::kGroupsMax + 1 == KERBEROS_ROUTE_GROUPS);

namespace {

Table table_of(const kerberos_process* process) {
  return *process->process.generation().routes();
}

std::optional<std::string_view> ask(kerberos_on_field field, void* context, std::string_view name) {
  kerberos_text value{};
  if (field(context, text(name), &value) == 0) return std::nullopt;
  return view(value);
}

// What the table asks for comes from the caller's functions.
Request request_of(const kerberos_route_request& shown) {
  Request request;
  request.method = view(shown.method);
  request.host = view(shown.host);
  request.path = view(shown.path);
  request.context = const_cast<kerberos_route_request*>(&shown);
  request.header = [](void* context, std::string_view name) {
    const auto* from = static_cast<const kerberos_route_request*>(context);
    return ask(from->header, from->context, name);
  };
  request.argument = [](void* context, std::string_view name) {
    const auto* from = static_cast<const kerberos_route_request*>(context);
    return ask(from->argument, from->context, name);
  };
  return request;
}

Match match_of(const kerberos_route& route) {
  Match match{.route = route.route,
              .service = route.service,
              .rewrites = route.rewrites != 0,
              .groups = {}};
  std::transform(std::begin(route.groups), std::end(route.groups), match.groups.begin(), view);
  return match;
}

}  // namespace

extern "C" {

int kerberos_has_routes(kerberos_process* process) {
  return process->process.generation().routes() ? 1 : 0;
}

kerberos_result kerberos_route_match(kerberos_process* process,
                                     const kerberos_route_request* request, kerberos_route* route) {
  return kerberos::abi::guarded([&] {
    if (kerberos_has_routes(process) == 0) return KERBEROS_REFUSED;
    const Table table = table_of(process);
    const auto match = table.match(request_of(*request), process->process.regexes());
    if (!match) return KERBEROS_REFUSED;
    route->service = match->service;
    route->route = match->route;
    route->rewrites = match->rewrites ? 1 : 0;
    route->name = text(table.name(match->route));
    route->path_length = match->rewrites ? table.path_size(*match, view(request->path)) : 0;
    route->set_headers = static_cast<uint32_t>(table.set_headers(match->route).size());
    std::transform(match->groups.begin(), match->groups.end(), std::begin(route->groups), text);
    return KERBEROS_OK;
  });
}

void kerberos_route_path(kerberos_process* process, const kerberos_route* route, kerberos_text path,
                         char* out) {
  table_of(process).write_path(match_of(*route), view(path), out);
}

kerberos_text kerberos_route_header(kerberos_process* process, const kerberos_route* route,
                                    uint32_t number, kerberos_on_piece on_piece, void* context) {
  const Table table = table_of(process);
  const HeaderImage& header = table.set_headers(route->route)[number];
  for (const PieceImage& piece : table.pieces(header)) {
    if (piece.kind == PieceKind::kVariable) {
      on_piece(context, KERBEROS_PIECE_VARIABLE, text(table.text(piece.text)));
    } else {
      on_piece(context, KERBEROS_PIECE_TEXT,
               piece.kind == PieceKind::kGroup ? route->groups[piece.group]
                                               : text(table.text(piece.text)));
    }
  }
  return text(table.text(header.name));
}

void kerberos_count_unmatched(kerberos_process* process) {
  process->process.zone().header().unmatched.fetch_add(1, std::memory_order_relaxed);
}

}  // extern "C"
