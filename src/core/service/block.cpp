// SPDX-License-Identifier: MIT
#include "core/service/block.h"

#include <cstdint>

#include "core/balance/least_conn.h"
#include "core/service/generation.h"
#include "core/service/layout.h"

namespace kerberos::service {

Parts place_parts(Cursor& cursor, const Plan& plan, std::size_t ranks) {
  cursor.take<Generation>(1);
  return {cursor.take<ServiceImage>(plan.services.size()),
          cursor.take<PeerImage>(plan.peers),
          cursor.take<breaker::Options>(plan.options.size()),
          cursor.take<Terms>(plan.terms.size()),
          cursor.take<std::uint32_t>(plan.buckets),
          cursor.take<Place>(ranks),
          cursor.take(plan.table ? plan.table->size() : 0, 8),
          cursor.take<Offset>(plan.names->size())};
}

ServiceParts place_service(Cursor& cursor, const ServicePlan& plan) {
  ServiceParts parts{};
  parts.entries = cursor.take(plan.room.entries() * sizeof(std::uint32_t), kLine);
  parts.due = cursor.take(DueTimes::keys(plan.count()) * sizeof(base::Instant), kLine);
  for (std::size_t tier = 0; tier < balance::kTiers; ++tier) {
    if (plan.ranked[tier]) {
      parts.loads[tier] =
          cursor.take(balance::Loads::keys(plan.count()) * sizeof(std::uint32_t), kLine);
    }
    parts.points[tier] = cursor.take<balance::Point>(plan.points[tier].size());
  }
  return parts;
}

std::size_t block_size(const Plan& plan, std::size_t ranks) {
  Cursor cursor;
  place_parts(cursor, plan, ranks);
  for (const auto& [file, certificate] : *plan.certificates)
    cursor.take(certificate.text.size(), 1);
  for (const auto& terms : plan.terms) cursor.take(terms.tls_settings.name.value_or("").size(), 1);
  for (const auto& service : plan.services) {
    cursor.take(service.service->name.size(), 1);
    cursor.take(service.service->balance.key.size(), 1);
    place_service(cursor, service);
    for (const auto& peer : service.peers) {
      cursor.take(peer.id.size(), 1);
      if (peer.id != peer.address->text) cursor.take(peer.address->text.size(), 1);
      cursor.take(peer.address->bytes.size(), 8);
    }
  }
  return cursor.size();
}

}  // namespace kerberos::service
